import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { isPrivityError } from '../../src/base/errors.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { hasEnd } from '../../src/policy/retention-rules.ts'
import { definePolicy } from '../../src/policy/define-policy.ts'
import { defineRecord } from '../../src/policy/define-record.ts'
import type { PolicyFinding } from '../../src/policy/findings.ts'
import { definePurposes } from '../../src/policy/purposes.ts'
import { statutory } from '../../src/policy/statutory.ts'
import { controller } from '../support/acme.ts'

const KEEP = { keep: { years: 2 }, from: 'created' } as const
const FLOOR = { ...KEEP, ground: 'law' } as const
const HOUSE = { basis: 'contract', description: 'Answer your questions' } as const
const SUPPORT = { support: HOUSE } as const

type Loose = (...input: readonly unknown[]) => unknown
type LooseKit = { field(schema: unknown, options: unknown): unknown }
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

function record(options: object, recordOptions?: object): unknown {
  return defineLoosely(
    SUPPORT,
    ({ field }: LooseKit) => ({ a: field(z.string(), { purposes: ['support'], ...options }) }),
    recordOptions,
  )
}

function policyOf(retention: object | undefined, it: unknown = record({})): object {
  const support = retention === undefined ? HOUSE : { ...HOUSE, retention }
  const define = definePolicy as Loose
  return define({ controller, purposes: { support }, records: { it }, roles: {} }) as object
}

function hashOf(options: object, recordOptions?: object, retention?: object): unknown {
  return Reflect.get(policyOf(retention, record(options, recordOptions)), 'hash')
}

