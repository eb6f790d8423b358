import { describe, expect, test } from 'vitest'
import {
  basisDenials,
  type BasisFacts,
  type ConsentEvent,
  nextState,
  stateAt,
  TRANSITIONS,
  withdrawalEffect,
} from '../../src/consent/status.ts'
import { LEGAL_BASES, type LegalBasis } from '../../src/policy/legal-basis.ts'
import type { ConsentFact, ConsentState } from '../../src/subjects/head.ts'
import { refusal } from '../support/acme.ts'

const STATES = [
  'none',
  'unknown',
  'requested',
  'deferred',
  'refused',
  'given',
  'renewed',
  'expired',
  'withdrawn',
  'revoked',
  'invalidated',
] as const
const EVENTS = [
  'request',
  'defer',
  'give',
  'refuse',
  'withdraw',
  'revoke',
  'invalidate',
  'expire',
] as const satisfies readonly ConsentEvent[]
const BASES = Object.keys(LEGAL_BASES) as readonly LegalBasis[]

/** The state after each event, in the order of `EVENTS`; `-` is refused. */
const TABLE: { readonly [S in (typeof STATES)[number]]: string } = {
  none: 'requested deferred given refused withdrawn - - -',
  unknown: 'requested deferred given refused withdrawn - - -',
  requested: 'requested deferred given refused withdrawn - - expired',
  deferred: 'requested deferred given refused withdrawn - - -',
  refused: 'requested deferred given refused withdrawn - - -',
  given: '- - renewed - withdrawn revoked invalidated expired',
  renewed: '- - renewed - withdrawn revoked invalidated expired',
  expired: 'requested deferred given refused withdrawn - - -',
  withdrawn: 'requested deferred given refused withdrawn - - -',
  revoked: 'requested deferred given refused withdrawn - - -',
  invalidated: 'requested deferred given refused withdrawn - - -',
}

const STEPS = STATES.flatMap((from) =>
  TABLE[from].split(' ').map((to, index) => ({ from, event: EVENTS[index] ?? 'request', to })),
)

describe('the transitions of a consent', () => {
  test.for(STEPS.filter(({ to }) => to !== '-'))('$from, $event: $to', ({ from, event, to }) => {
    expect(nextState(from, event)).toBe(to)
  })

  test.for(STEPS.filter(({ to }) => to === '-'))(
    '$from, $event: refused',
    async ({ from, event }) => {
      expect(await refusal(() => nextState(from, event))).toEqual({
        code: 'invalid_transition',
        details: { machine: 'consent', from, event },
      })
    },
  )

  test('are a table of every state', () => {
    expect(Object.keys(TRANSITIONS).toSorted()).toEqual([...STATES].toSorted())
  })

  test('accept a withdrawal from everywhere', () => {
    for (const from of STATES) expect(nextState(from, 'withdraw')).toBe('withdrawn')
  })
})

function fact(state: ConsentState, rest: Partial<ConsentFact> = {}): ConsentFact {
  return { state, at: 100, policy: 'sha256:abc', ...rest }
}

describe('the state at a time', () => {
  test('is none before anybody decided', () => {
    expect(stateAt(undefined, 0)).toBe('none')
  })

  test('is what was decided, for as long as it holds', () => {
    for (const state of ['given', 'renewed'] as const) {
      expect(stateAt(fact(state), Number.MAX_SAFE_INTEGER)).toBe(state)
      const limited = fact(state, { validUntil: 200 })
      expect([199, 200, 201].map((at) => stateAt(limited, at))).toEqual([
        state,
        'expired',
        'expired',
      ])
    }
  })

  test('of a no does not expire', () => {
    for (const state of ['refused', 'withdrawn', 'revoked', 'invalidated'] as const)
      expect(stateAt(fact(state, { validUntil: 200 }), 300)).toBe(state)
  })
})

const NOTHING: BasisFacts = {
  basis: 'consent',
  consent: undefined,
  objected: false,
  restricted: false,
  closed: false,
  stale: false,
  at: 100,
}

