import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeKeyList } from '../../src/keys/key-list.ts'
import { encodeRing } from '../../src/keys/key-ring.ts'
import { encodeContainer, SECTION } from '../../src/storage/container.ts'
import { decodeKeyRow, encodeKeyRow, listedKeys } from '../../src/subjects/key-row.ts'

const entry = fc.record({
  accessClass: fc.nat({ max: 65_535 }),
  generation: fc.nat({ max: 2 ** 32 - 1 }),
  epoch: fc.nat({ max: 2 ** 32 - 1 }),
  keyId: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  wrapped: fc.uint8Array({ minLength: 72, maxLength: 72 }),
})
const entries = fc.uniqueArray(entry, {
  maxLength: 8,
  selector: ({ accessClass, keyId }) => `${accessClass}/${keyId}`,
})
const fence = fc.option(fc.uint8Array({ minLength: 1, maxLength: 64 }), { nil: undefined })
const SETTINGS = { numRuns: 300, seed: 20_261_122 }

describe('the row of a person in a key store', () => {
  test('reads back what was written, and is no row when there is nothing to keep', () => {
    fc.assert(
      fc.property(fence, entries, (before, ring) => {
        const bytes = encodeKeyRow({ fence: before, entries: ring })
        expect(decodeKeyRow(bytes)).toEqual({ bytes, fence: before, entries: ring })
        expect(bytes === undefined).toBe(before === undefined && ring.length === 0)
      }),
      SETTINGS,
    )
  })

  test('is none of ours when it was cut, or holds neither keys nor a fence', () => {
    fc.assert(
      fc.property(fence, entries, fc.nat(), (before, ring, at) => {
        const bytes = encodeKeyRow({ fence: before, entries: ring })
        if (bytes !== undefined)
          expect(decodeKeyRow(bytes.subarray(0, at % bytes.length))).toBeUndefined()
      }),
      SETTINGS,
    )
    expect(decodeKeyRow(encodeContainer([]))).toBeUndefined()
    const other = { kind: SECTION.head, accessClass: 0, bytes: new Uint8Array(3) }
    expect(decodeKeyRow(encodeContainer([other]))).toBeUndefined()
    const torn = { kind: SECTION.ring, accessClass: 0, bytes: new Uint8Array([1, 0, 1]) }
    expect(decodeKeyRow(encodeContainer([torn]))).toBeUndefined()
    const [kind, ring] = [{ accessClass: 0 }, encodeRing([])]
    const twice = [SECTION.ring, SECTION.ring].map((it) => ({ ...kind, kind: it, bytes: ring }))
    expect(decodeKeyRow(encodeContainer(twice))).toBeUndefined()
  })
})

describe('the keys of a document', () => {
  test('are those of the row that it lists, in its order; what the row lacks is missing', () => {
    fc.assert(
      fc.property(entries, fc.integer({ min: 0, max: 255 }), (ring, kept) => {
        const there = ring.filter((_, index) => ((kept >> index) & 1) === 1)
        const bytes = encodeKeyList([...ring].reverse())
        const sections = [{ kind: SECTION.keyList, accessClass: 0, bytes }]
        const listed = listedKeys(sections, { fence: undefined, entries: there })
        expect(listed?.ring).toEqual([...there].reverse())
        expect(listed?.missing).toEqual(
          [...ring]
            .reverse()
            .filter((it) => !there.includes(it))
            .map(({ accessClass, keyId }) => ({ accessClass, keyId })),
        )
      }),
      SETTINGS,
    )
  })

  test('are not those that it does not list, and never those of the other place', () => {
    const ring = [
      {
        accessClass: 1,
        generation: 1,
        epoch: 1,
        keyId: new Uint8Array(8),
        wrapped: new Uint8Array(72),
      },
    ]
    const list = [{ kind: SECTION.keyList, accessClass: 0, bytes: encodeKeyList([]) }]
    const embedded = [{ kind: SECTION.ring, accessClass: 0, bytes: encodeRing(ring) }]
    const row = { fence: undefined, entries: ring }
    expect(listedKeys(list, row)).toEqual({ ring: [], missing: [] })
    expect(listedKeys(embedded, undefined)).toEqual({ ring, missing: [] })
    expect(listedKeys(embedded, row)).toBeUndefined()
    expect(listedKeys(list, undefined)).toBeUndefined()
  })
})
