import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { definePolicy, definePurposes, defineRecord, isPrivityError } from 'privity'
import { compilePolicy } from '../../src/policy/compile.ts'
import { nameOfLookup, parseLookupName } from '../../src/policy/compiled-lookup.ts'
import { NORMALISERS } from '../../src/policy/normaliser.ts'
import { FULL_BITS } from '../../src/policy/record-lookups.ts'
import { controller } from '../support/acme.ts'

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Help' },
  marketing: { basis: 'contract', description: 'Offers' },
  care: { basis: 'consent', description: 'Mind your allergies', explicit: true },
})
const IBAN = { name: 'iban', version: 2, normalise: (text: string) => text.toUpperCase() } as const
const served = { purposes: ['support', 'marketing'] } as const
const contact = defineRecord(
  purposes,
  ({ field }) => ({
    name: field(z.string(), served),
    city: field(z.string(), { purposes: ['support'] }),
    vip: field(z.boolean(), served),
    email: field(z.email(), { ...served, lookup: 'email' }),
    login: field(z.email(), { ...served, id: 'log', lookup: { by: 'email', unique: true } }),
    phone: field(z.string(), {
      ...served,
      lookup: { by: 'phone-e164', people: 100_000, endsWith: 4 },
    }),
    iban: field(z.string(), { ...served, lookup: { by: IBAN, startsWith: 2 } }),
  }),
  { lookups: { cityAndName: { by: { name: 'nfkc-lower', city: 'nfkc-lower' } } } },
)
const policy = definePolicy({ controller, purposes, records: { contact }, roles: {} })
const compiled = compilePolicy(policy).records.get('contact')

/** Faults of a record with one field `it`, and of its lookups. */
function faults(lookup: unknown, schema: z.ZodType = z.string(), lookups?: unknown) {
  return faultsOf({ it: [schema, { ...served, lookup }] }, lookups)
}

type Given = { readonly [name: string]: readonly [z.ZodType, object] }

function faultsOf(fields: Given, lookups?: unknown): readonly string[] {
  try {
    defineRecord(
      purposes,
      ({ field }) =>
        Object.fromEntries(
          Object.entries(fields).map(([name, [schema, options]]) => [
            name,
            field(schema as z.ZodString, options as { purposes: ['support'] }),
          ]),
        ),
      (lookups === undefined ? {} : { lookups }) as Record<never, never>,
    )
    return []
  } catch (error) {
    if (!isPrivityError(error, 'invalid_input')) throw error
    return error.details.issues.map(({ path, code }) => `${path.join(' ')} ${code}`)
  }
}

