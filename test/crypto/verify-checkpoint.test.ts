import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { parseCheckpoint, verifyCheckpoint } from 'privity/verify'
import {
  addCosignature,
  addSignature,
  parseNote,
  signNote,
  toVerifierKey,
} from '../../src/crypto/note.ts'
import type { SigningKey } from '../../src/crypto/signature.ts'
import { fixedKey } from '../support/fixed-key.ts'
import { changes, mutate } from '../support/note-mutations.ts'

interface Witnessed {
  readonly log: string
  readonly witness: string
  readonly note: string
}

const PUBLISHED: Witnessed = JSON.parse(
  readFileSync(
    new URL('../vectors/signed-note/witnessed-checkpoint.json', import.meta.url),
    'utf8',
  ),
)
const ORIGIN = 'example.com/log'
const ROOT = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I='
const TEXT = `${ORIGIN}\n9223372036854775807\n${ROOT}\n`
const SECONDS = 1_790_000_000
const SEED = 20_261_122
const SLOW = 60_000

/** What callers of JavaScript may pass for a text. */
const NO_TEXTS: readonly unknown[] = [
  undefined,
  null,
  0,
  Number.NaN,
  1n,
  true,
  {},
  [],
  [TEXT],
  new Uint8Array(8),
  Symbol('text'),
  () => TEXT,
  { length: 3, toString: () => TEXT },
  new String(TEXT),
  new Proxy({}, { get: () => fail() }),
]

let log: SigningKey
let witness: SigningKey
let logKey: string
let witnessKey: string
let note: string
let cosigned: string

beforeAll(async () => {
  log = await fixedKey(1)
  witness = await fixedKey(2)
  logKey = toVerifierKey({ name: ORIGIN, publicKey: log.publicKey })
  witnessKey = toVerifierKey({
    name: 'witness',
    publicKey: witness.publicKey,
    algorithm: 'cosignature',
  })
  note = await signNote(TEXT, ORIGIN, log)
  cosigned = await addCosignature(note, { name: 'witness', key: witness, seconds: SECONDS })
})

function fail(): never {
  throw new TypeError('a trap of a hostile object')
}

/** Passes what the types forbid. */
function untyped<T>(value: unknown): T {
  return value as T
}

describe('a checkpoint that a real log and real witnesses signed', () => {
  const origin = 'arche2025h1.staging.ct.transparency.dev'

  test('verifies under the key of the log', async () => {
    expect(await verifyCheckpoint(PUBLISHED.note, { origin, keys: [PUBLISHED.log] })).toEqual({
      ok: true,
      checkpoint: parseCheckpoint(PUBLISHED.note),
    })
    expect(parseCheckpoint(PUBLISHED.note)).toMatchObject({ origin, size: 1_432_088_532n })
  })

  test('verifies under the key of a witness, which says when', async () => {
    const keys = [PUBLISHED.witness]
    expect(await verifyCheckpoint(PUBLISHED.note, { origin, keys })).toMatchObject({
      ok: true,
      cosignedAt: '2026-05-23T21:50:24.000Z',
    })
  })

  test('does not verify with another size, or another time', async () => {
    const keys = [PUBLISHED.witness]
    const grown = PUBLISHED.note.replace('1432088532', '1432088533')
    const later = PUBLISHED.note.replace('2net5wAAAABqEiEg', '2net5wAAAABqEiEh')
    for (const changed of [grown, later]) {
      expect(changed).not.toBe(PUBLISHED.note)
      expect(await verifyCheckpoint(changed, { origin, keys })).toEqual({
        ok: false,
        reason: 'bad_signature',
      })
    }
  })
})

describe('reading a checkpoint', () => {
  test('gives what it says, up to 2^63 - 1 leaves', () => {
    const head = { origin: ORIGIN, size: 2n ** 63n - 1n }
    expect(parseCheckpoint(note)).toMatchObject(head)
    expect(parseCheckpoint(cosigned)).toMatchObject(head)
    expect(parseCheckpoint(note)?.root).toEqual(new Uint8Array(Buffer.from(ROOT, 'base64')))
  })

  test('gives nothing for a text without signatures, with extension lines, or of another kind', async () => {
    const others = [
      TEXT,
      await signNote(`${TEXT}extension\n`, ORIGIN, log),
      await signNote('words\n', ORIGIN, log),
    ]
    for (const other of others) expect(parseCheckpoint(other)).toBeUndefined()
  })

  test('gives nothing, and never throws, for what is no text', () => {
    for (const value of NO_TEXTS) expect(parseCheckpoint(untyped(value))).toBeUndefined()
  })
})

