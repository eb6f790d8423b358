import { describe, expect, test } from 'vitest'
import { idbStore } from 'privity/idb'

describe('idbStore', () => {
  test.for([
    ['an empty name', [''], 'name', 'not_a_name'],
    ['a name that is no text', [7], 'name', 'not_a_name'],
    ['an option that does not exist', ['crm', { persists: true }], 'options', 'unknown_option'],
    ['a setting of the wrong type', ['crm', { persist: 'yes' }], 'options', 'not_a_setting'],
  ] as const)('refuses %s', ([_, args, place, code]) => {
    const make = idbStore as (...given: readonly unknown[]) => unknown
    const issue = expect.objectContaining({ path: expect.arrayContaining([place]), code })
    expect(() => make(...args)).toThrow(
      expect.objectContaining({ code: 'invalid_input', details: { issues: [issue] } }),
    )
  })

  test('can be made where there is no IndexedDB, and says so when it is opened', async () => {
    const store = idbStore('crm')
    const unavailable = { code: 'store_unavailable', details: { reason: 'no_indexeddb' } }
    await expect(store.open()).rejects.toMatchObject(unavailable)
    await expect(store.open()).rejects.toMatchObject(unavailable)
    const closed = { code: 'store_closed', details: { reason: 'not_open' } }
    await expect(store.read(['a'])).rejects.toMatchObject(closed)
    await store.close()
  })
})
