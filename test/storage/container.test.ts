import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeContainer,
  encodeContainer,
  SECTION,
  type Section,
} from '../../src/storage/container.ts'

const SETTINGS = { numRuns: 1_000, seed: 20_261_121 }
const KINDS = Object.values(SECTION)

const section: fc.Arbitrary<Section> = fc.record({
  kind: fc.constantFrom(...KINDS),
  accessClass: fc.nat({ max: 65_535 }),
  bytes: fc.uint8Array({ maxLength: 60 }),
})
const sections = fc.array(section, { maxLength: 6 })

/** Copies, since what is decoded are views of the row. */
function plain(list: readonly Section[] | undefined): unknown {
  return list?.map(({ kind, accessClass, bytes }) => [kind, accessClass, [...bytes]])
}

describe('a container', () => {
  test('reads back the sections that were put in, in their order', () => {
    fc.assert(
      fc.property(sections, (list) => {
        expect(plain(decodeContainer(encodeContainer(list)))).toEqual(plain(list))
      }),
      SETTINGS,
    )
  })

  test('is laid out as the formats say', () => {
    const bytes = encodeContainer([
      { kind: SECTION.head, accessClass: 0, bytes: Uint8Array.of(0xaa) },
      { kind: SECTION.fields, accessClass: 0x0102, bytes: Uint8Array.of(0xbb, 0xcc) },
      { kind: SECTION.fence, accessClass: 0xffff, bytes: new Uint8Array(0) },
    ])
    expect(Buffer.from(bytes).toString('hex')).toBe(
      ['01', '0003', '01000000000001', '03010200000002', '09ffff00000000', 'aa', 'bbcc'].join(''),
    )
    expect([...encodeContainer([])]).toEqual([1, 0, 0])
    expect(decodeContainer(Uint8Array.of(1, 0, 0))).toEqual([])
  })

  test('is refused cut short, at whatever byte', () => {
    fc.assert(
      fc.property(sections, (list) => {
        const bytes = encodeContainer(list)
        for (let length = 0; length < bytes.length; length += 1)
          expect(decodeContainer(bytes.subarray(0, length))).toBeUndefined()
      }),
      { ...SETTINGS, numRuns: 200 },
    )
  })

  test('is refused with bytes to spare', () => {
    fc.assert(
      fc.property(sections, fc.uint8Array({ minLength: 1, maxLength: 9 }), (list, more) => {
        expect(decodeContainer(Uint8Array.of(...encodeContainer(list), ...more))).toBeUndefined()
      }),
      SETTINGS,
    )
  })

  test('of another version is refused', () => {
    const bytes = encodeContainer([])
    for (const version of [0, 2, 127, 255]) {
      bytes[0] = version
      expect(decodeContainer(bytes)).toBeUndefined()
    }
  })

  test('with a kind of section that this version does not know is refused', () => {
    const known: ReadonlySet<number> = new Set(KINDS)
    for (let kind = 0; kind < 256; kind += 1) {
      const bytes = encodeContainer([
        { kind: SECTION.head, accessClass: 0, bytes: new Uint8Array(3) },
      ])
      bytes[3] = kind
      expect([kind, decodeContainer(bytes) !== undefined]).toEqual([kind, known.has(kind)])
    }
  })

  test('is refused when it promises more than it holds', () => {
    const one = encodeContainer([{ kind: SECTION.ring, accessClass: 0, bytes: new Uint8Array(4) }])
    const counts = [0, 2, 255, 65_535]
    for (const count of counts) {
      const bytes = one.slice()
      new DataView(bytes.buffer).setUint16(1, count)
      expect(decodeContainer(bytes)).toBeUndefined()
    }
    for (const length of [0, 3, 5, 2 ** 31, 2 ** 32 - 1]) {
      const bytes = one.slice()
      new DataView(bytes.buffer).setUint32(6, length)
      expect(decodeContainer(bytes)).toBeUndefined()
    }
  })

  test('never throws, and has one spelling, whatever the bytes', () => {
    const likely = fc.tuple(sections, fc.nat(), fc.nat({ max: 255 })).map(([list, at, byte]) => {
      const bytes = encodeContainer(list)
      bytes[at % bytes.length] = byte
      return bytes
    })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), likely), (bytes) => {
        const found = decodeContainer(bytes)
        if (found !== undefined) expect(encodeContainer(found)).toEqual(bytes)
      }),
      { ...SETTINGS, numRuns: 20_000 },
    )
  })

  test('reads a row that is a part of a larger buffer', () => {
    const bytes = encodeContainer([
      { kind: SECTION.fields, accessClass: 7, bytes: Uint8Array.of(1, 2, 3) },
    ])
    const larger = new Uint8Array(bytes.length + 16).fill(0xee)
    larger.set(bytes, 5)
    expect(plain(decodeContainer(larger.subarray(5, 5 + bytes.length)))).toEqual([
      [3, 7, [1, 2, 3]],
    ])
  })
})
