import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Purpose } from 'privity'
import { addDuration } from '../../src/base/time.ts'
import {
  type BasisEnd,
  decidedEnds,
  endOfAll,
  lastEnd,
  purposeEnd,
} from '../../src/consent/basis-end.ts'
import { basisDenials, type BasisFacts } from '../../src/consent/status.ts'
import { LEGAL_BASES, type LegalBasis } from '../../src/policy/legal-basis.ts'
import type { ConsentFact, ConsentState } from '../../src/subjects/head.ts'

const AT = Date.UTC(2026, 0, 31)
const BASES = Object.keys(LEGAL_BASES) as readonly LegalBasis[]
const STATES: readonly ConsentState[] = [
  'requested',
  'deferred',
  'refused',
  'given',
  'renewed',
  'expired',
  'withdrawn',
  'revoked',
  'invalidated',
  'unknown',
]
const NOBODY = { consents: {}, objections: {} }
const time = fc.integer({ min: AT, max: AT + 10 ** 11 })
const grace = fc.oneof(
  fc.constant(undefined),
  fc.record({ days: fc.nat({ max: 400 }) }),
  fc.record({ months: fc.nat({ max: 24 }) }),
)
const fact: fc.Arbitrary<ConsentFact | undefined> = fc.option(
  fc
    .record({
      state: fc.constantFrom(...STATES),
      at: time,
      policy: fc.constant('p'),
      until: fc.option(time, { nil: undefined }),
      recorded: fc.boolean(),
    })
    .map(({ until, recorded, ...rest }) => ({
      ...rest,
      ...(until === undefined ? {} : { validUntil: until }),
      ...(recorded ? { recorded } : {}),
    })),
  { nil: undefined },
)
const SETTINGS = { numRuns: 1_000, seed: 20_261_122 }

function purposeOf(basis: LegalBasis, erasureGrace?: Purpose['erasureGrace']): Purpose {
  const rest = erasureGrace === undefined ? {} : { erasureGrace }
  return { basis, description: 'for a test', ...rest }
}

function endOf(purpose: Purpose, consent: ConsentFact | undefined, objectedAt?: number): BasisEnd {
  return purposeEnd('news', purpose, {
    consents: consent === undefined ? {} : { news: consent },
    objections: objectedAt === undefined ? {} : { news: objectedAt },
  })
}

describe('the end of a purpose', () => {
  test('is the withdrawal and the grace after it', () => {
    const withdrawn: ConsentFact = { state: 'withdrawn', at: AT, policy: 'p' }
    expect(endOf(purposeOf('consent'), withdrawn)).toBe(AT)
    expect(endOf(purposeOf('consent', { months: 1 }), withdrawn)).toBe(Date.UTC(2026, 1, 28))
  })

  test('is the objection, where there was one', () => {
    expect(endOf(purposeOf('legitimate_interests'), undefined, AT)).toBe(AT)
    expect(endOf(purposeOf('legitimate_interests'), undefined)).toBe('open')
  })

  test('is the day on which a consent runs out', () => {
    const given: ConsentFact = { state: 'given', at: AT, validUntil: AT + 5, policy: 'p' }
    expect(endOf(purposeOf('consent'), given)).toBe(AT + 5)
    expect(endOf(purposeOf('contract'), given)).toBe('open')
  })

  test('is a withdrawal under another basis only where it rests on consent', () => {
    const recorded: ConsentFact = { state: 'withdrawn', at: AT, policy: 'p', recorded: true }
    expect(BASES.filter((basis) => endOf(purposeOf(basis), recorded) !== 'open')).toEqual([
      'consent',
    ])
    expect(endOf(purposeOf('consent'), recorded)).toBe(AT)
    expect(endOf(purposeOf('contract'), { ...recorded, state: 'given' })).toBe('open')
  })

  test('is not known while nobody asked, nor by the name of another purpose', () => {
    expect(endOf(purposeOf('consent'), undefined)).toBe('unbegun')
    expect(endOf(purposeOf('contract'), undefined)).toBe('open')
    expect(purposeEnd('toString', purposeOf('consent'), NOBODY)).toBe('unbegun')
  })

  test('never comes while the purpose may still use the data, nor before its grace is over', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...BASES),
        grace,
        fact,
        fc.option(time, { nil: undefined }),
        (basis, erasureGrace, consent, objectedAt) => {
          const end = endOf(purposeOf(basis, erasureGrace), consent, objectedAt)
          if (typeof end !== 'number') return
          const facts: BasisFacts = {
            basis,
            consent,
            objected: objectedAt !== undefined,
            restricted: false,
            closed: false,
            stale: false,
            at: end,
          }
          expect(basisDenials(facts)).not.toEqual([])
          const [began] = [consent?.validUntil, consent?.at, objectedAt]
            .filter((ms) => ms !== undefined)
            .sort((a, b) => a - b)
          const first = addDuration(began ?? 0, erasureGrace ?? { days: 0 })
          expect(end).toBeGreaterThanOrEqual(first)
        },
      ),
      SETTINGS,
    )
  })
})

describe('the end of the last purpose', () => {
  test('comes when all have ended that ever began, and never while one is open', () => {
    const end = fc.oneof(
      fc.constant<BasisEnd>('open'),
      fc.constant<BasisEnd>('unbegun'),
      time as fc.Arbitrary<BasisEnd>,
    )
    fc.assert(
      fc.property(fc.array(end, { maxLength: 6 }), (ends) => {
        const last = lastEnd(ends)
        const known = ends.filter((one) => typeof one === 'number')
        if (ends.includes('open')) expect(last).toBe('open')
        else if (known.length === 0) expect(last).toBe('unbegun')
        else expect(known.every((one) => one <= Number(last))).toBe(true)
      }),
      SETTINGS,
    )
  })
})

describe('a purpose that no policy has any more', () => {
  const none = new Map<string, Purpose>()
  const some = new Map([['books', purposeOf('contract')]])
  const given: ConsentFact = { state: 'given', at: AT, validUntil: AT + 5, policy: 'p' }
  const facts = {
    consents: {
      news: { state: 'withdrawn', at: AT, policy: 'p' },
      ads: given,
      tips: { state: 'given', at: AT, policy: 'p' },
      asked: { state: 'requested', at: AT, policy: 'p' },
    },
    objections: { taste: AT + 1 },
  } as const

  test('has ended by a word of the person, or when a consent runs out', () => {
    expect([...decidedEnds(none, facts)]).toEqual([
      ['news', AT],
      ['ads', AT + 5],
      ['taste', AT + 1],
    ])
    expect(endOfAll(['news', 'ads', 'taste'], none, facts)).toBe(AT + 5)
  })

  test('goes on where nothing was said of it, and keeps what others let go', () => {
    for (const name of ['never', 'asked', 'tips', 'toString'])
      expect(endOfAll(['news', name], none, facts)).toBe('open')
    expect(endOfAll(['news', 'books'], some, facts)).toBe('open')
    expect(endOfAll([], none, facts)).toBe('unbegun')
  })

  test('has no grace, and that of a purpose which is there counts', () => {
    const known = new Map([['news', purposeOf('consent', { days: 3 })]])
    expect(endOfAll(['news'], known, facts)).toBe(addDuration(AT, { days: 3 }))
    expect([...decidedEnds(known, facts)]).toContainEqual(['news', addDuration(AT, { days: 3 })])
  })
})
