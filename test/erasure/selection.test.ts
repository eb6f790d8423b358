import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type FieldPlace,
  type Kept,
  type Rule,
  selectFields,
  type Selection,
  type SelectionFacts,
  type Serves,
} from '../../src/erasure/selection.ts'

fc.configureGlobal({ seed: 20_261_122 })

const PURPOSES = ['support', 'marketing', 'care'] as const
const RECORDS = ['contact', 'ticket'] as const
const FIELDS = ['a', 'b', 'c'] as const
const IDS = ['1'.repeat(32), '2'.repeat(32)] as const

const record = fc.constantFrom(...RECORDS)
const recordId = fc.option(fc.constantFrom(...IDS), { nil: undefined })
const fieldIds = fc.option(fc.subarray([...FIELDS]), { nil: undefined })
const serves: fc.Arbitrary<Serves> = fc
  .record({ purposes: fc.subarray([...PURPOSES], { minLength: 1 }), isHealth: fc.boolean() })
  .map(({ purposes, isHealth }) => ({ purposes, ...(isHealth ? { special: 'health' } : {}) }))
const item = fc.record({ record, recordId, fieldIds }).map(defined)
const rule: fc.Arbitrary<Rule> = fc.oneof(
  fc.constant({ kind: 'all' } as const),
  fc
    .array(item, { minLength: 1, maxLength: 3 })
    .map((items) => ({ kind: 'records', items }) as Rule),
  fc.constantFrom(...PURPOSES).map((purpose) => ({ kind: 'purpose', purpose }) as const),
  fc.constant({ kind: 'special', special: 'health' } as const),
)
const kept: fc.Arbitrary<readonly Kept[]> = fc.array(
  fc
    .record({
      record,
      recordId,
      fieldIds,
      ground: fc.constantFrom('NL.tax', 'hold:m-1'),
      until: fc.option(fc.nat(9), { nil: undefined }),
    })
    .map((it) => defined(it) as Kept),
  { maxLength: 3 },
)
const place: fc.Arbitrary<FieldPlace> = fc.record({
  record,
  recordId,
  fieldId: fc.constantFrom(...FIELDS, 'unknown'),
  sealedFor: serves,
})
const facts: fc.Arbitrary<SelectionFacts> = fc
  .record({
    rule,
    kept,
    declared: fc.dictionary(fc.constantFrom(...FIELDS), serves),
    live: fc.subarray([...PURPOSES]),
    due: fc.subarray([...FIELDS]),
  })
  .map(({ rule, kept, declared, live, due }) => ({
    rule,
    kept,
    fieldsOf: () => new Map(Object.entries(declared)),
    needs: (purpose) => (live as readonly string[]).includes(purpose),
    haveEnded: (purposes) => !purposes.some((it) => (live as readonly string[]).includes(it)),
    isDue: (_, fieldId) => (due as readonly string[]).includes(fieldId),
  }))

/** Without the members that say nothing. */
function defined<T extends object>(value: T): never {
  return Object.fromEntries(Object.entries(value).filter(([, it]) => it !== undefined)) as never
}

function isKept({ kept }: SelectionFacts, { record, recordId, fieldId }: FieldPlace): boolean {
  return kept.some(
    (it) =>
      it.record === record &&
      (it.recordId === undefined || it.recordId === recordId) &&
      (it.fieldIds === undefined || it.fieldIds.includes(fieldId)),
  )
}

function check(
  hold: (facts: SelectionFacts, place: FieldPlace, selection: Selection) => void,
): void {
  fc.assert(
    fc.property(facts, place, (some, where) => hold(some, where, selectFields(some))),
    { numRuns: 2_000 },
  )
}

