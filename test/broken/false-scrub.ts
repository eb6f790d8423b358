import { memoryStore } from '../../src/adapters/memory.ts'
import { storeSuite } from '../../src/testkit/store-suite.ts'
import type { RegisterSuite } from './over-memory.ts'

/** Says that a scrub left nothing, and has kept everything. */
export const falseScrub: RegisterSuite = (test) => {
  storeSuite({
    test,
    open: async () => {
      const right = memoryStore()
      const kept: Uint8Array[] = []
      const store = {
        ...right,
        commit: async (batch: Parameters<typeof right.commit>[0]) => {
          kept.push(...batch.put.map(([, value]) => new Uint8Array(value)))
          await right.commit(batch)
        },
        scrub: async () => ({ cleared: ['everything'], remains: [] }),
      }
      return { store, kept, dispose: async () => {} }
    },
    residue: async ({ kept }) => kept,
  })
}