describe('verifying a checkpoint', () => {
  test('takes keys of the log, of a witness, or both', async () => {
    const checkpoint = parseCheckpoint(note)
    const cosignedAt = new Date(SECONDS * 1_000).toISOString()
    const verify = (text: string, keys: readonly string[]): Promise<unknown> =>
      verifyCheckpoint(text, { origin: ORIGIN, keys })
    expect(await verify(note, [logKey])).toEqual({ ok: true, checkpoint })
    expect(await verify(note, [logKey, witnessKey])).toEqual({ ok: true, checkpoint })
    expect(await verify(cosigned, [logKey])).toEqual({ ok: true, checkpoint })
    expect(await verify(cosigned, [witnessKey])).toEqual({ ok: true, checkpoint, cosignedAt })
    expect(await verify(cosigned, [witnessKey, logKey])).toEqual({
      ok: true,
      checkpoint,
      cosignedAt,
    })
  })

  test('tells the earliest of several times', async () => {
    const again = { name: 'witness', key: witness, seconds: SECONDS - 60 }
    const twice = await addCosignature(cosigned, again)
    expect(await verifyCheckpoint(twice, { origin: ORIGIN, keys: [witnessKey] })).toMatchObject({
      cosignedAt: new Date((SECONDS - 60) * 1_000).toISOString(),
    })
  })

  test('says why not', async () => {
    const bad = cosigned.replace(/(— witness \S{20})(\S)/, (_, before, one) =>
      one === 'A' ? `${before}B` : `${before}A`,
    )
    const keys = [logKey, witnessKey]
    const cases: readonly (readonly [string, unknown, unknown])[] = [
      ['malformed', '', { origin: ORIGIN, keys }],
      ['malformed', TEXT, { origin: ORIGIN, keys }],
      ['malformed', await signNote('words\n', ORIGIN, log), { origin: ORIGIN, keys }],
      ['wrong_origin', note, { origin: 'example.com/other', keys }],
      ['wrong_origin', note, { origin: `${ORIGIN} `, keys }],
      ['wrong_origin', note, { keys }],
      ['unknown_key', note, { origin: ORIGIN, keys: [] }],
      ['unknown_key', note, { origin: ORIGIN, keys: [witnessKey] }],
      ['bad_signature', bad, { origin: ORIGIN, keys }],
      ['bad_signature', bad, { origin: ORIGIN, keys: [witnessKey] }],
      ['invalid_keys', note, { origin: ORIGIN, keys: [logKey, logKey] }],
      ['invalid_keys', note, { origin: ORIGIN, keys: [logKey, `${logKey} `] }],
      ['invalid_keys', note, { origin: ORIGIN, keys: [logKey, ''] }],
    ]
    for (const [reason, text, trust] of cases)
      expect(await verifyCheckpoint(untyped(text), untyped(trust))).toEqual({ ok: false, reason })
    expect((await verifyCheckpoint(bad, { origin: ORIGIN, keys: [logKey] })).ok).toBe(true)
  })

  test('believes no line of a key of the other kind', async () => {
    const asWitness = toVerifierKey({
      name: ORIGIN,
      publicKey: log.publicKey,
      algorithm: 'cosignature',
    })
    const asLog = toVerifierKey({ name: 'witness', publicKey: witness.publicKey })
    for (const key of [asWitness, asLog])
      expect(await verifyCheckpoint(cosigned, { origin: ORIGIN, keys: [key] })).toEqual({
        ok: false,
        reason: 'unknown_key',
      })
  })

  test('never throws, whatever it is given', async () => {
    for (const value of NO_TEXTS) {
      const text = await verifyCheckpoint(untyped(value), { origin: ORIGIN, keys: [logKey] })
      expect(text).toEqual({ ok: false, reason: 'malformed' })
      for (const trust of [value, { origin: ORIGIN, keys: value }, { origin: value, keys: [] }])
        expect((await verifyCheckpoint(note, untyped(trust))).ok).toBe(false)
      const keys = [logKey, value]
      expect(await verifyCheckpoint(note, untyped({ origin: ORIGIN, keys }))).toEqual({
        ok: false,
        reason: 'invalid_keys',
      })
    }
  })
})

describe('a checkpoint that was changed', () => {
  test('is refused, or says what was signed', { timeout: SLOW }, async () => {
    const known = [logKey, witnessKey]
    const stranger = await addSignature(cosigned, 'stranger', await fixedKey(9))
    const signed = parseNote(stranger)?.signatures.slice(0, 2)
    await fc.assert(
      fc.asyncProperty(changes, async (made) => {
        const changed = mutate(stranger, made)
        const verdict = await verifyCheckpoint(changed, { origin: ORIGIN, keys: known })
        if (!verdict.ok) return
        const { text, signatures } = parseNote(changed) ?? {}
        expect(text).toBe(TEXT)
        expect(verdict.checkpoint).toEqual(parseCheckpoint(note))
        const ids = signed?.map(({ keyId }) => keyId.join())
        const ofKnown = signatures?.filter(
          ({ name, keyId }) => name !== 'stranger' && ids?.includes(keyId.join()),
        )
        expect(ofKnown?.length).toBeGreaterThan(0)
        for (const line of ofKnown ?? []) expect(signed).toContainEqual(line)
      }),
      { numRuns: 15_000, seed: SEED },
    )
  })

  test('is refused under keys that were changed', { timeout: SLOW }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), changes, async (ofLog, made) => {
        const key = ofLog ? logKey : witnessKey
        const keys = [mutate(key, made)]
        const verdict = await verifyCheckpoint(cosigned, { origin: ORIGIN, keys })
        expect(verdict.ok).toBe(keys[0] === key)
      }),
      { numRuns: 5_000, seed: SEED },
    )
  })
})
