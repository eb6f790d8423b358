import { assertBatch, assertKeys } from '../../src/storage/batch-rules.ts'
import type { Store } from '../../src/storage/store.ts'
import { type RegisterSuite, overMemory } from './over-memory.ts'

/** Queues the caller's own batch, and looks into it later. */
export const aliasingIn: RegisterSuite = overMemory((right) => ({
  commit: (batch) =>
    later(right, () => assertBatch(batch, right.limits)).then(() => right.commit(batch)),
  read: (keys) => later(right, () => assertKeys(keys)).then(() => right.read(keys)),
}))

async function later(right: Store, check: () => void): Promise<void> {
  await right.read([])
  check()
}
