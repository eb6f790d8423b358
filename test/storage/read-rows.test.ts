import fc from 'fast-check'
import { expect, test } from 'vitest'
import { memoryStore } from '../../src/adapters/memory.ts'
import { readRows, rowsOf } from '../../src/storage/read-rows.ts'
import type { Key, Store } from '../../src/storage/store.ts'

const VALUE = Uint8Array.of(7)

test('names the value of every key, and of no other', () => {
  const row = fc.tuple(fc.string(), fc.option(fc.uint8Array(), { nil: undefined }))
  const rule = fc.property(fc.uniqueArray(row, { selector: ([key]) => key }), (rows) => {
    const read = rowsOf(
      rows.map(([key]) => key),
      rows.map(([, value]) => value),
    )
    expect([...read]).toEqual(rows)
  })
  fc.assert(rule)
})

test('reads rows in one go, and a row that there is not as undefined', async () => {
  const store = memoryStore()
  await store.open()
  await store.commit({ checks: [], put: [['b', VALUE]], del: [] })
  const asked: (readonly Key[])[] = []
  const watched: Pick<Store, 'read'> = {
    read: (keys) => {
      asked.push(keys)
      return store.read(keys)
    },
  }
  const rows = await readRows(watched, ['a', 'b'])
  expect(rows.get('b')).toEqual(VALUE)
  expect([rows.has('a'), rows.get('a')]).toEqual([true, undefined])
  expect((await readRows(watched, [])).size).toBe(0)
  expect(asked).toEqual([['a', 'b']])
})
