import { type RegisterSuite, overMemory, turn } from './over-memory.ts'

/** Resolves when the request is sent, not when it is carried out. */
export const earlyResolve: RegisterSuite = overMemory((right) => ({
  commit: async (batch) => {
    const sent = structuredClone(batch)
    void slowly(() => right.commit(sent))
  },
}))

async function slowly(run: () => Promise<void>): Promise<void> {
  for (let hop = 0; hop < 8; hop += 1) await turn()
  await run().catch(() => undefined)
}
