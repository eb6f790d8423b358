import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeRing,
  encodeRing,
  type RingEntry,
  type RingOwner,
  unwrapPersonKey,
  wrapPersonKey,
} from '../../src/keys/key-ring.ts'

const entry = fc.record({
  accessClass: fc.nat({ max: 65_535 }),
  generation: fc.nat({ max: 2 ** 32 - 1 }),
  epoch: fc.nat({ max: 2 ** 32 - 1 }),
  keyId: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  wrapped: fc.uint8Array({ minLength: 72, maxLength: 72 }),
})
const SETTINGS = { numRuns: 500, seed: 20_261_121 }

describe('a key ring', () => {
  test('reads back what was written, entry by entry', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), (entries) => {
        expect(decodeRing(encodeRing(entries))).toEqual(entries)
      }),
      SETTINGS,
    )
  })

  test('is laid out as the formats say', () => {
    const bytes = encodeRing([
      {
        accessClass: 0x0102,
        generation: 0x03040506,
        epoch: 0x0708090a,
        keyId: new Uint8Array(8).fill(0xbb),
        wrapped: new Uint8Array(72).fill(0xcc),
      },
    ])
    expect(Buffer.from(bytes).toString('hex')).toBe(
      `010001${'0102'}${'03040506'}${'0708090a'}${'bb'.repeat(8)}${'cc'.repeat(72)}`,
    )
    expect([...encodeRing([])]).toEqual([1, 0, 0])
  })

  test('is refused unless every byte is accounted for', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 3 }), fc.nat(), (entries, at) => {
        const bytes = encodeRing(entries)
        expect(decodeRing(bytes.subarray(0, at % bytes.length))).toBeUndefined()
        expect(decodeRing(Uint8Array.of(...bytes, 0))).toBeUndefined()
        expect(decodeRing(Uint8Array.of(2, ...bytes.subarray(1)))).toBeUndefined()
      }),
      SETTINGS,
    )
  })

  test('never throws on bytes of any kind', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const ring = decodeRing(bytes)
        if (ring !== undefined) expect(encodeRing(ring)).toEqual(bytes)
      }),
      { ...SETTINGS, numRuns: 5_000 },
    )
  })

  test('reads bytes that are a part of a larger buffer', () => {
    const entries = [
      {
        accessClass: 1,
        generation: 1,
        epoch: 1,
        keyId: new Uint8Array(8),
        wrapped: new Uint8Array(72),
      },
    ]
    const bytes = encodeRing(entries)
    const larger = new Uint8Array(bytes.length + 20).fill(0xee)
    larger.set(bytes, 7)
    expect(decodeRing(larger.subarray(7, 7 + bytes.length))).toEqual(entries)
  })
})

describe('a wrapped key', () => {
  const kek = new Uint8Array(32).fill(5)
  const secret = new Uint8Array(32).map((_, index) => index)
  const slot = {
    storeId: '00'.repeat(16),
    personId: '11'.repeat(16),
    accessClass: 3,
    generation: 1,
    epoch: 1,
    keyId: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  }
  const wrapped: RingEntry & RingOwner = { ...slot, ...wrapPersonKey(secret, kek, slot) }

  test('unwraps where it was filed', () => {
    expect(unwrapPersonKey(kek, wrapped)).toEqual(secret)
    expect(wrapped.wrapped).toHaveLength(72)
  })

  const places: readonly (readonly [string, Partial<RingEntry & RingOwner>])[] = [
    ['another store', { storeId: '22'.repeat(16) }],
    ['another person', { personId: '22'.repeat(16) }],
    ['person and store exchanged', { storeId: slot.personId, personId: slot.storeId }],
    ['another class', { accessClass: 4 }],
    ['another generation', { generation: 2 }],
    ['another epoch', { epoch: 2 }],
    ['another key id', { keyId: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 9) }],
    ['generation and class exchanged', { accessClass: 1, generation: 3 }],
  ]
  test.for(places)('does not unwrap when it is filed under %s', ([, place]) => {
    expect(unwrapPersonKey(kek, { ...wrapped, ...place })).toBeUndefined()
  })

  test('does not unwrap under another key, nor with any bit changed, nor cut short', () => {
    expect(unwrapPersonKey(new Uint8Array(32), wrapped)).toBeUndefined()
    for (let bit = 0; bit < wrapped.wrapped.length * 8; bit += 1) {
      const bytes = wrapped.wrapped.slice()
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect([bit, unwrapPersonKey(kek, { ...wrapped, wrapped: bytes })]).toEqual([bit, undefined])
    }
    for (let length = 0; length < wrapped.wrapped.length; length += 1) {
      const cut = wrapped.wrapped.subarray(0, length)
      expect(unwrapPersonKey(kek, { ...wrapped, wrapped: cut })).toBeUndefined()
    }
  })
})
