import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { definePolicy, definePurposes, defineRecord } from 'privity'
import { dataAfter } from '../../src/consent/data-after.ts'
import { BASIS_DUE, createEndings } from '../../src/consent/ending.ts'
import { basisDenials } from '../../src/consent/status.ts'
import { toInstant } from '../../src/base/time.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import type { CompiledPolicy } from '../../src/policy/compiled.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import type { Draft } from '../../src/subjects/draft.ts'
import type { ConsentFact, Head } from '../../src/subjects/head.ts'
import { controller } from '../support/acme.ts'

const NOW = Date.UTC(2026, 5, 1)
const DAY = 86_400_000
const SETTINGS = { numRuns: 500, seed: 20_261_122 }
const purposes = definePurposes({
  books: { basis: 'legal_obligation', description: 'Books' },
  news: { basis: 'consent', description: 'News', erasureGrace: { days: 10 } },
  taste: { basis: 'consent', description: 'Taste' },
  ads: { basis: 'legitimate_interests', description: 'Ads', erasureGrace: { days: 3 } },
})
const NAMES = ['books', 'news', 'taste', 'ads'] as const
type Name = (typeof NAMES)[number]

function policyOf(fields: readonly (readonly Name[])[], floor?: { readonly years: number }) {
  const note = defineRecord(
    purposes,
    ({ field }) =>
      Object.fromEntries(
        fields.map((served, at) => [
          `f${at}`,
          field(z.string(), { purposes: served as [Name, ...Name[]] }),
        ]),
      ),
    floor === undefined ? {} : { floor: { keep: floor, from: 'created', ground: 'Law 1' } },
  )
  const roles = { agent: { purposes: NAMES } }
  return compilePolicy(definePolicy({ controller, purposes, records: { note }, roles }))
}

function headOf(facts: Partial<Head>): Head {
  return {
    sequence: 1,
    at: NOW,
    registeredAt: 0,
    pseudonym: '',
    consents: {},
    objections: {},
    singles: { '1': { revision: 1, sections: {}, tokens: [] } },
    pages: {},
    many: {},
    ...facts,
  }
}

function left(policy: CompiledPolicy, head: Head, ended: readonly string[]) {
  return dataAfter({ policy, head, ended, now: NOW, typeOf: () => 1 })
}

const withdrawn: ConsentFact = { state: 'withdrawn', at: NOW, policy: 'p' }
const given: ConsentFact = { state: 'given', at: NOW, validUntil: NOW + 100 * DAY, policy: 'p' }

