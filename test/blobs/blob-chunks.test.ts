import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concatBytes } from '../../src/base/bytes.ts'
import { openChunks, openMessage, sealChunks } from '../../src/blobs/blob-chunks.ts'
import { type BlobPlace, decodeHead, HEAD_BYTES } from '../../src/blobs/blob-format.ts'
import { type ByteSource, openSource } from '../../src/blobs/byte-source.ts'
import { splitHead } from '../../src/blobs/regroup.ts'
import { toStream } from '../../src/blobs/to-stream.ts'
import { type ClassKey, createClassKey } from '../../src/keys/class-key.ts'
import { caught, refusal } from '../support/acme.ts'
import { drain, inPieces, patternOf } from '../support/byte-streams.ts'

fc.configureGlobal({ seed: 20_261_122 })

const KEY = createClassKey(new Uint8Array(8).fill(1), new Uint8Array(32).fill(2))
const BLOB = 'b'.repeat(32)
const PLACE: BlobPlace = {
  storeId: 'a'.repeat(32),
  personId: 'c'.repeat(32),
  type: 3,
  recordId: 'd'.repeat(32),
  fieldId: 'scan',
  accessClass: 2,
}
const FAILED = { code: 'decryption_failed', details: { what: 'blob' } }
const CHUNK = 16_384
const SEALED_CHUNK = CHUNK + 16

function sealed(source: ByteSource): ReadableStream<Uint8Array> {
  const reader = openSource(source, undefined)
  return toStream(sealChunks(KEY, { blobId: BLOB, place: PLACE }, reader), reader)
}

function sealBytes(plaintext: Uint8Array): Promise<Uint8Array> {
  return drain(sealed(inPieces(plaintext, 5_000)))
}

interface Opening {
  readonly key?: ClassKey
  readonly place?: BlobPlace
}

async function open(
  source: ByteSource,
  { key = KEY, place = PLACE }: Opening = {},
): Promise<ReadableStream<Uint8Array>> {
  const { head, rest } = await splitHead(openSource(source, undefined), HEAD_BYTES)
  return toStream(openChunks(await openMessage(key, decodeHead(head), place), rest), rest)
}

async function openBytes(bytes: Uint8Array, opening?: Opening): Promise<Uint8Array> {
  return drain(await open(inPieces(bytes, 7_001), opening))
}

