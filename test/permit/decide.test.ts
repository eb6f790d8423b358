import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Decision,
  type DecisionFacts,
  decide,
  decideForAll,
  denial,
} from '../../src/permit/decide.ts'
import { LEGAL_BASES, type LegalBasis } from '../../src/policy/legal-basis.ts'
import type { ConsentFact, ConsentState } from '../../src/subjects/head.ts'

const SETTINGS = { numRuns: 5_000, seed: 20_261_121 }
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

const consent: fc.Arbitrary<ConsentFact | undefined> = fc.option(
  fc.record(
    {
      state: fc.constantFrom(...STATES),
      at: fc.constant(100),
      policy: fc.constant('sha256:abc'),
      validUntil: fc.integer({ min: 100, max: 300 }),
    },
    { requiredKeys: ['state', 'at', 'policy'] },
  ),
  { nil: undefined },
)

const facts: fc.Arbitrary<DecisionFacts> = fc.record({
  basis: fc.constantFrom(...(Object.keys(LEGAL_BASES) as readonly LegalBasis[])),
  consent,
  objected: fc.boolean(),
  restricted: fc.boolean(),
  closed: fc.boolean(),
  stale: fc.boolean(),
  at: fc.integer({ min: 100, max: 300 }),
  hasRole: fc.boolean(),
  requiresTask: fc.boolean(),
  hasTask: fc.boolean(),
  related: fc.boolean(),
})

const YES: DecisionFacts = {
  basis: 'consent',
  consent: { state: 'given', at: 100, validUntil: 300, policy: 'sha256:abc' },
  objected: false,
  restricted: false,
  closed: false,
  stale: false,
  at: 200,
  hasRole: true,
  requiresTask: true,
  hasTask: true,
  related: true,
}

/** Facts as they come when something above went wrong. */
function broken(change: { readonly [name: string]: unknown }): DecisionFacts {
  return { ...YES, ...change } as unknown as DecisionFacts
}

describe('a decision', () => {
  test('is yes when every fact speaks for it', () => {
    expect(decide(YES)).toEqual({ allowed: true, reasons: [] })
  })

  test('is always there, and is yes exactly when nothing speaks against it', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const { allowed, reasons } = decide(given)
        expect(allowed).toBe(reasons.length === 0)
        expect(new Set(reasons).size).toBe(reasons.length)
      }),
      SETTINGS,
    )
  })

  test('is the same each time, changes nothing, and cannot be changed', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const before = structuredClone(given)
        const decision = decide(given)
        expect(decide(given)).toEqual(decision)
        expect(given).toEqual(before)
        expect(Object.isFrozen(decision) && Object.isFrozen(decision.reasons)).toBe(true)
      }),
      { ...SETTINGS, numRuns: 500 },
    )
  })

  const denials: readonly (readonly [keyof DecisionFacts, Partial<DecisionFacts>, string])[] = [
    ['hasRole', { hasRole: false }, 'role'],
    ['hasTask', { hasTask: false }, 'task_required'],
    ['related', { related: false }, 'no_relationship'],
    ['objected', { objected: true }, 'objected'],
    ['restricted', { restricted: true }, 'restricted'],
    ['closed', { closed: true }, 'erased'],
    ['stale', { stale: true }, 'stale_notice'],
    ['consent', { consent: undefined }, 'not_asked'],
    ['at', { at: 300 }, 'expired'],
  ]
  test.for(denials)('is no for %s alone: %o', ([, change, reason]) => {
    expect(decide({ ...YES, ...change })).toEqual({ allowed: false, reasons: [reason] })
  })

  test('tells every reason, the role first', () => {
    const none = {
      hasRole: false,
      hasTask: false,
      related: false,
      objected: true,
      restricted: true,
    }
    expect(decide({ ...YES, ...none, consent: undefined }).reasons).toEqual([
      'role',
      'task_required',
      'no_relationship',
      'not_asked',
      'objected',
      'restricted',
    ])
  })
})

describe('a decision about several people', () => {
  test('is yes where all say yes, and no with every reason of any of them', () => {
    fc.assert(
      fc.property(fc.array(facts, { minLength: 1, maxLength: 5 }), (given) => {
        const decisions = given.map(decide)
        const { allowed, reasons } = decideForAll(decisions)
        expect(allowed).toBe(decisions.every((decision) => decision.allowed))
        expect(new Set(reasons)).toEqual(new Set(decisions.flatMap((each) => each.reasons)))
        expect(reasons.length).toBe(new Set(reasons).size)
        expect(allowed).toBe(reasons.length === 0)
      }),
      SETTINGS,
    )
  })

  test('of one is that of the one, and of none is no', () => {
    expect(decideForAll([decide(YES)])).toEqual(decide(YES))
    expect(decideForAll([])).toEqual({ allowed: false, reasons: ['no_basis'] })
    expect(decideForAll([decide(YES), denial('erased')])).toEqual(denial('erased'))
    expect(decideForAll([{ reasons: [] } as unknown as Decision]).allowed).toBe(false)
  })
})

