import { memoryStore } from '../../src/adapters/memory.ts'
import { storeSuite } from '../../src/testkit/store-suite.ts'
import type { RegisterSuite } from './over-memory.ts'

type When = 'before' | 'after'

/** The suite of an adapter whose commit is one call on a database, which can be made to fail. */
export function overFlakyMemory(answer: (when: When) => void): RegisterSuite {
  return (test) => {
    storeSuite({
      test,
      open: async () => {
        const right = memoryStore()
        const plan: { left: number; when: When } = { left: 0, when: 'before' }
        const store = {
          ...right,
          commit: async (batch: Parameters<typeof right.commit>[0]) => {
            plan.left -= 1
            const fails = plan.left === 0
            if (!fails || plan.when === 'after') await right.commit(batch)
            if (fails) answer(plan.when)
          },
        }
        return { store, plan, dispose: async () => {} }
      },
      failAt: ({ plan }, call, when) => {
        plan.left = call
        plan.when = when
      },
    })
  }
}
