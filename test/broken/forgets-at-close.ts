import { memoryStore } from '../../src/adapters/memory.ts'
import type { Store } from '../../src/storage/store.ts'
import { type RegisterSuite, overMemory } from './over-memory.ts'

/** Writes its cache back never. */
export const forgetsAtClose: RegisterSuite = overMemory(() => {
  let cache: Store = memoryStore()
  return {
    open: () => cache.open(),
    read: (keys) => cache.read(keys),
    scan: (prefix, page) => cache.scan(prefix, page),
    commit: (batch) => cache.commit(batch),
    close: async () => {
      cache = memoryStore()
    },
  }
})
