import type { RegisterSuite } from './over-memory.ts'
import { overWorld } from './over-world.ts'
import { countTogether } from '../../src/testkit/workloads.ts'
import { memoryStore } from '../../src/adapters/memory.ts'

/** Holds a lock of its own tab, which no other tab knows of. */
export const lockedPerTab: RegisterSuite = overWorld({
  abilities: {
    crowd: async ({ world }, times) => {
      const tabs = await Promise.all(
        [1, 2, 3].map(async () => {
          const right = memoryStore({ share: world.data })
          await right.open()
          return {
            ...right,
            commit: (batch: Parameters<typeof right.commit>[0]) =>
              right.commit({ ...batch, checks: [] }),
          }
        }),
      )
      await Promise.all(tabs.map((tab) => countTogether(tab, times)))
      return tabs.length
    },
  },
})
