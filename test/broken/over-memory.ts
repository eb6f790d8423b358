import { type MemoryData, memoryData, memoryStore } from '../../src/adapters/memory.ts'
import type { Store } from '../../src/storage/store.ts'
import { type StoreSuite, storeSuite } from '../../src/testkit/store-suite.ts'

/** Registers the suite of one adapter. */
export type RegisterSuite = (test: StoreSuite<never>['test']) => void

/** A store that is right, with the verbs that an adapter got wrong in place of its own. */
export type Mistake = (right: Store) => Partial<Store>

/** The suite of an adapter that is the memory store but for one mistake. */
export function overMemory(mistake: Mistake): RegisterSuite {
  function connect(data: MemoryData): Store {
    const right = memoryStore({ share: data })
    return { ...right, ...mistake(right) }
  }
  return (test) => {
    storeSuite({
      test,
      open: async () => {
        const data = memoryData()
        return { data, store: connect(data), dispose: async () => {} }
      },
      again: async ({ data }) => connect(data),
    })
  }
}

/** Lets other calls that wait go first, as a network would. */
export async function turn(): Promise<void> {
  await Promise.resolve()
}