describe('retention', () => {
  test('is declared for purposes, records and fields, and copied and frozen', () => {
    const purposes = definePurposes({ support: { ...HOUSE, retention: KEEP } })
    expect(purposes.support.retention).toEqual(KEEP)
    expect(Object.isFrozen(purposes.support.retention.keep)).toBe(true)
    const note = defineRecord(
      purposes,
      ({ field }) => ({
        text: field(z.string(), {
          purposes: ['support'],
          retention: { keep: { days: 0 }, from: 'closed' },
          floor: [FLOOR, statutory('DE.vouchers', { from: 'closed' })],
          atEnd: { anonymise: (plain) => plain.slice(0, 1) },
        }),
      }),
      { many: true, events: ['closed'], retention: KEEP, floor: FLOOR },
    )
    expect(note.options.events).toEqual(['closed'])
    const { records } = compilePolicy(policyOf(KEEP, note))
    const rules = records.get('it')?.retention
    expect(rules).toMatchObject({ events: ['closed', 'created'], ending: ['text'] })
    expect(rules?.isUniform).toBe(false)
    const field = rules?.fields.get('text')
    expect(field?.maxima).toEqual([{ keep: { days: 0 }, from: 'closed' }, KEEP])
    expect(field?.purposes).toEqual([{ purpose: 'support', retention: KEEP }])
    expect(field?.floors.map(({ ground }) => ground)).toEqual([
      'law',
      'HGB § 257(4), AO § 147(3)',
      'law',
    ])
    expect(field?.anonymise?.('abc')).toBe('a')
  })

  test('of a field ends by its purposes only if every one of them ends', () => {
    const purposes = { a: { ...HOUSE, retention: KEEP }, b: HOUSE }
    const both = defineLoosely(purposes, ({ field }: LooseKit) => ({
      one: field(z.string(), { purposes: ['a'] }),
      two: field(z.string(), { purposes: ['a', 'b'] }),
    }))
    const define = definePolicy as Loose
    const declared = define({ controller, purposes, records: { both }, roles: {} }) as object
    const rules = compilePolicy(declared).records.get('both')?.retention
    // What the others need ends with those, by a word of the person.
    expect(rules?.ending).toEqual(['one', 'two'])
    const ends = ['one', 'two'].map((id) => {
      const field = rules?.fields.get(id)
      return field !== undefined && hasEnd(field)
    })
    expect(ends).toEqual([true, false])
  })

  test('is no concern of a record about which nothing is said', () => {
    const { records } = compilePolicy(policyOf(undefined))
    expect(records.get('it')?.retention).toBeUndefined()
    expect(compilePolicy(policyOf(KEEP)).records.get('it')?.retention?.isUniform).toBe(true)
  })

  test.each<readonly [string, object, readonly string[]]>([
    ['no object', { retention: 'long' }, ['retention invalid_type']],
    ['nothing in it', { retention: {} }, ['retention keep required', 'retention from required']],
    [
      'no duration',
      { retention: { keep: { weeks: 1 }, from: 'created' } },
      ['retention keep not_a_duration'],
    ],
    [
      'too long a time',
      { retention: { keep: { years: 9_000 }, from: 'created' } },
      ['retention keep too_big'],
    ],
    [
      'an event that no record has',
      { retention: { ...KEEP, from: 'closed' } },
      ['retention from not_declared'],
    ],
    ['no name', { retention: { ...KEEP, from: 'a b' } }, ['retention from invalid_name']],
    ['no text', { retention: { ...KEEP, from: 1 } }, ['retention from invalid_type']],
    ['what there is not', { retention: { ...KEEP, for: 1 } }, ['retention for unrecognized_keys']],
    ['another end', { retention: { ...KEEP, until: 'easter' } }, ['retention until invalid_value']],
    ['no text for a zone', { retention: { ...KEEP, zone: 1 } }, ['retention zone invalid_type']],
    [
      'a zone that nobody knows',
      { retention: { ...KEEP, zone: 'Europe/Atlantis' } },
      ['retention zone not_a_time_zone'],
    ],
    ['no zone', { retention: { ...KEEP, zone: '' } }, ['retention zone not_a_time_zone']],
    ['an offset', { floor: { ...FLOOR, zone: '+01:00' } }, ['floor zone not_a_time_zone']],
    ['a floor without ground', { floor: KEEP }, ['floor ground required']],
    ['a floor of nothing', { floor: { ...FLOOR, keep: { days: 0 } } }, ['floor keep too_small']],
    [
      'an open source',
      { floor: { ...FLOOR, source: 'http://a' } },
      ['floor source invalid_format'],
    ],
    ['no country', { floor: { ...FLOOR, country: 'nl' } }, ['floor country invalid_format']],
    ['no floor in a list', { floor: [] }, ['floor too_small']],
    ['one wrong floor of two', { floor: [FLOOR, KEEP] }, ['floor 1 ground required']],
    ['an unknown end', { atEnd: 'keep' }, ['atEnd invalid_value']],
    ['no function', { atEnd: { anonymise: 'x' } }, ['atEnd anonymise invalid_type']],
    ['an end that is null', { atEnd: null }, ['atEnd invalid_type']],
  ])('is refused for a field with %s', (_, options, expected) => {
    expect(faultsOf(() => record(options))).toEqual(expected.map((it) => `fields a ${it}`))
  })

  test.each<readonly [string, object, readonly string[]]>([
    ['an event of the house', { events: ['created'] }, ['events 0 reserved_name']],
    ['an event twice', { events: ['a', 'a'] }, ['events 1 duplicate']],
    ['no list of events', { events: 'a' }, ['events invalid_type']],
    ['no name of an event', { events: [1] }, ['events 0 invalid_type']],
    [
      'too many events',
      { events: Array.from({ length: 17 }, (_, at) => `e${at}`) },
      ['events too_big'],
    ],
    ['an unknown event', { retention: { ...KEEP, from: 'a' } }, ['retention from not_declared']],
    ['a floor from one', { floor: { ...FLOOR, from: 'a' } }, ['floor from not_declared']],
  ])('is refused for a record with %s', (_, options, expected) => {
    expect(faultsOf(() => record({}, options))).toEqual(expected.map((it) => `options ${it}`))
  })

  test('of a purpose is refused with its path, and if its event happens to no record of it', () => {
    const define = definePurposes as Loose
    expect(
      faultsOf(() => define({ support: { ...HOUSE, retention: { from: 'created' } } })),
    ).toEqual(['support retention keep required'])
    const closed = { ...KEEP, from: 'closed' }
    expect(faultsOf(() => policyOf(closed))).toEqual([
      'purposes support retention from not_declared',
    ])
    expect(faultsOf(() => policyOf(closed, record({}, { events: ['closed'] })))).toEqual([])
  })

  test('is part of the hash of the policy, down to every detail', () => {
    const hashes = [
      hashOf({}),
      hashOf({ retention: KEEP }),
      hashOf({ retention: { ...KEEP, keep: { years: 3 } } }),
      hashOf({ retention: { ...KEEP, from: 'updated' } }),
      hashOf({ retention: { ...KEEP, until: 'end_of_year' } }),
      hashOf({ retention: { ...KEEP, zone: 'Europe/Paris' } }),
      hashOf({ retention: { ...KEEP, zone: 'UTC' } }),
      hashOf({ floor: FLOOR }),
      hashOf({ floor: { ...FLOOR, zone: 'Europe/Paris' } }),
      hashOf({ floor: [FLOOR, { ...FLOOR, ground: 'another' }] }),
      hashOf({ atEnd: { anonymise: () => 'x' } }),
      hashOf({}, { retention: KEEP }),
      hashOf({}, { floor: FLOOR }),
      hashOf({}, { events: ['closed'] }),
      hashOf({}, {}, KEEP),
      hashOf({}, {}, { ...KEEP, zone: 'Europe/Paris' }),
    ]
    expect(new Set(hashes).size).toBe(hashes.length)
    expect(hashOf({ atEnd: 'erase' }, { events: [] })).toBe(hashOf({}))
    expect(hashOf({ floor: [FLOOR] })).toBe(hashOf({ floor: FLOOR }))
  })

  test('counts in UTC with the hash that it had before there were zones', () => {
    const year = { ...KEEP, until: 'end_of_year' } as const
    expect(hashOf({ floor: { ...year, zone: undefined, ground: 'law' } }, {}, year)).toBe(
      '0NKnC5v25O4YY32pqhmBmmi77kltvwVVTNpaKvV4umo',
    )
  })

  test('in another zone is another rule for what is stored', () => {
    const rulesIn = (options: object): unknown =>
      compilePolicy(
        policyOf(undefined, record({ retention: { ...KEEP, ...options } })),
      ).records.get('it')?.retention?.id
    const ids = [{}, { zone: 'UTC' }, { zone: 'Europe/Paris' }].map(rulesIn)
    expect(new Set(ids).size).toBe(3)
    expect(ids).not.toContain(undefined)
  })
})