describe('why a purpose has no basis', () => {
  const consents: readonly (readonly [ConsentState, readonly string[]])[] = [
    ['unknown', ['not_asked']],
    ['requested', ['not_asked']],
    ['deferred', ['not_asked']],
    ['refused', ['refused']],
    ['given', []],
    ['renewed', []],
    ['expired', ['expired']],
    ['withdrawn', ['withdrawn']],
    ['revoked', ['revoked']],
    ['invalidated', ['invalidated']],
  ]
  test.for(consents)('that needs consent, in the state %s: %o', ([state, reasons]) => {
    expect(basisDenials({ ...NOTHING, consent: fact(state) })).toEqual(reasons)
  })

  test('that needs consent, when nobody was asked', () => {
    expect(basisDenials(NOTHING)).toEqual(['not_asked'])
  })

  test('of somebody who was to be erased, unless it is a legal obligation', () => {
    for (const basis of BASES) {
      const facts = { ...NOTHING, basis, consent: fact('given'), closed: true }
      expect(basisDenials(facts)).toEqual(basis === 'legal_obligation' ? [] : ['erased'])
      const unknown = { ...facts, closed: undefined } as unknown as BasisFacts
      expect(basisDenials(unknown)).toEqual(basisDenials(facts))
    }
  })

  test('that needs consent, when the words have changed since', () => {
    expect(basisDenials({ ...NOTHING, consent: fact('given'), stale: true })).toEqual([
      'stale_notice',
    ])
    expect(basisDenials({ ...NOTHING, consent: fact('withdrawn'), stale: true })).toEqual([
      'withdrawn',
    ])
  })

  const others = BASES.filter((basis) => basis !== 'consent')
  test.for(others)('that rests on %s: only a standing no', (basis) => {
    const facts = { ...NOTHING, basis }
    expect(basisDenials(facts)).toEqual([])
    expect(basisDenials({ ...facts, stale: true })).toEqual([])
    for (const state of [
      'unknown',
      'requested',
      'deferred',
      'given',
      'renewed',
      'expired',
    ] as const)
      expect(basisDenials({ ...facts, consent: fact(state) })).toEqual([])
    for (const state of ['refused', 'withdrawn', 'revoked', 'invalidated'] as const)
      expect(basisDenials({ ...facts, consent: fact(state) })).toEqual([state])
    const recorded = fact('withdrawn', { recorded: true })
    expect(basisDenials({ ...facts, consent: recorded })).toEqual([])
    expect(basisDenials({ ...NOTHING, consent: recorded })).toEqual(['withdrawn'])
  })

  test.for(BASES)(
    'that rests on %s: an objection and a restriction, on top of all else',
    (basis) => {
      const facts = { ...NOTHING, basis, consent: fact('withdrawn') }
      expect(basisDenials({ ...facts, objected: true })).toEqual(['withdrawn', 'objected'])
      expect(basisDenials({ ...facts, restricted: true })).toEqual(['withdrawn', 'restricted'])
      expect(basisDenials({ ...facts, objected: true, restricted: true })).toEqual([
        'withdrawn',
        'objected',
        'restricted',
      ])
    },
  )
})

describe('withdrawing', () => {
  test('does on each basis what the law lets it do', () => {
    expect(BASES.map((basis) => [basis, withdrawalEffect({ basis })])).toEqual([
      ['consent', 'withdrawn'],
      ['contract', 'recorded'],
      ['legal_obligation', 'recorded'],
      ['vital_interests', 'recorded'],
      ['public_task', 'recorded'],
      ['legitimate_interests', 'objected'],
    ])
  })

  test('from direct marketing ends it on every basis', () => {
    for (const basis of BASES)
      expect(withdrawalEffect({ basis, marketing: true })).toBe(
        basis === 'consent' ? 'withdrawn' : 'objected',
      )
  })
})
