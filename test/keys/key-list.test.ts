import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeKeyList, encodeKeyList, isSameKey } from '../../src/keys/key-list.ts'

const name = fc.record({
  accessClass: fc.nat({ max: 65_535 }),
  keyId: fc.uint8Array({ minLength: 8, maxLength: 8 }),
})
const SETTINGS = { numRuns: 500, seed: 20_261_122 }

describe('a list of keys', () => {
  test('reads back what was written, name by name', () => {
    fc.assert(
      fc.property(fc.array(name, { maxLength: 20 }), (names) => {
        expect(decodeKeyList(encodeKeyList(names))).toEqual(names)
      }),
      SETTINGS,
    )
  })

  test('is laid out as the formats say', () => {
    const bytes = encodeKeyList([{ accessClass: 0x0102, keyId: new Uint8Array(8).fill(0xbb) }])
    expect(Buffer.from(bytes).toString('hex')).toBe(`010001${'0102'}${'bb'.repeat(8)}`)
    expect([...encodeKeyList([])]).toEqual([1, 0, 0])
  })

  test('is refused unless every byte is accounted for', () => {
    fc.assert(
      fc.property(fc.array(name, { maxLength: 3 }), fc.nat(), (names, at) => {
        const bytes = encodeKeyList(names)
        expect(decodeKeyList(bytes.subarray(0, at % bytes.length))).toBeUndefined()
        expect(decodeKeyList(Uint8Array.of(...bytes, 0))).toBeUndefined()
        expect(decodeKeyList(Uint8Array.of(2, ...bytes.subarray(1)))).toBeUndefined()
      }),
      SETTINGS,
    )
  })

  test('names one key by its class and its id together', () => {
    fc.assert(
      fc.property(name, name, (a, b) => {
        const isSame = a.accessClass === b.accessClass && `${a.keyId}` === `${b.keyId}`
        expect(isSameKey(a, b)).toBe(isSame)
        expect(isSameKey(a, { ...a, keyId: a.keyId.slice() })).toBe(true)
        expect(isSameKey(a, { ...a, accessClass: a.accessClass + 1 })).toBe(false)
      }),
      SETTINGS,
    )
  })
})
