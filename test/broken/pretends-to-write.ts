import { memoryStore } from '../../src/adapters/memory.ts'
import type { RegisterSuite } from './over-memory.ts'
import { overWorld } from './over-world.ts'

/** On a replica that only reads, keeps what was written in its cache, and says it is done. */
export const pretendsToWrite: RegisterSuite = overWorld({
  abilities: {
    readOnly: async ({ world }) => ({
      ...memoryStore({ share: world.data }),
      commit: async () => undefined,
    }),
  },
})
