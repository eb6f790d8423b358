import type { RegisterSuite } from './over-memory.ts'
import { overWorld } from './over-world.ts'

/** Asks the database to acknowledge before it has flushed. */
export const unflushed: RegisterSuite = overWorld({
  build: (right, world) => ({
    commit: async (batch) => {
      await right.commit(batch)
      world.unflushed.clear()
      for (const [key] of batch.put) world.unflushed.add(key)
    },
  }),
})