describe('a policy explains', () => {
  function findings(retention: object | undefined, it: unknown): readonly string[] {
    const policy = policyOf(retention, it) as { explain(): readonly PolicyFinding[] }
    return policy.explain().map((finding) => {
      expect(Object.isFrozen(finding)).toBe(true)
      if (finding.kind !== 'retention') return finding.kind
      const { level, what, record: name, fields, purpose = '', ground = '' } = finding
      expect(finding.summary).not.toBe('')
      return [level, what, name, ...fields, purpose, ground].join(' ').trim()
    })
  }

  test('which fields nothing ends, and which end is never carried out', () => {
    expect(findings(undefined, record({}))).toEqual(['warning no_maximum it a'])
    expect(findings(KEEP, record({}))).toEqual([])
    expect(findings(undefined, record({ atEnd: { anonymise: () => 'x' } }))).toEqual([
      'warning no_maximum it a',
      'error end_never it a',
    ])
    expect(findings(undefined, record({ atEnd: 'erase' }, { retention: KEEP }))).toEqual([])
  })

  test('what a law keeps, with its source', () => {
    const floor = statutory('FR.accounts', { from: 'created' })
    const it = record({ retention: KEEP, floor })
    expect(findings(undefined, it)).toEqual([
      'info floor it a  Code de commerce art. L123-22',
      'warning floor_unread it a',
    ])
  })

  test('what a law keeps and nobody can read once the person is erased', () => {
    const purposes = { ...SUPPORT, books: { basis: 'legal_obligation', description: 'Books' } }
    const it = defineLoosely(
      purposes,
      ({ field }: LooseKit) => ({
        read: field(z.string(), { purposes: ['support', 'books'], floor: [FLOOR, FLOOR] }),
        unread: field(z.string(), { purposes: ['support'], floor: [FLOOR, FLOOR] }),
        free: field(z.string(), { purposes: ['support'] }),
      }),
      { retention: KEEP },
    )
    const define = definePolicy as Loose
    const policy = define({ controller, purposes, records: { it }, roles: {} }) as {
      explain(): readonly PolicyFinding[]
    }
    expect(policy.explain()).toMatchObject([
      { level: 'info', what: 'floor', fields: ['read', 'unread'] },
      { level: 'warning', what: 'floor_unread', record: 'it', fields: ['unread'] },
    ])
  })

  test('which purpose is to need a field for longer than it is kept', () => {
    const longer = { keep: { months: 25 }, from: 'created' }
    expect(findings(longer, record({ retention: KEEP }))).toEqual([
      'warning purpose_longer it a support',
    ])
    expect(
      findings({ keep: { months: 24 }, from: 'created' }, record({ retention: KEEP })),
    ).toEqual([])
    expect(findings({ ...longer, from: 'updated' }, record({ retention: KEEP }))).toEqual([])
  })

  test('which purpose ends by what never happens to a record', () => {
    const closed = { ...KEEP, from: 'closed' }
    const purposes = { support: { ...HOUSE, retention: closed } }
    const define = definePolicy as Loose
    const records = { told: record({}, { events: ['closed'] }), other: record({}) }
    const policy = define({ controller, purposes, records, roles: {} }) as {
      explain(): readonly PolicyFinding[]
    }
    expect(policy.explain()).toMatchObject([
      { level: 'error', what: 'event_never', record: 'other', fields: ['a'], purpose: 'support' },
    ])
  })
})

