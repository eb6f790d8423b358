import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { type ClassKey, createClassKey } from '../../src/keys/class-key.ts'
import {
  type EnvelopeContext,
  openEnvelope,
  ROW_KIND,
  sealEnvelope,
} from '../../src/keys/envelope.ts'
import {
  type EnvelopeVector,
  type EnvelopeVectorFile,
  envelopeVectors,
} from '../support/envelope-vectors.ts'

const FILE: EnvelopeVectorFile = JSON.parse(
  readFileSync(new URL('../vectors/envelope-v1.json', import.meta.url), 'utf8'),
)
const KINDS = new Map<number, string>(Object.entries(ROW_KIND).map(([name, kind]) => [kind, name]))

function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'))
}

function keyOf({ keyId, secret }: Pick<EnvelopeVector, 'keyId' | 'secret'>): ClassKey {
  return createClassKey(hex(keyId), hex(secret))
}

/** Code and details of a refusal. */
function verdict(open: () => unknown): unknown {
  try {
    open()
  } catch (error) {
    const { code, details } = error as { readonly code: string; readonly details: object }
    return { code, details }
  }
  return 'opened'
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice()
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return copy
}

describe('the frozen vectors', () => {
  test('are those that were assembled without this library', () => {
    expect(FILE).toEqual(envelopeVectors())
    expect(FILE.vectors.map(({ suite }) => suite).toSorted()).toEqual([
      ...new Array(6).fill(1),
      ...new Array(6).fill(2),
    ])
  })

  test.for(FILE.vectors)('open: $name, suite $suite', (vector) => {
    const opened = openEnvelope(keyOf(vector), vector.context, hex(vector.envelope))
    expect(Buffer.from(opened).toString('hex')).toBe(vector.plaintext)
    expect(Object.getPrototypeOf(opened)).toBe(Uint8Array.prototype)
  })

  test.for(FILE.vectors.filter(({ suite }) => suite === 1))(
    'are what is sealed with the same nonce: $name',
    (vector) => {
      const random = vi.spyOn(crypto, 'getRandomValues').mockImplementation((bytes) => {
        if (bytes instanceof Uint8Array) bytes.set(hex(vector.nonce))
        return bytes
      })
      try {
        const sealed = sealEnvelope(keyOf(vector), vector.context, hex(vector.plaintext))
        expect(Buffer.from(sealed).toString('hex')).toBe(vector.envelope)
        expect(random).toHaveBeenCalledTimes(1)
      } finally {
        random.mockRestore()
      }
    },
  )
})

describe('an envelope', () => {
  test.for(FILE.vectors)(
    'does not open with any one bit changed: $name, suite $suite',
    (vector) => {
      const key = keyOf(vector)
      const envelope = hex(vector.envelope)
      const what = KINDS.get(vector.context.kind)
      for (let bit = 0; bit < envelope.length * 8; bit += 1) {
        const byte = bit >> 3
        const [version = 0] = flipped(envelope, bit)
        const wanted =
          byte < 2
            ? { code: 'unsupported_format', details: { what: 'envelope', version } }
            : { code: byte < 10 ? 'key_unknown' : 'decryption_failed', details: { what } }
        const found = verdict(() => openEnvelope(key, vector.context, flipped(envelope, bit)))
        expect([bit, found]).toEqual([bit, wanted])
      }
    },
  )

  test.for(FILE.vectors)(
    'does not open cut short or made longer: $name, suite $suite',
    (vector) => {
      const key = keyOf(vector)
      const envelope = hex(vector.envelope)
      const what = KINDS.get(vector.context.kind)
      for (let length = 0; length < envelope.length; length += 1) {
        const cut = envelope.subarray(0, length)
        const wanted =
          length < 70
            ? {
                code: 'unsupported_format',
                details: { what: 'envelope', version: length === 0 ? 0 : 1 },
              }
            : { code: 'decryption_failed', details: { what } }
        expect(verdict(() => openEnvelope(key, vector.context, cut))).toEqual(wanted)
      }
      const longer = Uint8Array.of(...envelope, 0)
      expect(verdict(() => openEnvelope(key, vector.context, longer))).toEqual({
        code: 'decryption_failed',
        details: { what },
      })
    },
  )

  test('of an unknown version or suite is unsupported, whatever follows', () => {
    const [vector] = FILE.vectors
    if (vector === undefined) throw new TypeError('no vectors')
    for (const [version, suite] of [
      [0, 1],
      [2, 1],
      [255, 2],
      [1, 0],
      [1, 3],
      [1, 255],
    ] as const) {
      const envelope = hex(vector.envelope)
      envelope.set([version, suite])
      expect(verdict(() => openEnvelope(keyOf(vector), vector.context, envelope))).toEqual({
        code: 'unsupported_format',
        details: { what: 'envelope', version },
      })
    }
  })

  test('does not open under another suite of the same key', () => {
    for (const vector of FILE.vectors) {
      const envelope = hex(vector.envelope)
      envelope[1] = vector.suite === 1 ? 2 : 1
      expect(verdict(() => openEnvelope(keyOf(vector), vector.context, envelope))).toMatchObject({
        code: 'decryption_failed',
      })
    }
  })

  test('does not open under another key, not even one of the same id', () => {
    for (const vector of FILE.vectors) {
      const what = KINDS.get(vector.context.kind)
      const other = { ...vector, secret: 'ab'.repeat(32) }
      expect(
        verdict(() => openEnvelope(keyOf(other), vector.context, hex(vector.envelope))),
      ).toEqual({
        code: 'decryption_failed',
        details: { what },
      })
      const unknown = { ...vector, keyId: 'ab'.repeat(8) }
      expect(
        verdict(() => openEnvelope(keyOf(unknown), vector.context, hex(vector.envelope))),
      ).toEqual({ code: 'key_unknown', details: { what } })
    }
  })

  test('is never sealed under the same nonce twice', () => {
    const key = createClassKey(new Uint8Array(8), new Uint8Array(32))
    const context = CONTEXTS['the head of a person'] ?? FAIL
    const nonces = Array.from({ length: 5_000 }, () =>
      Buffer.from(sealEnvelope(key, context, utf8('x')).subarray(10, 22)).toString('hex'),
    )
    expect(new Set(nonces).size).toBe(nonces.length)
  })

  test('leaves what it was given as it was', () => {
    const key = createClassKey(new Uint8Array(8), new Uint8Array(32))
    const context = CONTEXTS['the head of a person'] ?? FAIL
    const plaintext = utf8('words')
    const sealed = sealEnvelope(key, context, plaintext)
    const copy = sealed.slice()
    openEnvelope(key, context, sealed)
    expect(plaintext).toEqual(utf8('words'))
    expect(sealed).toEqual(copy)
  })
})

