import { describe, expect, test } from 'vitest'
import { isPrivityError } from '../../src/base/errors.ts'
import { definePurposes, servesSpecial } from '../../src/policy/purposes.ts'

const GOOD = { basis: 'consent', description: 'Send you offers' }

/** Defines purposes as JavaScript would, and gives what was wrong: path and rule. */
function faultsOf(purposes: unknown): readonly string[] {
  try {
    definePurposes(purposes as Parameters<typeof definePurposes>[0])
    return []
  } catch (error) {
    if (!isPrivityError(error, 'invalid_input')) throw error
    return error.details.issues.map(({ path, code }) => [...path, code].join(' '))
  }
}

describe('definePurposes', () => {
  test('keeps every option and freezes its own copy', () => {
    const given = {
      marketing: {
        basis: 'consent',
        description: 'Send you offers',
        dpv: 'dpv:DirectMarketing',
        explicit: true,
        validFor: { months: 24 },
        erasureGrace: { days: 0 },
        requiresTask: true,
        marketing: true,
        article9: '9(2)(h)',
      },
    } as const
    const purposes = definePurposes(given)
    expect(purposes).toEqual(given)
    expect(purposes).not.toBe(given)
    expect(Object.isFrozen(purposes)).toBe(true)
    expect(Object.isFrozen(purposes.marketing)).toBe(true)
    expect(Object.isFrozen(purposes.marketing.validFor)).toBe(true)
    expect(Object.isFrozen(given.marketing)).toBe(false)
  })

  test('takes no purposes at all, which permit nothing', () => {
    expect(definePurposes({})).toEqual({})
  })

  test('counts an option that is undefined as absent', () => {
    const purposes = definePurposes({ a: { ...GOOD, dpv: undefined } } as never)
    expect(purposes).toEqual({ a: GOOD })
    expect(Object.keys(purposes['a'] ?? {})).toEqual(['basis', 'description'])
  })

  test('reports everything that is wrong at once', () => {
    const faults = faultsOf({
      'no spaces': GOOD,
      basis: { basis: 'because', description: '  ' },
      form: { basis: 'contract', description: 1, explicit: true, validFor: { months: 1 } },
      more: { ...GOOD, dpv: 'no colon', article9: '9(2)(a)', marketing: false, retries: 3 },
      none: null,
      times: { ...GOOD, validFor: { days: 0 }, erasureGrace: { weeks: 1 } },
      later: { ...GOOD, validFor: { years: 9000 } },
    })
    expect(faults).toEqual([
      '? invalid_name',
      'basis basis invalid_value',
      'basis description too_small',
      'form description invalid_type',
      'form explicit only_for_consent',
      'form validFor only_for_consent',
      'more dpv invalid_format',
      'more marketing invalid_value',
      'more article9 invalid_format',
      'more retries unrecognized_keys',
      'none invalid_type',
      'times validFor too_small',
      'times erasureGrace not_a_duration',
      'later validFor too_big',
    ])
  })

  test.each([undefined, null, 1, 'x', true, [], [GOOD], new Map(), () => ({})])(
    'refuses %o instead of a map of purposes',
    (value) => {
      expect(faultsOf(value)).toEqual(['invalid_type'])
    },
  )

  test('refuses what is missing', () => {
    expect(faultsOf({ a: {} })).toEqual(['a basis required', 'a description required'])
  })

  test('refuses half a character, which no hash could cover', () => {
    expect(faultsOf({ a: { ...GOOD, description: '\ud800' } })).toEqual([
      'a description invalid_format',
    ])
  })

  test('refuses a name that would set a prototype', () => {
    const purposes: unknown = JSON.parse(`{"__proto__": ${JSON.stringify(GOOD)}}`)
    expect(faultsOf(purposes)).toEqual(['__proto__ invalid_name'])
  })

  test('refuses more than 64 purposes without looking at each', () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, GOOD]))
    expect(faultsOf(many(64))).toEqual([])
    expect(faultsOf(many(65))).toEqual(['too_big'])
    expect(faultsOf(many(50_000))).toEqual(['too_big'])
  })

  test('refuses names and texts that are too long', () => {
    expect(faultsOf({ [`a${'b'.repeat(63)}`]: GOOD })).toEqual([])
    expect(faultsOf({ [`a${'b'.repeat(64)}`]: GOOD })).toEqual(['? invalid_name'])
    expect(faultsOf({ a: { ...GOOD, description: 'x'.repeat(2_001) } })).toEqual([
      'a description too_big',
    ])
    expect(faultsOf({ a: { ...GOOD, description: 'x'.repeat(2_000_000) } })).toEqual([
      'a description too_big',
    ])
  })

  test('never runs an accessor', () => {
    let runs = 0
    const trap = {
      get basis() {
        runs += 1
        return 'consent'
      },
      description: 'x',
    }
    expect(faultsOf({ a: trap, b: { ...GOOD, dpv: 1 } })).toEqual([
      'a basis unreadable',
      'b dpv invalid_type',
    ])
    const outer = Object.defineProperty({ b: GOOD }, 'a', {
      enumerable: true,
      get: () => {
        runs += 1
        return GOOD
      },
    })
    expect(faultsOf(outer)).toEqual(['a unreadable'])
    expect(runs).toBe(0)
  })

  test('replaces what a proxy throws', () => {
    const thrower = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new TypeError('anna@example.com')
        },
      },
    )
    expect(faultsOf(thrower)).toEqual(['unreadable'])
    expect(faultsOf({ a: thrower })).toEqual(['a unreadable'])
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    expect(faultsOf(proxy)).toEqual(['unreadable'])
  })

  test('uses what it checked, also of a proxy that answers differently each time', () => {
    let asked = 0
    const fickle = new Proxy(
      { ...GOOD },
      {
        getOwnPropertyDescriptor: (target, name) => {
          asked += name === 'basis' ? 1 : 0
          const value = name === 'basis' && asked > 1 ? 'contract' : Reflect.get(target, name)
          return { value, enumerable: true, configurable: true, writable: true }
        },
      },
    )
    const purposes = definePurposes({ a: fickle } as never) as { a: { basis: string } }
    // Listing the keys of a proxy asks for each property as well.
    expect(['consent', 'contract']).toContain(purposes.a.basis)
    expect(Object.getOwnPropertyDescriptor(purposes.a, 'basis')?.value).toBe(purposes.a.basis)
  })
})

describe('servesSpecial', () => {
  test('is said by explicit consent and by another ground, and by nothing else', () => {
    expect(servesSpecial({ basis: 'consent', explicit: true })).toBe(true)
    expect(servesSpecial({ basis: 'contract', article9: '9(2)(h)' })).toBe(true)
    expect(servesSpecial({ basis: 'consent' })).toBe(false)
    expect(servesSpecial({ basis: 'contract', explicit: true })).toBe(false)
    expect(servesSpecial({ basis: 'vital_interests' })).toBe(false)
    expect(servesSpecial({})).toBe(false)
  })
})