describe('the lookups of a record', () => {
  test('are named after what they are made of', () => {
    expect(compiled?.lookups.map(({ name, bits }) => [name, bits])).toEqual([
      ['contact/email/email', 128],
      ['contact/log/email', 128],
      ['contact/log/email/unique', 128],
      ['contact/phone/phone-e164/8', 8],
      ['contact/phone/phone-e164/endsWith.4/7', 7],
      ['contact/iban/iban@2', 128],
      ['contact/iban/iban@2/startsWith.2', 128],
      ['contact/city+name/nfkc-lower+nfkc-lower', 128],
    ])
  })

  test('have keys of the narrowest class of their fields', () => {
    const keys = new Set(
      compiled?.lookups.map(({ fields, classKey }) => `${fields.length} ${classKey}`),
    )
    expect(keys).toEqual(new Set(['1 contact:marketing+support', '2 contact:support']))
  })

  test('share out their bits alike in whatever order they are declared', () => {
    const bits = (names: readonly string[]): ReadonlyMap<string, number> => {
      const record = defineRecord(purposes, ({ field }) =>
        Object.fromEntries(
          names.map((name) => [
            name,
            field(z.string(), { ...served, lookup: { by: 'exact', people: 100_000 } }),
          ]),
        ),
      )
      const made = compilePolicy(
        definePolicy({ controller, purposes, records: { record }, roles: {} }),
      ).records.get('record')
      return new Map(made?.lookups.map((it) => [it.fields[0]?.id ?? '', it.bits]))
    }
    expect(bits(['a', 'b'])).toEqual(bits(['b', 'a']))
    expect([...bits(['a', 'b']).values()].toSorted()).toEqual([7, 8])
  })

  test('change the hash of a policy, and those of the short form leave it as it was', () => {
    const hash = (lookup: object | 'email', people?: number): string => {
      const options = people === undefined ? {} : { people }
      const record = defineRecord(
        purposes,
        ({ field }) => ({
          it: field(z.string(), { ...served, lookup: lookup as 'email' }),
          other: field(z.string(), served),
        }),
        { lookups: { both: { by: { it: 'email', other: 'exact' }, ...options } } },
      )
      return definePolicy({ controller, purposes, records: { record }, roles: {} }).hash
    }
    expect(hash({ by: 'email' })).toBe(hash('email'))
    const hashes = [
      hash('email'),
      hash({ by: 'email', unique: true }),
      hash({ by: 'email', people: 1_000 }),
      hash({ by: 'email', endsWith: 4 }),
      hash('email', 1_000),
    ]
    expect(new Set(hashes).size).toBe(5)
  })

  test('have names that say all of it, and nothing else can be read out of one', () => {
    const part = fc.constantFrom(
      'whole' as const,
      'unique' as const,
      'startsWith' as const,
      'endsWith' as const,
    )
    const id = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,8}$/)
    fc.assert(
      fc.property(
        fc.record({
          record: id,
          ids: fc.uniqueArray(id, { minLength: 1, maxLength: 3 }),
          part,
          length: fc.integer({ min: 2, max: 32 }),
          bits: fc.constantFrom(FULL_BITS, 3, 18),
        }),
        ({ record, ids, part: kind, length, bits }) => {
          const isPart = kind === 'startsWith' || kind === 'endsWith'
          const fields = ids.map((it) => ({
            id: it,
            name: it,
            normaliser: it.length > 4 ? IBAN : NORMALISERS.email,
          }))
          const lookup = { kind, fields, bits, ...(isPart ? { length } : {}) }
          expect(parseLookupName(nameOfLookup(record, lookup))).toEqual({
            record,
            fieldIds: ids,
            normalisers: fields.map(({ normaliser }) => (normaliser === IBAN ? 'iban@2' : 'email')),
            kind,
            length: isPart ? length : undefined,
            bits,
          })
        },
      ),
    )
    expect(parseLookupName('contact/email/email/soundex')).toBeUndefined()
  })
})

