import type { RegisterSuite } from './over-memory.ts'
import { overWorld } from './over-world.ts'

/** Sends a batch again when the connection ended, though the first may have been carried out. */
export const retriesBlindly: RegisterSuite = overWorld({
  build: (right, world) => ({
    commit: async (batch) => {
      const wasCut = !world.connected
      world.connected = true
      await right.commit(batch)
      // The answer was lost with the connection.
      if (wasCut) await right.commit(batch)
    },
  }),
})
