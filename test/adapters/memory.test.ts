import { test } from 'vitest'
import { memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { storeSuite } from '../../src/testkit/store-suite.ts'

storeSuite({
  test,
  open: async () => {
    const data = memoryData()
    return { store: memoryStore({ share: data }), data, dispose: async () => {} }
  },
  again: async ({ data }) => memoryStore({ share: data }),
})