describe('a lookup is refused', () => {
  test.each([
    [{ by: 'fuzzy' }, ['fields it lookup by invalid_value']],
    [{}, ['fields it lookup by required']],
    [{ by: 'email', people: 15 }, ['fields it lookup people too_small']],
    [{ by: 'email', people: 1.5 }, ['fields it lookup people invalid_type']],
    [{ by: 'email', people: 1_000, distinct: 15 }, ['fields it lookup distinct too_small']],
    [{ by: 'email', distinct: 100 }, ['fields it lookup people required']],
    [{ by: 'email', unique: false }, ['fields it lookup unique invalid_value']],
    [{ by: 'email', startsWith: 1 }, ['fields it lookup startsWith too_small']],
    [{ by: 'email', endsWith: 33 }, ['fields it lookup endsWith too_big']],
    [{ by: 'email', contains: 3 }, ['fields it lookup contains unrecognized_keys']],
    [{ by: { ...IBAN, version: 0 } }, ['fields it lookup by invalid_version']],
    [5, ['fields it lookup invalid_type']],
    ['fuzzy', ['fields it lookup invalid_value']],
  ])('for its options: %j', (lookup, expected) => {
    expect(faults(lookup)).toEqual(expected)
  })

  test('where its values are few, once it is planned', () => {
    const planned = { by: 'exact', people: 1_000 }
    expect(faults(planned, z.enum(['a', 'b']))).toEqual(['fields it lookup few_values'])
    expect(faults(planned, z.literal(['a', 'b', 'c']).optional())).toEqual([
      'fields it lookup few_values',
    ])
    expect(faults(planned, z.enum(Array.from({ length: 16 }, (_, at) => `v${at}`)))).toEqual([])
    expect(faults(planned, z.boolean())).toEqual(['fields it lookup needs_text'])
  })

  test('where the lookups of a record would tell too much together', () => {
    const field = (people: number) =>
      [z.string(), { ...served, lookup: { by: 'exact', people } }] as const
    expect(faultsOf({ a: field(1_000), b: field(1_000) })).toEqual([])
    expect(faultsOf({ a: field(1_000), b: field(1_000), c: field(1_000) })).toEqual([
      'options lookups over_budget',
    ])
  })

  test.each([
    [{ both: { by: { it: 'exact' } } }, ['options lookups both by too_small']],
    [
      { both: { by: { it: 'exact', gone: 'exact' } } },
      ['options lookups both by gone not_declared'],
    ],
    [{ both: { by: { it: 'exact', tags: 'exact' } } }, ['options lookups both by tags needs_text']],
    [
      { both: { by: { it: 'exact', ill: 'exact' } } },
      ['options lookups both by ill special_field'],
    ],
    [
      { both: { by: { it: 'email', vip: 'exact' } } },
      ['options lookups both by it other_normaliser'],
    ],
    [{ both: { by: { it: 'fuzzy', vip: 'exact' } } }, ['options lookups both by it invalid_value']],
    [
      { both: { by: { it: 'exact', vip: 'exact' }, people: 3 } },
      ['options lookups both people too_small'],
    ],
    [{ both: { by: ['it', 'vip'] } }, ['options lookups both by invalid_type']],
    [
      { both: { of: {} } },
      ['options lookups both by required', 'options lookups both of unrecognized_keys'],
    ],
    [
      { toString: { by: { it: 'exact', vip: 'exact' } } },
      ['options lookups toString reserved_name'],
    ],
    [
      { a: { by: { it: 'exact', vip: 'exact' } }, b: { by: { vip: 'exact', it: 'exact' } } },
      ['options lookups b duplicate'],
    ],
    [5, ['options lookups invalid_type']],
  ])('by several fields: %j', (lookups, expected) => {
    const fields: Given = {
      it: [z.string(), { ...served, lookup: 'exact' }],
      vip: [z.boolean(), served],
      tags: [z.array(z.string()), served],
      ill: [z.string().optional(), { purposes: ['care'], special: 'health' }],
    }
    expect(faultsOf(fields, lookups)).toEqual(expected)
  })
})

describe('a policy explains', () => {
  test('what each lookup costs and shows', () => {
    const findings = policy.explain().filter((it) => it.kind === 'lookup')
    expect(
      findings.map(({ fields, use, bits, shows }) => [fields.join(), use, bits, shows]),
    ).toEqual([
      ['email', 'whole', 128, 'equality'],
      ['login', 'whole', 128, 'equality'],
      ['login', 'unique', 128, 'returns'],
      ['phone', 'whole', 8, 'groups'],
      ['phone', 'endsWith', 7, 'groups'],
      ['iban', 'whole', 128, 'equality'],
      ['iban', 'startsWith', 128, 'equality'],
      ['city,name', 'whole', 128, 'equality'],
    ])
    expect(findings[3]).toEqual({
      kind: 'lookup',
      record: 'contact',
      fields: ['phone'],
      normalisers: ['phone-e164@1'],
      use: 'whole',
      bits: 8,
      people: 100_000,
      coincidences: 390.625,
      shows: 'groups',
      summary: expect.stringContaining('about 391 of them by chance'),
    })
    expect(findings[0]?.summary).toContain('which records have the same value')
  })

  test('and is none of its contents', () => {
    expect(Object.keys(policy)).not.toContain('explain')
    expect(Object.isFrozen(policy)).toBe(true)
  })
})