const FAIL: EnvelopeContext = { kind: 1, storeId: 'x', personId: 'x', accessClass: 0, revision: 0 }
const BASE = {
  kind: ROW_KIND.record,
  storeId: '00'.repeat(16),
  personId: '11'.repeat(16),
  accessClass: 1,
  recordType: 1,
  recordId: '22'.repeat(16),
  layout: '33'.repeat(8),
  revision: 1,
} as const satisfies EnvelopeContext

const CONTEXTS: { readonly [name: string]: EnvelopeContext } = {
  'one of many records': BASE,
  'its fields as a single record': { ...BASE, kind: ROW_KIND.fields },
  'the head of a person': {
    kind: ROW_KIND.head,
    storeId: BASE.storeId,
    personId: BASE.personId,
    accessClass: 0,
    revision: 0,
  },
  'a page': { ...BASE, kind: ROW_KIND.page },
  'a body': { ...BASE, kind: ROW_KIND.body },
  'an operation': { ...BASE, kind: ROW_KIND.operation },
  'another store': { ...BASE, storeId: `${'00'.repeat(15)}01` },
  'another person': { ...BASE, personId: `${'11'.repeat(15)}12` },
  'person and store exchanged': { ...BASE, storeId: BASE.personId, personId: BASE.storeId },
  'another class': { ...BASE, accessClass: 2 },
  'a class that differs in its high byte': { ...BASE, accessClass: 257 },
  'another record type': { ...BASE, recordType: 2 },
  'a type that differs in its high byte': { ...BASE, recordType: 257 },
  'another record': { ...BASE, recordId: `${'22'.repeat(15)}23` },
  'no record': omit('recordId'),
  'a shorter record id': { ...BASE, recordId: '22' },
  'another layout': { ...BASE, layout: `${'33'.repeat(7)}34` },
  'no layout': omit('layout'),
  'a later revision': { ...BASE, revision: 2 },
  'a revision beyond 32 bits': { ...BASE, revision: 2 ** 32 + 1 },
  'no revision': { ...BASE, revision: 0 },
}

function omit(name: 'recordId' | 'layout'): EnvelopeContext {
  const { [name]: _, ...rest } = BASE
  return rest
}

describe('a context', () => {
  const key = createClassKey(hex('0102030405060708'), hex('44'.repeat(32)))
  const sealed = Object.entries(CONTEXTS).map(
    ([name, context]) => [name, context, sealEnvelope(key, context, utf8(name))] as const,
  )

  test.for(sealed)(
    'opens what was sealed in it, and in no other: %s',
    ([name, context, envelope]) => {
      expect(openEnvelope(key, context, envelope)).toEqual(utf8(name))
      for (const [other, wrong] of Object.entries(CONTEXTS)) {
        if (other === name) continue
        expect([other, verdict(() => openEnvelope(key, wrong, envelope))]).toEqual([
          other,
          { code: 'decryption_failed', details: { what: KINDS.get(wrong.kind) } },
        ])
      }
    },
  )

  test('with an id that is not hexadecimal is an impossible state', () => {
    expect(() => sealEnvelope(key, { ...BASE, personId: 'anna' }, utf8('x'))).toThrow(TypeError)
  })

  test('of any kind opens what was sealed in it, and nothing else does', () => {
    const id = fc
      .uint8Array({ minLength: 16, maxLength: 16 })
      .map((it) => Buffer.from(it).toString('hex'))
    const context = fc.record(
      {
        kind: fc.constantFrom(...Object.values(ROW_KIND)),
        storeId: id,
        personId: id,
        accessClass: fc.nat({ max: 65_535 }),
        recordType: fc.nat({ max: 65_535 }),
        recordId: fc.string({ unit: 'grapheme', maxLength: 40 }),
        layout: id.map((it) => it.slice(0, 16)),
        revision: fc.maxSafeNat(),
      },
      { requiredKeys: ['kind', 'storeId', 'personId', 'accessClass', 'revision'] },
    )
    fc.assert(
      fc.property(context, context, fc.uint8Array({ maxLength: 300 }), (one, other, plaintext) => {
        const envelope = sealEnvelope(key, one, plaintext)
        expect(openEnvelope(key, one, envelope)).toEqual(plaintext)
        expect(verdict(() => openEnvelope(key, other, envelope))).toMatchObject({
          code: 'decryption_failed',
        })
      }),
      { numRuns: 1_000, seed: 20_261_121 },
    )
  })
})