describe('an attachment', () => {
  test('comes back whole, whatever its length and the pieces it comes in', async () => {
    const length = fc.oneof(
      fc.nat(40),
      fc.nat(60_000),
      fc.constantFrom(CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK),
      fc.constantFrom(8 * CHUNK - 1, 8 * CHUNK, 8 * CHUNK + 1, 9 * CHUNK, 16 * CHUNK),
    )
    const piece = fc.integer({ min: 1, max: 70_000 })
    await fc.assert(
      fc.asyncProperty(length, piece, piece, async (bytes, inLength, outLength) => {
        const plaintext = patternOf(bytes)
        const stored = await drain(sealed(inPieces(plaintext, Math.max(inLength, bytes >> 8))))
        expect(stored.length).toBe(HEAD_BYTES + bytes + 16 * (Math.floor(bytes / CHUNK) + 1))
        const pieces = inPieces(stored, Math.max(outLength, stored.length >> 8))
        expect(await drain(await open(pieces))).toEqual(plaintext)
      }),
      { numRuns: 60 },
    )
  })

  test('never looks the same twice', async () => {
    expect(await sealBytes(patternOf(50))).not.toEqual(await sealBytes(patternOf(50)))
  })

  test('does not open with any bit changed', async () => {
    for (const length of [0, 1, 33]) {
      const stored = await sealBytes(patternOf(length))
      for (let bit = 0; bit < 8 * stored.length; bit += 1) {
        const changed = stored.slice()
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const { code } = await caught(openBytes(changed))
        expect(code).toBe(bit < 16 ? 'unsupported_format' : 'decryption_failed')
      }
    }
  })

  test('does not end where it was cut off', async () => {
    const small = await sealBytes(patternOf(20))
    for (let length = 0; length < small.length; length += 1)
      expect(await refusal(openBytes(small.subarray(0, length)))).toEqual(FAILED)
    const large = await sealBytes(patternOf(9 * CHUNK + 100))
    for (const length of [1, 2, 8, 9].map((chunks) => HEAD_BYTES + chunks * SEALED_CHUNK)) {
      for (const cut of [length - 1, length, length + 1, length + 16])
        expect(await refusal(openBytes(large.subarray(0, cut)))).toEqual(FAILED)
    }
  })

  test('gives only what was authenticated before it fails', async () => {
    const plaintext = patternOf(3 * CHUNK)
    const stored = await sealBytes(plaintext)
    const at = HEAD_BYTES + 2 * SEALED_CHUNK + 5
    stored[at] = (stored[at] ?? 0) ^ 1
    const parts: Uint8Array[] = []
    const reading = async (): Promise<void> => {
      for await (const part of await open(inPieces(stored, 1_000))) parts.push(part)
    }
    expect(await refusal(reading())).toEqual(FAILED)
    expect(concatBytes(parts)).toEqual(plaintext.subarray(0, 2 * CHUNK))
  })

  test('does not open with chunks swapped, doubled, left out or added', async () => {
    const stored = await sealBytes(patternOf(3 * CHUNK + 9))
    const head = stored.subarray(0, HEAD_BYTES)
    const chunk = (index: number): Uint8Array =>
      stored.subarray(HEAD_BYTES + index * SEALED_CHUNK, HEAD_BYTES + (index + 1) * SEALED_CHUNK)
    expect(await openBytes(concatBytes([head, ...[0, 1, 2, 3].map(chunk)]))).toHaveLength(49_161)
    for (const order of [
      [1, 0, 2, 3],
      [0, 1, 1, 2, 3],
      [0, 0, 1, 2, 3],
      [0, 2, 3],
      [0, 1, 3],
      [0, 1, 2, 3, 3],
      [0, 1, 2, 3, 0],
      [3],
      [],
    ])
      expect(await refusal(openBytes(concatBytes([head, ...order.map(chunk)])))).toEqual(FAILED)
    for (const extra of [1, 16, SEALED_CHUNK])
      expect(await refusal(openBytes(concatBytes([stored, new Uint8Array(extra)])))).toEqual(FAILED)
  })

  test('does not open with the chunks of another one, nor under its head', async () => {
    const [one, other] = [await sealBytes(patternOf(100)), await sealBytes(patternOf(100))]
    const mixed = concatBytes([one.subarray(0, HEAD_BYTES), other.subarray(HEAD_BYTES)])
    expect(await refusal(openBytes(mixed))).toEqual(FAILED)
    const joined = concatBytes([one, other])
    expect(await refusal(openBytes(joined))).toEqual(FAILED)
  })

  test('opens only where it belongs, and under its own key', async () => {
    const stored = await sealBytes(patternOf(10))
    const { recordId: _, ...single } = PLACE
    const places: readonly BlobPlace[] = [
      { ...PLACE, storeId: 'e'.repeat(32) },
      { ...PLACE, personId: 'e'.repeat(32) },
      { ...PLACE, type: 4 },
      { ...PLACE, recordId: 'e'.repeat(32) },
      { ...single, recordId: undefined },
      { ...PLACE, fieldId: 'photo' },
      { ...PLACE, accessClass: 1 },
    ]
    for (const place of places) expect(await refusal(openBytes(stored, { place }))).toEqual(FAILED)
    const key = createClassKey(KEY.id, new Uint8Array(32).fill(3))
    expect(await refusal(openBytes(stored, { key }))).toEqual(FAILED)
    expect(await openBytes(stored)).toEqual(patternOf(10))
  })
})