describe('a selection', () => {
  test('never takes what has to be kept', () => {
    check((some, where, selection) => {
      if (!isKept(some, where)) return
      expect(selection.verdict(where).kind).not.toBe('goes')
      expect(selection.takesWhole(where)).toBe(false)
    })
  })

  test('takes of a record as a whole every field', () => {
    check((_, where, selection) => {
      if (selection.takesWhole(where)) expect(selection.verdict(where)).toEqual({ kind: 'goes' })
    })
  })

  test('concerns every record that it takes something of', () => {
    check((_, where, selection) => {
      if (selection.verdict(where).kind !== 'other') expect(selection.concerns(where)).toBe(true)
    })
  })

  test('looks into every class that may hold what it takes', () => {
    check((some, where, selection) => {
      if (selection.verdict(where).kind === 'other') return
      const isDeclared = some.fieldsOf(where.record).has(where.fieldId)
      const isNamed = some.rule.kind === 'records'
      const isLooked =
        selection.declared(where.record).has(where.fieldId) ||
        selection.takesUnknown(where, where.sealedFor)
      // A field that is named by its id is declared; what else there is goes by its class.
      if (isDeclared || !isNamed) expect(isLooked).toBe(true)
    })
  })

  test('by purpose takes nothing that another live purpose needs, and says which', () => {
    check((some, where, selection) => {
      const { rule } = some
      if (rule.kind !== 'purpose' || isKept(some, where)) return
      const { purposes } = some.fieldsOf(where.record).get(where.fieldId) ?? where.sealedFor
      const other = purposes.find((it) => it !== rule.purpose && some.needs(it, '', ''))
      const verdict = selection.verdict(where)
      if (!purposes.includes(rule.purpose)) expect(verdict.kind).toBe('other')
      else if (other === undefined) expect(verdict.kind).toBe('goes')
      else expect(verdict).toEqual({ kind: 'stays', ground: `purpose:${other}` })
    })
  })

  test('keeps for the longest of several grounds', () => {
    check((some, where, selection) => {
      const verdict = selection.verdict(where)
      if (verdict.kind !== 'stays' || !isKept(some, where)) return
      const ends = some.kept
        .filter((it) => isKept({ ...some, kept: [it] }, where))
        .map(({ until }) => until ?? Infinity)
      expect(verdict.until ?? Infinity).toBe(Math.max(...ends))
    })
  })

  test('keeps more when more has to be kept', () => {
    fc.assert(
      fc.property(facts, place, kept, (some, where, more) => {
        const before = selectFields(some).verdict(where)
        const after = selectFields({ ...some, kept: [...some.kept, ...more] }).verdict(where)
        if (before.kind !== 'goes') expect(after.kind).not.toBe('goes')
        if (after.kind === 'goes') expect(before.kind).toBe('goes')
      }),
      { numRuns: 1_000 },
    )
  })

  test('takes a part along with its owner, whatever it is asked for, but for what is kept', () => {
    check((some, where) => {
      const along = selectFields({ ...some, endOf: () => ({ kind: 'delete' }) })
      const kept = isKept(some, where)
      expect(along.concerns(where)).toBe(true)
      expect(along.takesUnknown(where, where.sealedFor)).toBe(true)
      expect(along.verdict(where).kind).toBe(kept ? 'stays' : 'goes')
      if (kept) expect(along.takesWhole(where)).toBe(false)
      if (some.kept.length === 0) expect(along.takesWhole(where)).toBe(true)
    })
  })

  test('lets a part go by clearing one field, and changes nothing about the others', () => {
    check((some, where, selection) => {
      const end = { kind: 'detach', fieldId: 'a' } as const
      const released = selectFields({ ...some, endOf: () => end })
      expect(released.concerns(where)).toBe(true)
      expect(released.declared(where.record, where.recordId).has('a')).toBe(true)
      expect(released.takesWhole(where)).toBe(selection.takesWhole(where))
      if (where.fieldId !== 'a') expect(released.verdict(where)).toEqual(selection.verdict(where))
      else expect(released.verdict(where).kind).toBe(isKept(some, where) ? 'stays' : 'goes')
    })
  })
})
