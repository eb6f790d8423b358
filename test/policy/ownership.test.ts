import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { isPrivityError } from '../../src/base/errors.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { definePolicy } from '../../src/policy/define-policy.ts'
import { defineRecord } from '../../src/policy/define-record.ts'
import { definePurposes } from '../../src/policy/purposes.ts'
import { controller } from '../support/acme.ts'

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  news: { basis: 'consent', description: 'Send you news' },
  profile: { basis: 'legitimate_interests', description: 'Know what you like' },
  offers: { basis: 'contract', description: 'Send you offers', marketing: true },
})
const REVIEW = '2027-06-30'
const WAIVER = { reason: 'the name of a brand', reviewAt: REVIEW } as const
const OWNED = { record: 'ticket', field: 'ticketId', onErase: 'delete' } as const

type Loose = (...input: readonly unknown[]) => unknown
type LooseKit = { field(schema: unknown, options: unknown): unknown }
type Fields = { readonly [name: string]: object }
const defineLoosely = defineRecord as Loose

function faultsOf(define: () => unknown): readonly string[] {
  try {
    define()
    return []
  } catch (error) {
    if (!isPrivityError(error, 'invalid_input')) throw error
    return error.details.issues.map(({ path, code }) => [...path, code].join(' '))
  }
}

/** A record of texts with these options each. */
function record(fields: Fields, options?: object, schema: unknown = z.string()): unknown {
  return defineLoosely(
    purposes,
    ({ field }: LooseKit) =>
      Object.fromEntries(
        Object.entries(fields).map(([name, given]) => [
          name,
          field(schema, { purposes: ['support'], ...given }),
        ]),
      ),
    options,
  )
}

function policyOf(records: object): object {
  return (definePolicy as Loose)({ controller, purposes, records, roles: {} }) as object
}

function hashOf(fields: Fields, options: object): unknown {
  return Reflect.get(policyOf({ ticket: TICKET, it: record(fields, options) }), 'hash')
}

const TICKET = record({ text: {} }, { many: true })

describe('whom a record is about', () => {
  test('is declared with the record and its fields, and is copied and frozen', () => {
    const ownedBy: { record: string } = { ...OWNED }
    const refs = { onErase: 'retain', reason: 'tax', reviewAt: REVIEW }
    const waiver: { reason: string; reviewAt: string } = { ...WAIVER }
    const note = record(
      { ticketId: {}, agentId: { lookup: 'exact', refs }, partner: { waiver } },
      { many: true, ownedBy },
    ) as { fields: { [name: string]: { options: object } }; options: object }
    ownedBy.record = 'contact'
    refs.reason = 'other'
    waiver.reason = 'other'
    const kept = { onErase: 'retain', reason: 'tax', reviewAt: REVIEW }
    const parts = [
      [Reflect.get(note.options, 'ownedBy'), OWNED],
      [Reflect.get(note.fields['agentId']?.options ?? {}, 'refs'), kept],
      [Reflect.get(note.fields['partner']?.options ?? {}, 'waiver'), WAIVER],
    ] as const
    for (const [part, declared] of parts) {
      expect(part).toEqual(declared)
      expect(Object.isFrozen(part)).toBe(true)
    }
    const { records } = compilePolicy(policyOf({ note, ticket: TICKET }))
    expect(records.get('note')?.ownedBy).toEqual({
      ...OWNED,
      field: undefined,
      fieldId: 'ticketId',
    })
    expect(records.get('note')?.fields).toMatchObject([
      { name: 'ticketId' },
      { name: 'agentId', refs: kept },
      { name: 'partner', waiver: WAIVER },
    ])
  })

  test('is a group where the record is shared', () => {
    const sharedWith = { onErase: 'refcount' }
    const home = record({ street: {} }, { sharedWith })
    sharedWith.onErase = 'nobody'
    const compiled = compilePolicy(policyOf({ home })).records.get('home')
    expect(compiled?.sharedWith).toEqual({ onErase: 'refcount' })
    expect(Object.isFrozen(compiled?.sharedWith)).toBe(true)
    expect(compiled?.ownedBy).toBeUndefined()
  })

  test('is kept by the id of the field that names the owner, whatever its name is', () => {
    const note = record(
      { of: { id: 'ticketId' } },
      { many: true, ownedBy: { ...OWNED, field: 'of' } },
    )
    const { records } = compilePolicy(policyOf({ note, ticket: TICKET }))
    expect(records.get('note')?.ownedBy?.fieldId).toBe('ticketId')
  })

  test('is not what a look-alike of a record says', () => {
    const note = record({ ticketId: {} }, { many: true, ownedBy: OWNED }) as object
    expect(faultsOf(() => policyOf({ note: { ...note }, ticket: TICKET }))).toEqual([
      'records note not_a_record',
    ])
  })
})

