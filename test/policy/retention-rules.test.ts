import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addDuration, type Duration, toInstant } from '../../src/base/time.ts'
import type { Retention, RetentionFloor } from '../../src/policy/retention.ts'
import {
  dueAt,
  endOf,
  type FieldRules,
  keptBy,
  type Need,
} from '../../src/policy/retention-rules.ts'

const JANUARY = Date.UTC(2026, 0, 15)
const EVENTS = ['registered', 'created', 'updated', 'closed'] as const

const NOTHING: FieldRules = { id: 'a', name: 'a', maxima: [], purposes: [], floors: [] }

function years(keep: number, from = 'created'): Retention {
  return { keep: { years: keep }, from }
}

function need(purpose: string, retention?: Retention): Need {
  return retention === undefined ? { purpose } : { purpose, retention }
}

function floor(keep: number, from = 'created'): RetentionFloor {
  return { ...years(keep, from), ground: `law ${keep}` }
}

function day(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : toInstant(ms).slice(0, 10)
}

const durations: fc.Arbitrary<Duration> = fc.oneof(
  fc.record({ days: fc.nat(5_000) }),
  fc.record({ months: fc.nat(200) }),
  fc.record({ years: fc.nat(40) }),
  fc.record({ hours: fc.nat(100_000) }),
)
const rules: fc.Arbitrary<Retention> = fc.record(
  { keep: durations, from: fc.constantFrom(...EVENTS), until: fc.constant('end_of_year' as const) },
  { requiredKeys: ['keep', 'from'] },
)
const floors: fc.Arbitrary<RetentionFloor> = rules.chain((rule) =>
  fc.nat(9).map((ground) => ({ ...rule, ground: `law ${ground}` })),
)
const needs: fc.Arbitrary<readonly Need[]> = fc
  .array(fc.option(rules, { nil: undefined }), { maxLength: 3 })
  .map((given) => given.map((rule, at) => need('abc'.charAt(at), rule)))
const fields: fc.Arbitrary<FieldRules> = fc
  .record({
    maxima: fc.array(rules, { maxLength: 3 }),
    purposes: needs,
    floors: fc.array(floors, { maxLength: 3 }),
  })
  .map((given) => ({ ...NOTHING, ...given }))
const moments = fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) })
const events = fc.dictionary(fc.constantFrom(...EVENTS), moments)
const purposeEnds = fc
  .dictionary(fc.constantFrom('a', 'b', 'c'), moments)
  .map((ends) => new Map(Object.entries(ends)))