describe('a duty by its name', () => {
  test('gives ground, source and country, and counts from what the app says', () => {
    expect(statutory('NL.tax', { from: 'created' })).toEqual({
      country: 'NL',
      keep: { years: 7 },
      until: 'end_of_year',
      ground: 'AWR art. 52(4)',
      source: 'https://wetten.overheid.nl/BWBR0002320',
      zone: 'Europe/Amsterdam',
      from: 'created',
    })
  })

  test('counts the years of its country, or of the zone that the app says', () => {
    const count = { from: 'created' } as const
    const zones = (
      ['DE.books', 'DE.vouchers', 'DE.letters', 'FR.accounts', 'GB.company'] as const
    ).map((duty) => statutory(duty, count).zone)
    expect(zones).toEqual([
      'Europe/Berlin',
      'Europe/Berlin',
      'Europe/Berlin',
      'Europe/Paris',
      'Europe/London',
    ])
    const elsewhere = { ...count, zone: 'Indian/Reunion' }
    expect(statutory('FR.accounts', elsewhere)).toMatchObject(elsewhere)
  })

  test('is refused when nobody knows it', () => {
    const ask = statutory as Loose
    for (const name of ['US.any', 'toString', 1])
      expect(faultsOf(() => ask(name, { from: 'created' }))).toEqual(['duty not_declared'])
    expect(faultsOf(() => ask('NL.tax'))).toEqual(['count not_an_object'])
    expect(faultsOf(() => ask('NL.tax', { from: 1 }))).toEqual(['count from not_a_string'])
    expect(faultsOf(() => ask('NL.tax', { from: 'created', zone: 1 }))).toEqual([
      'count zone not_a_string',
    ])
  })

  test('is a floor that every record takes', () => {
    for (const duty of [
      'NL.tax',
      'DE.books',
      'DE.vouchers',
      'DE.letters',
      'FR.accounts',
      'GB.company',
    ] as const)
      expect(faultsOf(() => record({ floor: statutory(duty, { from: 'updated' }) }))).toEqual([])
  })
})
