import type { RegisterSuite } from './over-memory.ts'
import { overWorld } from './over-world.ts'

const silent = new WeakSet<object>()

/** Forgets what waited when the database was silent, and says that it is done. */
export const dropsWhileSilent: RegisterSuite = overWorld({
  build: (right, world) => ({
    commit: async (batch) => {
      if (!silent.has(world)) await right.commit(batch)
    },
  }),
  abilities: {
    hang: async ({ world }) => {
      silent.add(world)
      return async () => {
        silent.delete(world)
      }
    },
  },
})
