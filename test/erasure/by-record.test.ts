import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type AboutRecord, byRecord } from '../../src/erasure/by-record.ts'

const records = fc.constantFrom('ticket', 'invoice', '')
const ids = fc.constantFrom('1', '2', '__proto__')
const facts = fc.array(fc.record({ record: records, recordId: ids }, { requiredKeys: ['record'] }))

test('what is about a record is what looking through all of it finds, in the same order', () => {
  fc.assert(
    fc.property(facts, records, fc.option(ids, { nil: undefined }), (items, record, recordId) => {
      const isAbout = (item: AboutRecord): boolean =>
        item.record === record && (item.recordId === undefined || item.recordId === recordId)
      const found = byRecord(items)({ record, recordId })
      expect(found.map((item) => items.indexOf(item))).toEqual(
        items.filter(isAbout).map((item) => items.indexOf(item)),
      )
    }),
  )
})
