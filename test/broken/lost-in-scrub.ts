import type { RegisterSuite } from './over-memory.ts'
import { overWorld } from './over-world.ts'

/** Scrubs by deleting all rows and writing them again. */
export const lostInScrub: RegisterSuite = overWorld({
  abilities: {
    killDuring: async ({ world }, work) => {
      if (work !== 'scrub') return
      for (const key of [...world.data.rows.keys()].slice(100)) {
        world.data.rows.delete(key)
        world.data.order.remove(key)
      }
    },
  },
})
