import { type RegisterSuite, overMemory, turn } from './over-memory.ts'

/** Resolves when a batch is in its buffer; its own reads wait for the buffer, those of others do not. */
export const writeBehind: RegisterSuite = overMemory((right) => {
  let flushed: Promise<unknown> = Promise.resolve()
  return {
    read: async (keys) => {
      await flushed
      return right.read(keys)
    },
    scan: async (prefix, page) => {
      await flushed
      return right.scan(prefix, page)
    },
    commit: async (batch) => {
      const copy = structuredClone(batch)
      await flushed
      // Checked at once, against rows that nobody else writes.
      await right.commit({ checks: copy.checks, put: [], del: [] }).catch(() => undefined)
      flushed = slowly().then(() => right.commit(copy).catch(() => undefined))
    },
  }
})

async function slowly(): Promise<void> {
  for (let hop = 0; hop < 40; hop += 1) await turn()
}
