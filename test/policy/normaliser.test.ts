import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  builtInById,
  NORMALISERS,
  normaliserFault,
  normaliserId,
  normaliserOf,
} from '../../src/policy/normaliser.ts'

const text = fc.string({ unit: 'binary' })

describe('the rules of the library', () => {
  test.each(Object.values(NORMALISERS))('are settled after one go: $name', ({ normalise }) => {
    fc.assert(
      fc.property(text, (value) => {
        const once = normalise(value)
        expect(normalise(once)).toBe(once)
        expect(once.isWellFormed()).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('make equal what people write in several ways', () => {
    const same = (by: keyof typeof NORMALISERS, ...texts: readonly string[]): void => {
      expect(new Set(texts.map(NORMALISERS[by].normalise)).size).toBe(1)
    }
    same('email', 'Anna@Example.com', ' anna@example.COM ')
    same('phone-e164', '+31 20 123', '0031 (0)20-123', '＋３１20123')
    same('nfkc-lower', 'Ｋöln', 'köln ', 'KO\u0308LN')
    expect(NORMALISERS.exact.normalise(' A ')).toBe(' A ')
  })

  test('never make a number out of what holds none', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z ]*$/), (value) => {
        expect(NORMALISERS['phone-e164'].normalise(value)).toBe('')
      }),
    )
  })

  test('are version 1 under their plain name, as the first stores have it', () => {
    for (const [name, normaliser] of Object.entries(NORMALISERS)) {
      expect(normaliser.version).toBe(1)
      expect(normaliserId(normaliser)).toBe(name)
      expect(builtInById(name)).toBe(normaliser)
    }
    expect(builtInById('iban@1')).toBeUndefined()
    expect(builtInById('toString')).toBeUndefined()
  })
})

describe('a rule of the app', () => {
  const rule = { name: 'iban', version: 1, normalise: (value: string) => value }

  test('has a name and a version of its own', () => {
    expect(normaliserFault(rule)).toBeUndefined()
    expect(normaliserId(rule)).toBe('iban@1')
    expect(normaliserId({ ...rule, version: 12 })).toBe('iban@12')
    expect(normaliserOf(rule)).toBe(rule)
  })

  test.each([
    [{ ...rule, name: 'email' }, 'invalid_name'],
    [{ ...rule, name: 'Iban' }, 'invalid_name'],
    [{ ...rule, name: 'a/b' }, 'invalid_name'],
    [{ ...rule, name: 'a+b' }, 'invalid_name'],
    [{ ...rule, name: 'a'.repeat(33) }, 'invalid_name'],
    [{ ...rule, version: 0 }, 'invalid_version'],
    [{ ...rule, version: 1.5 }, 'invalid_version'],
    [{ ...rule, version: 65_536 }, 'invalid_version'],
    [{ ...rule, normalise: 'trim' }, 'invalid_type'],
    [{ ...rule, locale: 'nl' }, 'unrecognized_keys'],
    ['fuzzy', 'invalid_value'],
    ['toString', 'invalid_value'],
    [5, 'invalid_type'],
    [null, 'invalid_type'],
  ])('is refused otherwise: %o', (given, fault) => {
    expect(normaliserFault(given)).toBe(fault)
  })
})