describe('what is not known', () => {
  const names = Object.keys(YES) as readonly (keyof DecisionFacts)[]
  // Without these nothing speaks for a yes; to lack one must never be one.
  const needed = names.filter((name) => name !== 'requiresTask')

  test.for(needed)('denies: no %s', (name) => {
    const { [name]: _, ...rest } = YES
    expect(decide(rest as unknown as DecisionFacts).allowed).toBe(false)
    expect(decide(broken({ [name]: undefined })).allowed).toBe(false)
    expect(decide(broken({ [name]: null })).allowed).toBe(false)
  })

  test('denies: no word whether a task is needed, and none given', () => {
    const { requiresTask: _, ...rest } = YES
    const decision = decide({ ...rest, hasTask: false } as unknown as DecisionFacts)
    expect(decision).toEqual({ allowed: false, reasons: ['task_required'] })
  })

  const strange = [0, 1, 'yes', 'true', {}, [], Number.NaN, () => true]
  test.for(['hasRole', 'related', 'hasTask'] as const)(
    'denies: %s that is not plainly true',
    (name) => {
      for (const value of strange)
        expect([value, decide(broken({ [name]: value })).allowed]).toEqual([value, false])
    },
  )

  test.for(['objected', 'restricted', 'stale'] as const)(
    'denies: %s that is not plainly false',
    (name) => {
      for (const value of strange)
        expect([value, decide(broken({ [name]: value })).allowed]).toEqual([value, false])
    },
  )

  test('denies: a state of consent that this version does not know', () => {
    for (const state of ['confirmed', '', 'toString', '__proto__', undefined, 7]) {
      const decision = decide(broken({ consent: { state, at: 100, policy: 'x' } }))
      expect([state, decision.allowed]).toEqual([state, false])
    }
  })

  test('denies: a basis that this version does not know', () => {
    for (const basis of ['soft_opt_in', '', 'toString', '__proto__', undefined, 7])
      expect([basis, decide(broken({ basis, consent: undefined })).allowed]).toEqual([basis, false])
  })

  test('denies: a time that is none', () => {
    for (const at of [Number.NaN, undefined, '200', null])
      expect([at, decide(broken({ at })).allowed]).toEqual([at, false])
  })

  test('denies: an end of validity that is none', () => {
    for (const validUntil of [Number.NaN, '300', null, {}]) {
      const decision = decide(broken({ consent: { ...YES.consent, validUntil } }))
      expect([validUntil, decision.allowed]).toEqual([validUntil, false])
    }
  })
})

describe('one more fact against it', () => {
  /** Each makes the facts worse for a yes, or leaves them as they are. */
  const WORSE: { readonly [name: string]: (given: DecisionFacts) => DecisionFacts } = {
    'the role is taken': (given) => ({ ...given, hasRole: false }),
    'a task is needed': (given) => ({ ...given, requiresTask: true, hasTask: false }),
    'the relationship ends': (given) => ({ ...given, related: false }),
    'the person objects': (given) => ({ ...given, objected: true }),
    'processing is restricted': (given) => ({ ...given, restricted: true }),
    'the words change': (given) => ({ ...given, stale: true }),
    'consent is withdrawn': (given) => withState(given, 'withdrawn'),
    'consent is revoked': (given) => withState(given, 'revoked'),
    'consent is refused': (given) => withState(given, 'refused'),
    'consent is invalidated': (given) => withState(given, 'invalidated'),
    'time passes': (given) => ({ ...given, at: given.at + 50 }),
  }

  function withState(given: DecisionFacts, state: ConsentState): DecisionFacts {
    return { ...given, consent: { ...(given.consent ?? { at: 100, policy: 'x' }), state } }
  }

  test.for(Object.keys(WORSE))('never turns a no into a yes: %s', (name) => {
    fc.assert(
      fc.property(facts, (given) => {
        const before = decide(given)
        const after = decide((WORSE[name] ?? ((it: DecisionFacts) => it))(given))
        if (!before.allowed) expect(after.allowed).toBe(false)
      }),
      SETTINGS,
    )
  })

  test('nor do several, in any order', () => {
    const several = fc.array(fc.constantFrom(...Object.keys(WORSE)), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(facts, several, (given, names) => {
        let [at, before]: [DecisionFacts, Decision] = [given, decide(given)]
        for (const name of names) {
          at = WORSE[name]?.(at) ?? at
          const after = decide(at)
          expect(before.allowed || !after.allowed).toBe(true)
          before = after
        }
      }),
      SETTINGS,
    )
  })
})
