import { memoryStore } from '../../src/adapters/memory.ts'
import { PrivityError } from '../../src/base/errors.ts'
import type { Store } from '../../src/storage/store.ts'
import { storeSuite } from '../../src/testkit/store-suite.ts'
import type { RegisterSuite } from './over-memory.ts'

type When = 'before' | 'after'

interface Plan {
  left: number
  when: When
}

/** What the adapter makes of a call that failed. */
export interface Answers {
  readonly commit?: (when: When) => void
  readonly read?: () => void
}

/** The suite of an adapter whose every call is one call on a database, which can be made to fail. */
export function overFlakyMemory({
  commit = unavailable,
  read = unavailable,
}: Answers): RegisterSuite {
  return (test) => {
    storeSuite({
      test,
      open: async () => {
        const right = memoryStore()
        const plan: Plan = { left: 0, when: 'before' }
        async function reading<T>(run: () => Promise<T>): Promise<T> {
          if (isDue(plan)) read()
          return run()
        }
        const store: Store = {
          ...right,
          read: (keys) => reading(() => right.read(keys)),
          scan: (prefix, page) => reading(() => right.scan(prefix, page)),
          commit: async (batch) => {
            const fails = isDue(plan)
            if (!fails || plan.when === 'after') await right.commit(batch)
            if (fails) commit(plan.when)
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

function isDue(plan: Plan): boolean {
  plan.left -= 1
  return plan.left === 0
}

function unavailable(when?: When): void {
  if (when === 'after') throw new PrivityError('outcome_unknown', {})
  throw new PrivityError('store_unavailable', { reason: 'connection_lost' })
}