describe('a record is refused', () => {
  test.each<readonly [string, unknown, readonly string[]]>([
    ['null', null, ['invalid_type']],
    ['a word', 'refcount', ['invalid_type']],
    ['nothing', {}, ['onErase required']],
    ['a verb of others', { onErase: 'delete' }, ['onErase invalid_value']],
    ['no verb', { onErase: 1 }, ['onErase invalid_type']],
    ['more', { onErase: 'refcount', group: 'home' }, ['group unrecognized_keys']],
  ])('that is shared by %s', (_, sharedWith, expected) => {
    expect(faultsOf(() => record({ a: {} }, { sharedWith }))).toEqual(
      expected.map((it) => `options sharedWith ${it}`),
    )
  })

  test.each<readonly [string, unknown, readonly string[]]>([
    ['null', null, ['invalid_type']],
    ['nothing', {}, ['record required', 'field required', 'onErase required']],
    ['a name that is reserved', { ...OWNED, record: 'then' }, ['record reserved_name']],
    ['no name', { ...OWNED, field: 'ticket id' }, ['field invalid_name']],
    ['a number', { ...OWNED, field: 1 }, ['field invalid_type']],
    ['another verb', { ...OWNED, onErase: 'refcount' }, ['onErase invalid_value']],
    ['more', { ...OWNED, many: true }, ['many unrecognized_keys']],
  ])('that is owned by %s', (_, ownedBy, expected) => {
    expect(faultsOf(() => record({ ticketId: {} }, { many: true, ownedBy }))).toEqual(
      expected.map((it) => `options ownedBy ${it}`),
    )
  })

  test('whose options are read by running them', () => {
    const ran: string[] = []
    const trap = {
      get onErase() {
        ran.push('onErase')
        return 'delete'
      },
    }
    expect(faultsOf(() => record({ a: {} }, { sharedWith: trap }))).not.toEqual([])
    expect(faultsOf(() => record({ a: { lookup: 'exact', refs: trap } }))).not.toEqual([])
    expect(ran).toEqual([])
  })
})

