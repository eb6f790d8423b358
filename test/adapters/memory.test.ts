import { expect, test } from 'vitest'
import { memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { batch, numbered } from '../../src/testkit/rows.ts'
import { storeSuite } from '../../src/testkit/store-suite.ts'

storeSuite({
  // Without `skip`: what is not proven has a title of its own.
  test: (title, run) => test(title, run),
  open: async () => {
    const data = memoryData()
    return { store: memoryStore({ share: data }), data, dispose: async () => {} }
  },
  again: async ({ data }) => memoryStore({ share: data }),
  durability: 'none',
})

test('a store says that it promises nothing, and whether others share its rows', async () => {
  const none = { durability: 'none', detail: 'memory of this process' }
  expect(await memoryStore().open()).toEqual({ ...none, shared: false })
  expect(await memoryStore({ share: memoryData() }).open()).toEqual({ ...none, shared: true })
})

test('stores that share nothing have nothing in common', async () => {
  const [one, other] = [memoryStore(), memoryStore()]
  await Promise.all([one.open(), other.open()])
  await one.commit(batch({ put: numbered('k/', 3) }))
  expect(await other.scan('', { limit: 10 })).toEqual([])
})

test('removed rows leave nothing behind', async () => {
  const data = memoryData()
  const store = memoryStore({ share: data })
  await store.open()
  const rows = numbered('k/', 1_000)
  await store.commit(batch({ put: rows }))
  await store.commit(batch({ del: rows.map(([key]) => key) }))
  expect([data.rows.size, [...data.order.from('')]]).toEqual([0, []])
})