describe('the end of a field', () => {
  test('is the earliest of its maxima', () => {
    const field = { ...NOTHING, maxima: [years(5), years(2), years(3, 'updated')] }
    expect(day(dueAt(field, { created: JANUARY }))).toBe('2028-01-15')
    expect(day(dueAt(field, { created: JANUARY, updated: Date.UTC(2020, 0, 1) }))).toBe(
      '2023-01-01',
    )
  })

  test('is the last of its purposes, once all of them have one', () => {
    const field = { ...NOTHING, purposes: [need('a', years(2)), need('b', years(4, 'closed'))] }
    expect(dueAt(field, { created: JANUARY })).toBeUndefined()
    expect(day(dueAt(field, { created: JANUARY, closed: JANUARY }))).toBe('2030-01-15')
    const shorter = { ...field, maxima: [years(1)] }
    expect(day(dueAt(shorter, { created: JANUARY }))).toBe('2027-01-15')
  })

  test('is never before the last of its floors, and unknown while one has not begun', () => {
    const field = {
      ...NOTHING,
      maxima: [years(1)],
      floors: [floor(3), floor(7), floor(9, 'closed')],
    }
    expect(dueAt(field, { created: JANUARY })).toBeUndefined()
    expect(keptBy(field, { created: JANUARY }, JANUARY)).toEqual({ ground: 'law 9' })
    const closed = { created: JANUARY, closed: Date.UTC(2020, 5, 1) }
    expect(day(dueAt(field, closed))).toBe('2033-01-15')
    expect(keptBy(field, closed, JANUARY)).toEqual({
      ground: 'law 7',
      until: addDuration(JANUARY, { years: 7 }),
    })
    expect(keptBy(field, closed, Date.UTC(2033, 0, 15))).toBeUndefined()
    expect(keptBy(field, closed, Date.UTC(2033, 0, 15) - 1)).toBeDefined()
  })

  test('may be put off to the end of the year, counted in UTC', () => {
    const rule: Retention = { keep: { years: 7 }, from: 'created', until: 'end_of_year' }
    const end = (ms: number): string => toInstant(endOf(rule, { created: ms }) ?? 0)
    expect(end(JANUARY)).toBe('2034-01-01T00:00:00.000Z')
    expect(end(Date.UTC(2026, 11, 31, 23, 59, 59, 999))).toBe('2034-01-01T00:00:00.000Z')
    expect(end(Date.UTC(2027, 0, 1))).toBe('2035-01-01T00:00:00.000Z')
    expect(end(Date.UTC(2028, 1, 29))).toBe('2036-01-01T00:00:00.000Z')
  })

  test('is not known without a maximum, whatever is kept', () => {
    fc.assert(
      fc.property(fields, events, (field, times) => {
        expect(dueAt({ ...field, maxima: [], purposes: [] }, times)).toBeUndefined()
      }),
    )
  })

  test('is never before a floor, and is what keeps nothing any more', () => {
    fc.assert(
      fc.property(fields, events, (field, times) => {
        const due = dueAt(field, times)
        if (due === undefined) return
        for (const it of field.floors) expect(endOf(it, times)).toBeLessThanOrEqual(due)
        expect(keptBy(field, times, due)).toBeUndefined()
      }),
    )
  })

  test('comes no later by another maximum, and no sooner by another floor', () => {
    fc.assert(
      fc.property(fields, rules, floors, events, (field, maximum, another, times) => {
        const due = dueAt(field, times) ?? Number.POSITIVE_INFINITY
        const shorter = dueAt({ ...field, maxima: [...field.maxima, maximum] }, times)
        const longer = dueAt({ ...field, floors: [...field.floors, another] }, times)
        expect(shorter ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(due)
        expect(longer ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(due)
      }),
    )
  })

  test('is that of what is still needed, once a purpose has ended by a word of the person', () => {
    const field = { ...NOTHING, purposes: [need('a', years(2)), need('b')] }
    const created = { created: JANUARY }
    const said = (ends: { readonly [purpose: string]: number }) =>
      day(dueAt(field, created, new Map(Object.entries(ends))))
    expect(said({})).toBeUndefined()
    expect(said({ b: JANUARY })).toBe('2028-01-15')
    expect(said({ a: JANUARY })).toBeUndefined()
    expect(said({ a: JANUARY, b: JANUARY })).toBe('2026-01-15')
    expect(said({ b: Date.UTC(2030, 0, 1) })).toBe('2030-01-01')
    expect(said({ c: JANUARY })).toBeUndefined()
  })

  test('comes no later by the end of a purpose, and never before the last of its purposes', () => {
    fc.assert(
      fc.property(fields, events, purposeEnds, (field, times, ends) => {
        const due = dueAt(field, times) ?? Number.POSITIVE_INFINITY
        const sooner = dueAt(field, times, ends) ?? Number.POSITIVE_INFINITY
        expect(sooner).toBeLessThanOrEqual(due)
        const last = field.purposes.map(({ purpose, retention }) => {
          const timed = retention === undefined ? undefined : endOf(retention, times)
          return Math.min(timed ?? Infinity, ends.get(purpose) ?? Infinity)
        })
        if (field.maxima.length === 0 && Number.isFinite(sooner))
          expect(sooner).toBeGreaterThanOrEqual(Math.max(...last))
        for (const it of field.floors) {
          const end = endOf(it, times) ?? Number.POSITIVE_INFINITY
          expect(sooner).toBeGreaterThanOrEqual(end)
        }
      }),
    )
  })

  test('does not depend on the order of the rules', () => {
    fc.assert(
      fc.property(fields, events, moments, (field, times, now) => {
        const turned = {
          ...field,
          maxima: field.maxima.toReversed(),
          purposes: field.purposes.toReversed(),
          floors: field.floors.toReversed(),
        }
        expect(dueAt(turned, times)).toBe(dueAt(field, times))
        expect(keptBy(turned, times, now)?.until).toBe(keptBy(field, times, now)?.until)
      }),
    )
  })

  test('names the floor that keeps longest, until it ends', () => {
    fc.assert(
      fc.property(fields, events, moments, (field, times, now) => {
        const kept = keptBy(field, times, now)
        const ends = field.floors.map((it) => endOf(it, times) ?? Number.POSITIVE_INFINITY)
        const last = Math.max(now, ...ends)
        if (kept === undefined) expect(last).toBe(now)
        else expect(kept.until ?? Number.POSITIVE_INFINITY).toBe(last)
      }),
    )
  })
})
