import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memoryStore } from '../../src/adapters/memory.ts'
import { watchEpochs } from '../../src/keys/epoch-watch.ts'
import { localKeys } from '../../src/keys/local-keys.ts'
import { createPersonKeys } from '../../src/keys/person-keys.ts'
import { parseLookupName } from '../../src/policy/compiled-lookup.ts'
import { builtInById, NORMALISERS } from '../../src/policy/normaliser.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import { lookupKeyRow } from '../../src/vault/lookup-key-row.ts'
import { type Lookups, openLookups } from '../../src/vault/lookups.ts'
import { lookupText } from '../../src/vault/normalise.ts'
import { fakeClock, SECRET } from '../support/acme.ts'
import { withRandom } from '../support/fixed-random.ts'
import { opened } from '../support/hooked-store.ts'
import {
  LOOKUP_SECRET,
  type LookupVectorFile,
  makeLookupVectors,
} from '../support/lookup-vectors.ts'

const KEYSPACE = createKeyspace('0123456789abcdef')
const FROZEN = JSON.parse(
  readFileSync(new URL('../vectors/lookup-v1.json', import.meta.url), 'utf8'),
) as LookupVectorFile

/** Lookups whose keys are all the one of the vectors, or each its own. */
async function lookupsOf(names: readonly string[], random?: Uint8Array): Promise<Lookups> {
  const store = await opened(memoryStore())
  const catalogue = {
    classes: ['core'],
    records: ['contact'],
    lookups: names.map((name) => ({ name, accessClass: 0 })),
  }
  const keys = createPersonKeys({
    store,
    keyspace: KEYSPACE,
    provider: localKeys(SECRET),
    storeId: '00'.repeat(16),
    salt: new Uint8Array(32),
    epochs: watchEpochs(1),
    clock: fakeClock(),
    names: { nameOf: () => 'core', refresh: async () => undefined },
  })
  await store.commit({ checks: [], put: await keys.mint([{ epoch: 1, accessClass: 0 }]), del: [] })
  await keys.loadAll()
  const deps = { store, keyspace: KEYSPACE, keys, catalogue }
  for (const lookup of names.keys()) {
    const make = () => lookupKeyRow(deps, { lookup, generation: 1 })
    const row = random === undefined ? make() : await withRandom(random, make)
    await store.commit({ checks: [], put: [row], del: [] })
  }
  return openLookups(deps)
}

describe('tokens', () => {
  test('are what the frozen vectors say', async () => {
    expect(FROZEN).toEqual(makeLookupVectors())
    const lookups = await lookupsOf(
      FROZEN.vectors.map(({ lookup }) => lookup),
      new Uint8Array(LOOKUP_SECRET),
    )
    FROZEN.vectors.forEach(({ lookup, values, message, token }, number) => {
      const name = parseLookupName(lookup)
      if (name === undefined) throw new TypeError('a vector has no name of a lookup')
      const fields = name.fieldIds.map((id, at) => ({
        id,
        name: id,
        normaliser: builtInById(name.normalisers[at] ?? '') ?? NORMALISERS.exact,
      }))
      const { kind, length } = name
      const part = length === undefined ? {} : { length }
      const text = lookupText({ kind, fields, ...part }, (id) => values[id])
      expect(Buffer.from(text ?? []).toString('hex')).toBe(message)
      expect(
        lookups.token({ lookup: number, generation: 1 }, text ?? new Uint8Array(0)).token,
      ).toBe(token)
    })
  })

  test('of one value under several lookups have nothing in common', async () => {
    const names = ['contact/a/email', 'contact/b/email', 'contact/b/email/unique']
    const lookups = await lookupsOf(names)
    const text = new TextEncoder().encode('anna@example.com')
    const tokens = names.map((_, lookup) => lookups.token({ lookup, generation: 1 }, text).token)
    expect(new Set(tokens).size).toBe(3)
    const again = (await lookupsOf(names)).token({ lookup: 0, generation: 1 }, text).token
    expect(tokens).not.toContain(again)
  })

  test.each([3, 8, 9, 15, 18])('of %i bits are cut there, and fall evenly', async (bits) => {
    const lookups = await lookupsOf([`contact/email/email/${bits}`], new Uint8Array(LOOKUP_SECRET))
    const bins = 2 ** Math.min(bits, 8)
    const counts = new Map<number, number>()
    const DRAWS = 4_000
    for (let at = 0; at < DRAWS; at += 1) {
      const text = new TextEncoder().encode(`person.${at}@example.com`)
      const { token } = lookups.token({ lookup: 0, generation: 1 }, text)
      expect(token).toHaveLength(2 * Math.ceil(bits / 8))
      const binary = BigInt(`0x${token}`)
        .toString(2)
        .padStart(4 * token.length, '0')
      expect(binary.slice(bits)).toMatch(/^0*$/)
      const bin = Number.parseInt(binary.slice(0, Math.min(bits, 8)), 2)
      counts.set(bin, (counts.get(bin) ?? 0) + 1)
    }
    const mean = DRAWS / bins
    const squares = Array.from({ length: bins }, (_, bin) => ((counts.get(bin) ?? 0) - mean) ** 2)
    const chi = squares.reduce((sum, it) => sum + it, 0) / mean
    // Six standard deviations of chi-squared: the seed is fixed, so that this never fails by chance.
    expect(chi).toBeLessThan(bins - 1 + 6 * Math.sqrt(2 * (bins - 1)))
  })
})

describe('what a token is made of', () => {
  const field = { id: 'it', name: 'it', normaliser: NORMALISERS.exact }
  const wholly = { kind: 'whole', fields: [field] } as const

  test('is never the empty text, and never half a character', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.integer({ min: 2, max: 5 }),
        (value, length) => {
          const characters = [...value]
          for (const kind of ['startsWith', 'endsWith'] as const) {
            const text = lookupText({ kind, length, fields: [field] }, () => value)
            if (characters.length < length) expect(text).toBeUndefined()
            else
              expect([...new TextDecoder('utf-8', { fatal: true }).decode(text)]).toHaveLength(
                length,
              )
          }
          expect(lookupText(wholly, () => value) === undefined).toBe(value === '')
        },
      ),
    )
  })

  test('cannot be read in two ways when it is made of several values', () => {
    const fields = [field, { ...field, id: 'other' }]
    const both = (one: string, two: string): string =>
      Buffer.from(
        lookupText({ kind: 'whole', fields }, (id) => (id === 'it' ? one : two)) ?? [],
      ).toString('hex')
    const some = fc.string({ minLength: 1 })
    fc.assert(
      fc.property(some, some, some, some, (a, b, c, d) => {
        expect(both(a, b) === both(c, d)).toBe(a === c && b === d)
      }),
    )
  })

  test('is nothing where a value is missing, null, or neither text nor plain', () => {
    for (const value of [undefined, null, [], {}, ['x']])
      expect(lookupText(wholly, () => value)).toBeUndefined()
  })
})
