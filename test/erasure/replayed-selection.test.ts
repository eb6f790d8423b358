import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  leastUpTo,
  namedItems,
  selectLater,
  selectReplayed,
} from '../../src/erasure/partial/replayed-selection.ts'
import type { LaterSection } from '../../src/erasure/partial/replayed-rule.ts'
import type { ErasedPart } from '../../src/journal/erased-part.ts'

fc.configureGlobal({ seed: 20_261_122 })

const IDS = ['a', 'b', 'c'].map((letter) => letter.repeat(32))
const FIELDS = ['name', 'phone', 'note']
const sequence = fc.integer({ min: 1, max: 9 })
const fieldIds = fc.subarray(FIELDS, { minLength: 1 })
const item = fc.oneof(
  fc.record({ record: fc.constant('one'), fieldIds }, { requiredKeys: ['record'] }),
  fc.record(
    { record: fc.constant('many'), ids: fc.subarray(IDS, { minLength: 1 }), fieldIds },
    { requiredKeys: ['record', 'ids'] },
  ),
)
const told: fc.Arbitrary<readonly ErasedPart[]> = fc.array(
  fc.record({ upTo: sequence, items: fc.array(item, { maxLength: 3 }) }),
  { maxLength: 4 },
)
const place = fc.record({
  recordId: fc.constantFrom(undefined, ...IDS),
  fieldId: fc.constantFrom(...FIELDS),
  accessClass: fc.integer({ min: 1, max: 2 }),
  revision: sequence,
})
type Place = typeof place extends fc.Arbitrary<infer P> ? P : never

const sealedFor = { purposes: [] }

/** In as few words as it can be said: any entry that names it and is not older. */
function isMeant(parts: readonly ErasedPart[], { recordId, fieldId, revision }: Place): boolean {
  return parts.some(
    ({ upTo, items }) =>
      revision <= upTo &&
      items.some(
        (one) =>
          one.record === (recordId === undefined ? 'one' : 'many') &&
          (one.ids ?? [undefined]).includes(recordId as never) &&
          one.fieldIds?.includes(fieldId) !== false,
      ),
  )
}

function verdictOf(
  parts: readonly ErasedPart[],
  where: Place,
  rule: {
    readonly later?: readonly LaterSection[]
    readonly until?: number
    readonly isFixed?: true
  },
): boolean {
  const { recordId, fieldId, accessClass, revision } = where
  const { later = [], until, isFixed } = rule
  const selection = selectReplayed({
    kind: 'replayed',
    told: parts,
    rule: { kind: 'replayed', parts: [], later, ...(until === undefined ? {} : { until }) },
  })
  const name = { record: recordId === undefined ? 'one' : 'many', recordId }
  const made = { accessClass, revision, ...(isFixed === undefined ? {} : { isFixed }) }
  return selection.verdict({ ...name, fieldId, sealedFor, made }).kind === 'goes'
}

function asLater({ recordId, accessClass, revision }: Place): LaterSection {
  const record = recordId === undefined ? 'one' : 'many'
  return { record, accessClass, revision, ...(recordId === undefined ? {} : { recordId }) }
}

test('goes what an entry names; of a section that is of later, what an entry is not older than', () => {
  fc.assert(
    fc.property(told, place, (parts, where) => {
      // Whatever revision doing another part again gave it.
      expect(verdictOf(parts, where, {})).toBe(isMeant(parts, { ...where, revision: 0 }))
      const later = [asLater(where)]
      const resealed = { ...where, revision: where.revision + 100 }
      expect(verdictOf(parts, resealed, { later })).toBe(isMeant(parts, where))
      expect(verdictOf(parts, where, { isFixed: true })).toBe(isMeant(parts, where))
    }),
  )
})

test('nothing goes that was written once all of it was gone', () => {
  fc.assert(
    fc.property(told, place, sequence, (parts, where, until) => {
      const goes = verdictOf(parts, where, { until })
      expect(goes).toBe(where.revision <= until && isMeant(parts, { ...where, revision: 0 }))
    }),
  )
})

test('what is of later is what is named, and no entry means', () => {
  fc.assert(
    fc.property(told, place, (parts, where) => {
      const { recordId, fieldId, accessClass, revision } = where
      const name = { record: recordId === undefined ? 'one' : 'many', recordId }
      const selection = selectLater({ kind: 'later', told: parts })
      const made = { accessClass, revision }
      const isLater = selection.verdict({ ...name, fieldId, sealedFor, made }).kind === 'goes'
      const isNamed = isMeant(parts, { ...where, revision: 0 })
      expect(isLater).toBe(isNamed && !isMeant(parts, where))
      expect(selection.takesWhole(name, [made])).toBe(false)
    }),
  )
})

test('what goes may be looked for: its record is concerned, and its field declared or unknown', () => {
  fc.assert(
    fc.property(told, place, (parts, where) => {
      if (!isMeant(parts, where)) return
      const { recordId, fieldId } = where
      const name = { record: recordId === undefined ? 'one' : 'many', recordId }
      const rule = { kind: 'replayed', parts: [], later: [] } as const
      const selection = selectReplayed({ kind: 'replayed', told: parts, rule })
      expect(selection.concerns(name)).toBe(true)
      const isFound =
        selection.declared(name.record).has(fieldId) || selection.takesUnknown(name, sealedFor)
      expect(isFound).toBe(true)
      expect(leastUpTo(parts)).toBeLessThan(Number.POSITIVE_INFINITY)
    }),
  )
})

test('a record goes as a whole when one entry says so of all that is in it', () => {
  const [first = ''] = IDS
  const rule = { kind: 'replayed', parts: [], later: [] } as const
  const parts = [{ upTo: 4, items: [{ record: 'many', ids: [first] }] }]
  const name = { record: 'many', recordId: first }
  const later = [{ ...name, accessClass: 2, revision: 6 }]
  const made = [1, 2].map((accessClass) => ({ accessClass, revision: 9 }))
  const older = selectReplayed({ kind: 'replayed', told: parts, rule })
  expect(older.takesWhole(name, made)).toBe(true)
  const mixed = selectReplayed({ kind: 'replayed', told: parts, rule: { ...rule, later } })
  expect(mixed.takesWhole(name, made)).toBe(false)
  const [one, two] = made.map((each) =>
    mixed.verdict({ ...name, fieldId: 'note', sealedFor, made: each }),
  )
  expect([one?.kind, two?.kind]).toEqual(['goes', 'other'])
})

test('certificates name records and fields, and no ids', () => {
  const [first = '', second = ''] = IDS
  const parts = [
    { upTo: 1, items: [{ record: 'many', ids: [first], fieldIds: ['phone'] }] },
    { upTo: 2, items: [{ record: 'many', ids: [second], fieldIds: ['name'] }, { record: 'one' }] },
    { upTo: 3, items: [{ record: 'one', fieldIds: ['name'] }] },
  ]
  expect(namedItems(parts)).toEqual([
    { record: 'many', fieldIds: ['name', 'phone'] },
    { record: 'one' },
  ])
  expect(leastUpTo(parts)).toBe(1)
  expect(leastUpTo([{ upTo: 0, items: [] }])).toBe(Number.POSITIVE_INFINITY)
})
