import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isTelling, isTold, partOf } from '../../src/erasure/partial/telling.ts'
import type { RecordWork } from '../../src/erasure/partial/work.ts'

fc.configureGlobal({ seed: 20_261_122 })

const IDS = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(32))
const drawn = fc.uniqueArray(
  fc.record({
    recordId: fc.constantFrom(undefined, ...IDS),
    /** None: the record as a whole. */
    fieldIds: fc.subarray(['name', 'phone', 'note']),
    revision: fc.integer({ min: 1, max: 9 }),
  }),
  { selector: ({ recordId }) => recordId ?? '', maxLength: 5 },
)
type Drawn = typeof drawn extends fc.Arbitrary<infer D> ? D : never

function worksOf(some: Drawn): readonly RecordWork[] {
  return some.map(({ recordId, fieldIds, revision }) => {
    const place = { storeId: 's', personId: 'p', type: 1, recordId }
    const sections = { '2': [revision, 'layout'] } as const
    return {
      sealed: { place, head: { revision: 1, sections, tokens: [] }, section: () => undefined },
      name: { record: recordId === undefined ? 'one' : 'many', recordId },
      removes: fieldIds.length === 0,
      gone: new Map(fieldIds.length === 0 ? [] : [[2, fieldIds]]),
      payloads: new Map(),
      stays: [],
      unread: { classes: [], fieldIds: [] },
    }
  })
}

test('a batch that takes what was told is what was told, in whatever order it was looked at', () => {
  fc.assert(
    fc.property(drawn, fc.nat(9), fc.infiniteStream(fc.nat()), (some, sequence, order) => {
      const works = worksOf(some)
      const part = partOf({ works, sequence, closing: undefined })
      const mixed = works.toSorted(() => ((order.next().value ?? 0) % 2) * 2 - 1)
      expect(isTold({ part }, { works: mixed, closing: undefined })).toBe(true)
      expect(isTelling(part)).toBe(works.length > 0)
      const told = part.items.flatMap(({ record, ids = [''], fieldIds = [] }) =>
        ids.map((id) => `${record}/${id}/${fieldIds.join()}`),
      )
      const taken = works.map(({ name, gone }) =>
        [name.record, name.recordId ?? '', (gone.get(2) ?? []).toSorted().join()].join('/'),
      )
      expect(told.toSorted()).toEqual(taken.toSorted())
    }),
  )
})

test('one more or less of anything is another batch, and so is a later revision', () => {
  fc.assert(
    fc.property(drawn, (some) => {
      if (some.length === 0) return
      const works = worksOf(some)
      const part = partOf({ works, sequence: 1, closing: undefined })
      const [first, ...rest] = works
      expect(isTold({ part }, { works: rest, closing: undefined })).toBe(false)
      const fewer = partOf({ works: rest, sequence: 9, closing: undefined })
      expect(isTold({ part: fewer }, { works, closing: undefined })).toBe(false)
      const newest = Math.max(1, ...some.map(({ revision }) => revision))
      expect(part.upTo).toBe(newest)
      const newer = worksOf(some.map((one) => ({ ...one, revision: newest + 1 })))
      expect(isTold({ part }, { works: newer, closing: undefined })).toBe(false)
      expect(first).toBeDefined()
    }),
  )
})

test('that somebody is closed is told too', () => {
  const closing = { reason: 'subject_request', until: 7 }
  const part = partOf({ works: [], sequence: 3, closing })
  expect(part).toEqual({ upTo: 3, items: [], closes: { reason: 'subject_request', until: 7 } })
  expect(isTelling(part)).toBe(true)
  const open = partOf({ works: [], sequence: 3, closing: undefined })
  expect(isTold({ part: open }, { works: [], closing })).toBe(false)
  expect(isTold({ part }, { works: [], closing: undefined })).toBe(true)
})