describe('a field is refused', () => {
  const exact = { lookup: 'exact' }
  const retain = { onErase: 'retain', reason: 'tax', reviewAt: REVIEW }

  test.each<readonly [string, object, readonly string[]]>([
    ['to null', { ...exact, refs: null }, ['refs invalid_type']],
    ['to nothing', { ...exact, refs: {} }, ['refs onErase required']],
    [
      'by a verb of others',
      { ...exact, refs: { onErase: 'refcount' } },
      ['refs onErase invalid_value'],
    ],
    ['without a lookup', { refs: { onErase: 'delete' } }, ['refs needs_exact_lookup']],
    [
      'under another lookup',
      { lookup: 'email', refs: { onErase: 'delete' } },
      ['refs needs_exact_lookup'],
    ],
    [
      'that cannot be cleared',
      { ...exact, refs: { onErase: 'detach' } },
      ['refs onErase needs_optional'],
    ],
    [
      'that nothing makes anonymous',
      { ...exact, refs: { onErase: 'anonymise' } },
      ['refs onErase needs_anonymise'],
    ],
    [
      'that is erased at its end instead',
      { ...exact, refs: { onErase: 'anonymise' }, atEnd: 'erase' },
      ['refs onErase needs_anonymise'],
    ],
    [
      'that is retained for no reason, for ever',
      { ...exact, refs: { onErase: 'retain' } },
      ['refs reason required', 'refs reviewAt required'],
    ],
    [
      'for a reason that nothing asks for',
      { ...exact, refs: { ...retain, onErase: 'delete' } },
      ['refs reason unrecognized_keys', 'refs reviewAt unrecognized_keys'],
    ],
    [
      'for a reason that is no word',
      { ...exact, refs: { ...retain, reason: 'Anna asked' } },
      ['refs reason invalid_format'],
    ],
    [
      'until a day that is none',
      { ...exact, refs: { ...retain, reviewAt: '2027-02-29' } },
      ['refs reviewAt invalid_format'],
    ],
    [
      'until a moment',
      { ...exact, refs: { ...retain, reviewAt: `${REVIEW}T00:00:00Z` } },
      ['refs reviewAt invalid_format'],
    ],
    ['with more', { ...exact, refs: { onErase: 'delete', of: 1 } }, ['refs of unrecognized_keys']],
  ])('that refers %s', (_, options, expected) => {
    expect(faultsOf(() => record({ a: options }))).toEqual(expected.map((it) => `fields a ${it}`))
  })

  test.each<readonly [string, unknown, readonly string[]]>([
    ['null', null, ['invalid_type']],
    ['nothing', {}, ['reason required', 'reviewAt required']],
    ['a blank', { ...WAIVER, reason: ' ' }, ['reason too_small']],
    ['two lines', { ...WAIVER, reason: 'a\nb' }, ['reason invalid_format']],
    ['too many words', { ...WAIVER, reason: 'x'.repeat(257) }, ['reason too_big']],
    ['no day', { ...WAIVER, reviewAt: 'soon' }, ['reviewAt invalid_format']],
    ['no text', { ...WAIVER, reviewAt: 20_270_630 }, ['reviewAt invalid_type']],
    ['more', { ...WAIVER, by: 'Ida' }, ['by unrecognized_keys']],
  ])('whose waiver is %s', (_, waiver, expected) => {
    expect(faultsOf(() => record({ a: { waiver } }))).toEqual(
      expected.map((it) => `fields a waiver ${it}`),
    )
  })

  test('is taken with every verb that it can carry out', () => {
    const optional = z.string().exactOptional()
    const anonymise = { atEnd: { anonymise: () => '' } }
    for (const onErase of ['delete', 'decorrelate'])
      expect(faultsOf(() => record({ a: { ...exact, refs: { onErase } } }))).toEqual([])
    expect(faultsOf(() => record({ a: { ...exact, refs: retain } }))).toEqual([])
    expect(
      faultsOf(() => record({ a: { ...exact, refs: { onErase: 'detach' } } }, {}, optional)),
    ).toEqual([])
    expect(
      faultsOf(() =>
        record({
          a: { lookup: { by: 'exact', people: 100 }, refs: { onErase: 'anonymise' }, ...anonymise },
        }),
      ),
    ).toEqual([])
  })
})