describe('the data of a purpose that has ended', () => {
  test('goes with the last grace of those that saw it, and stays for one that has not', () => {
    const policy = policyOf([['news'], ['news', 'books'], ['news', 'ads'], ['news', 'taste']])
    const head = headOf({ consents: { news: withdrawn, taste: given } })
    expect(left(policy, head, ['news'])).toEqual({
      goes: [{ record: 'note', fields: ['f0'], at: toInstant(NOW + 10 * DAY) }],
      stays: [
        { record: 'note', field: 'f1', ground: 'purpose:books', basis: 'legal_obligation' },
        { record: 'note', field: 'f2', ground: 'purpose:ads', basis: 'legitimate_interests' },
        {
          record: 'note',
          field: 'f3',
          ground: 'purpose:taste',
          basis: 'consent',
          until: toInstant(NOW + 100 * DAY),
        },
      ],
    })
  })

  test('stays by law, until the law lets it go', () => {
    const policy = policyOf([['news']], { years: 1 })
    const retention = { rules: 'r', events: { created: NOW } }
    const singles = { '1': { revision: 1, sections: {}, tokens: [], retention } }
    const head = headOf({ consents: { news: withdrawn }, singles })
    expect(left(policy, head, ['news'])).toEqual({
      goes: [],
      stays: [{ record: 'note', field: 'f0', ground: 'Law 1', until: '2027-06-01T00:00:00.000Z' }],
    })
  })

  test('stays as long as what still needs it is to have it, and no longer', () => {
    const retention = { keep: { days: 30 }, from: 'created' } as const
    const timed = definePurposes({ ...purposes, books: { ...purposes.books, retention } })
    const note = defineRecord(timed, ({ field }) => ({
      f0: field(z.string(), { purposes: ['news', 'books'] }),
    }))
    const policy = compilePolicy(
      definePolicy({ controller, purposes: timed, records: { note }, roles: {} }),
    )
    const told = (created: number) => {
      const facts = { rules: 'r', events: { created } }
      const singles = { '1': { revision: 1, sections: {}, tokens: [], retention: facts } }
      return left(policy, headOf({ consents: { news: withdrawn }, singles }), ['news'])
    }
    const kept = { record: 'note', field: 'f0', ground: 'purpose:books', basis: 'legal_obligation' }
    expect(told(NOW)).toEqual({ goes: [], stays: [{ ...kept, until: toInstant(NOW + 30 * DAY) }] })
    // A grace is for who changes their mind: until then the consent may come back.
    expect(told(NOW - 25 * DAY)).toEqual({
      goes: [],
      stays: [{ ...kept, until: toInstant(NOW + 10 * DAY) }],
    })
    const late = headOf({
      consents: { news: { ...withdrawn, at: NOW - 40 * DAY } },
      singles: {
        '1': {
          revision: 1,
          sections: {},
          tokens: [],
          retention: { rules: 'r', events: { created: NOW - 40 * DAY } },
        },
      },
    })
    expect(left(policy, late, ['news'])).toEqual({
      goes: [{ record: 'note', fields: ['f0'], at: toInstant(NOW) }],
      stays: [],
    })
  })

  test('is nothing of records that the person has none of, nor of a purpose that goes on', () => {
    const policy = policyOf([['news'], ['books']])
    const none = headOf({ consents: { news: withdrawn }, singles: {} })
    expect(left(policy, none, ['news'])).toEqual({ goes: [], stays: [] })
    expect(left(policy, headOf({}), ['books', 'news'])).toEqual({ goes: [], stays: [] })
  })

  test('is each in one place, and goes exactly when nothing may use it', () => {
    const serving = fc.subarray([...NAMES], { minLength: 1 })
    const consent = fc.option(fc.constantFrom(withdrawn, given), { nil: undefined })
    fc.assert(
      fc.property(
        fc.array(serving, { minLength: 1, maxLength: 6 }),
        consent,
        consent,
        fc.boolean(),
        (fields, news, taste, objects) => {
          const policy = policyOf(fields)
          const consents = {
            ...(news === undefined ? {} : { news }),
            ...(taste === undefined ? {} : { taste }),
          }
          const head = headOf({ consents, objections: objects ? { ads: NOW } : {} })
          const ended = NAMES.filter((name) => name !== 'books')
          const { goes, stays } = left(policy, head, ended)
          const gone = goes.flatMap((group) => group.fields)
          const told = [...gone, ...stays.map(({ field }) => field)]
          expect(new Set(told).size).toBe(told.length)
          fields.forEach((served, at) => {
            const live = served.some((name) => isLive(head, name))
            if (gone.includes(`f${at}`)) expect(live).toBe(false)
            if (stays.some(({ field }) => field === `f${at}`)) expect(live).toBe(true)
          })
        },
      ),
      SETTINGS,
    )
  })
})

function isLive(head: Head, name: Name): boolean {
  const facts = {
    basis: purposes[name].basis,
    consent: head.consents[name],
    objected: head.objections[name] !== undefined,
    restricted: false,
    closed: false,
    stale: false,
    at: NOW,
  }
  return basisDenials(facts).length === 0
}

describe('the date at which it is looked at what a person still has', () => {
  const keyspace = createKeyspace('0'.repeat(16))

  function dated(policy: CompiledPolicy, head: Head): Head['dues'] {
    const draft = { id: 'a'.repeat(32), at: NOW, head, put: () => undefined, del: () => undefined }
    createEndings(policy, keyspace)(draft as unknown as Draft, NAMES)
    return draft.head.dues
  }

  test('is the first at which a purpose has ended', () => {
    const ended = headOf({ consents: { news: withdrawn, taste: withdrawn } })
    expect(dated(policyOf([['news', 'books'], ['taste']]), ended)).toEqual({ [BASIS_DUE]: NOW })
    const later = headOf({ consents: { news: withdrawn } })
    expect(dated(policyOf([['news']]), later)).toEqual({ [BASIS_DUE]: NOW + 10 * DAY })
  })

  test('is that on which a consent runs out, whatever else needs the data now', () => {
    const head = headOf({ consents: { news: given } })
    expect(dated(policyOf([['news'], ['ads']]), head)).toEqual({ [BASIS_DUE]: NOW + 110 * DAY })
    expect(dated(policyOf([['news', 'books']]), head)).toEqual({ [BASIS_DUE]: NOW + 110 * DAY })
  })

  test('is never put off, and leaves other dates alone', () => {
    const policy = policyOf([['news']])
    const before = { [BASIS_DUE]: NOW, other: 5 }
    expect(dated(policy, headOf({ dues: before, consents: { news: given } }))).toEqual(before)
    expect(dated(policy, headOf({ dues: before }))).toEqual(before)
  })

  test('is not set for who has no records, unless a consent is to run out', () => {
    const nobody = { singles: {}, many: { '2': 0 } }
    const policy = policyOf([['taste'], ['news']])
    expect(dated(policy, headOf({ ...nobody, consents: { taste: withdrawn } }))).toBeUndefined()
    expect(dated(policy, headOf({ ...nobody, consents: { news: given } }))).toBeDefined()
  })
})
