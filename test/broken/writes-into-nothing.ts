import type { RegisterSuite } from './over-memory.ts'
import { overWorld } from './over-world.ts'

/** Goes on as if nothing had happened when its data is gone. */
export const writesIntoNothing: RegisterSuite = overWorld({
  build: (right, world) => ({
    commit: async (batch) => {
      if (world.room > 0) await right.commit(batch)
    },
  }),
  abilities: {
    remove: async ({ world }) => {
      world.room = 0
    },
  },
})