describe('a policy is refused', () => {
  const many = { many: true } as const
  const at = 'records note options ownedBy'
  const owned = (options: object, fields: Fields = { ticketId: {} }, schema?: unknown) =>
    record(fields, { ...many, ownedBy: { ...OWNED, ...options } }, schema)
  const shared = { sharedWith: { onErase: 'refcount' } }

  test.each<readonly [string, object, readonly string[]]>([
    ['that there is not', { note: owned({}) }, [`${at} record not_declared`]],
    [
      'of which a person has one',
      { note: owned({}), ticket: record({ a: {} }) },
      [`${at} record not_many`],
    ],
    [
      'and one record of its own',
      { note: record({ ticketId: {} }, { ownedBy: OWNED }), ticket: TICKET },
      [`${at} not_many`],
    ],
    [
      'that other people have',
      { note: owned({}), ticket: record({ a: {} }, { ...many, ...shared }) },
      [`${at} record other_subjects`],
    ],
    [
      'that one person has, while it is of several',
      { note: record({ ticketId: {} }, { ...many, ...shared, ownedBy: OWNED }), ticket: TICKET },
      [`${at} record other_subjects`],
    ],
    [
      'that no field names',
      { note: owned({ field: 'owner' }), ticket: TICKET },
      [`${at} field not_declared`],
    ],
    [
      'that a number names',
      { note: owned({}, undefined, z.int()), ticket: TICKET },
      [`${at} field needs_text`],
    ],
    [
      'in a field that names a person',
      {
        note: owned({}, { ticketId: { lookup: 'exact', refs: { onErase: 'delete' } } }),
        ticket: TICKET,
      },
      [`${at} field names_a_person`],
    ],
    [
      'that it cannot forget',
      { note: owned({ onErase: 'detach' }), ticket: TICKET },
      [`${at} field needs_optional`],
    ],
    ['that is itself', { note: owned({ record: 'note' }) }, [`${at} record cycle`]],
  ])('with an owner %s', (_, records, expected) => {
    expect(faultsOf(() => policyOf(records))).toEqual(expected)
  })

  test('with a shared field that one person alone can end', () => {
    const home = (named: readonly string[], options: object = shared) =>
      faultsOf(() => policyOf({ home: record({ a: { purposes: named } }, options) }))
    const fault = ['records home fields a purposes needs_lasting_basis']
    expect(home(['news'])).toEqual(fault)
    expect(home(['profile', 'news'])).toEqual(fault)
    expect(home(['offers', 'news'])).toEqual(fault)
    expect(home(['news', 'support'])).toEqual([])
    expect(home(['news'], {})).toEqual([])
  })

  test('exactly where an owner leads back to what it owns', () => {
    const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'] as const
    const graph = fc.array(fc.option(fc.constantFrom(...NAMES), { nil: undefined }), {
      minLength: NAMES.length,
      maxLength: NAMES.length,
    })
    fc.assert(
      fc.property(graph, (owners) => {
        const ownerOf = new Map(NAMES.map((name, index) => [name as string, owners[index]]))
        const records = Object.fromEntries(
          NAMES.map((name, index) => [
            name,
            record(
              { of: {} },
              owners[index] === undefined
                ? many
                : { ...many, ownedBy: { record: owners[index], field: 'of', onErase: 'delete' } },
            ),
          ]),
        )
        const cyclic = NAMES.filter((name) => {
          let next = ownerOf.get(name)
          for (let step = 1; step < NAMES.length && next !== name; step += 1)
            next = next === undefined ? undefined : ownerOf.get(next)
          return next === name
        })
        expect(faultsOf(() => policyOf(records))).toEqual(
          cyclic.map((name) => `records ${name} options ownedBy record cycle`),
        )
      }),
      { numRuns: 200 },
    )
  })
})

describe('the hash of a policy', () => {
  const many = { many: true }
  const field = (options: object): Fields => ({ ticketId: { lookup: 'exact', ...options } })

  test('tells apart what was declared, down to every detail', () => {
    const retain = { onErase: 'retain', reason: 'tax', reviewAt: REVIEW }
    const hashes = [
      hashOf(field({}), many),
      hashOf(field({}), { ...many, sharedWith: { onErase: 'refcount' } }),
      hashOf(field({}), { ...many, ownedBy: OWNED }),
      hashOf(field({ refs: { onErase: 'delete' } }), many),
      hashOf(field({ refs: { onErase: 'decorrelate' } }), many),
      hashOf(field({ refs: retain }), many),
      hashOf(field({ refs: { ...retain, reason: 'law' } }), many),
      hashOf(field({ refs: { ...retain, reviewAt: '2027-07-01' } }), many),
    ]
    expect(new Set(hashes).size).toBe(hashes.length)
  })

  test('is not that of a waiver, which decides nothing', () => {
    expect(hashOf(field({ waiver: WAIVER }), many)).toBe(hashOf(field({}), many))
  })

  test('is what it was for a policy that declares nothing of the kind', () => {
    const note = defineRecord(
      purposes,
      ({ field: declare }) => ({
        text: declare(z.string(), { purposes: ['support'], lookup: 'exact' }),
        topic: declare(z.string().exactOptional(), { purposes: ['support', 'news'] }),
      }),
      { many: true, events: ['closed'], retention: { keep: { years: 1 }, from: 'closed' } },
    )
    const { support, news } = purposes
    const policy = definePolicy({
      controller,
      purposes: { support, news },
      records: { note },
      roles: { agent: { purposes: ['support'] } },
    })
    expect(policy.hash).toBe('yguuWQmRwNP54gLmGTHwMtDNYzwpUjQEU5l-vAJcwD8')
  })
})
