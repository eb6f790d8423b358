import { describe, expect, test } from 'vitest'
import { openChunks, openMessage, sealChunks } from '../../src/blobs/blob-chunks.ts'
import { type BlobPlace, decodeHead, HEAD_BYTES } from '../../src/blobs/blob-format.ts'
import { openSource } from '../../src/blobs/byte-source.ts'
import { splitHead } from '../../src/blobs/regroup.ts'
import { toStream } from '../../src/blobs/to-stream.ts'
import { createClassKey } from '../../src/keys/class-key.ts'
import { refusal, until } from '../support/acme.ts'
import { drain, inPieces, patternOf, streamOf } from '../support/byte-streams.ts'

const KEY = createClassKey(new Uint8Array(8).fill(1), new Uint8Array(32).fill(2))
const BLOB = 'b'.repeat(32)
const PLACE: BlobPlace = {
  storeId: 'a'.repeat(32),
  personId: 'c'.repeat(32),
  type: 3,
  recordId: undefined,
  fieldId: 'scan',
  accessClass: 2,
}
const PIECE = new Uint8Array(65_536).fill(7)
const SLOW = 120_000
/** Eight chunks at once, and what the source gives in one piece. */
const IN_FLIGHT = 8 * 16_384 + PIECE.length

type Source = Parameters<typeof openSource>[0]

function seal(source: Source, signal?: AbortSignal): ReadableStream<Uint8Array> {
  const reader = openSource(source, signal)
  return toStream(sealChunks(KEY, { blobId: BLOB, place: PLACE }, reader), reader)
}

async function open(source: Source, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const { head, rest } = await splitHead(openSource(source, signal), HEAD_BYTES)
  return toStream(openChunks(await openMessage(KEY, decodeHead(head), PLACE), rest), rest)
}

/** A source without end that tells how much was taken from it, and whether it was let go. */
function endless(): {
  readonly source: AsyncGenerator<Uint8Array>
  readonly taken: () => number
  readonly isReleased: () => boolean
} {
  let taken = 0
  let released = false
  async function* generate(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        taken += PIECE.length
        yield PIECE
      }
    } finally {
      released = true
    }
  }
  return { source: generate(), taken: () => taken, isReleased: () => released }
}

function hanging(): { readonly stream: ReadableStream<Uint8Array>; readonly reasons: unknown[] } {
  const reasons: unknown[] = []
  const stream = new ReadableStream<Uint8Array>({
    pull: () => new Promise(() => undefined),
    cancel: (reason) => void reasons.push(reason),
  })
  return { stream, reasons }
}

describe('sealing and opening on the way', () => {
  test('takes nothing from the source before somebody reads, and not more than is read', async () => {
    const { source, taken } = endless()
    const stream = seal(source)
    await until(() => true)
    expect(taken()).toBe(0)
    const reader = stream.getReader()
    let read = 0
    for (let count = 0; count < 100; count += 1) {
      const { value } = await reader.read()
      read += value?.length ?? 0
      expect(taken() - read).toBeLessThanOrEqual(IN_FLIGHT)
    }
    await reader.cancel()
  })

  test('lets go of the source when the reader does, also of one that hangs', async () => {
    const { source, isReleased } = endless()
    const reader = seal(source).getReader()
    await reader.read()
    await reader.read()
    await reader.cancel('enough')
    await until(isReleased)
    const { stream, reasons } = hanging()
    const waiting = seal(stream).getReader()
    await waiting.read()
    const pending = waiting.read()
    await waiting.cancel('enough')
    expect(await pending).toEqual({ done: true, value: undefined })
    expect(reasons).toEqual(['enough'])
  })

  test('a signal ends it with its reason, in the middle and in a source that hangs', async () => {
    const abort = new AbortController()
    const { source, isReleased } = endless()
    const reader = seal(source, abort.signal).getReader()
    await reader.read()
    abort.abort(new TypeError('stop'))
    await expect(reader.read()).rejects.toThrow('stop')
    await until(isReleased)
    const late = new AbortController()
    const { stream, reasons } = hanging()
    const opening = open(stream, late.signal)
    late.abort(new TypeError('stop'))
    await expect(opening).rejects.toThrow('stop')
    expect(reasons).toHaveLength(1)
  })

  test('a source that fails makes the sealed stream fail, not end', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield PIECE
      throw new TypeError('disk')
    }
    await expect(drain(seal(failing()))).rejects.toThrow('disk')
    const stored = await drain(seal(inPieces(patternOf(40_000), 9_999)))
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield stored.subarray(0, 30_000)
      throw new TypeError('net')
    }
    await expect(drain(await open(broken()))).rejects.toThrow('net')
  })

  test('pieces of no bytes are skipped, and pieces of anything else refused', async () => {
    const none = new Uint8Array(0)
    const stored = await drain(seal(streamOf(none, Uint8Array.of(1), none, Uint8Array.of(2), none)))
    expect(await drain(await open(streamOf(none, stored, none)))).toEqual(Uint8Array.of(1, 2))
    const refused = {
      code: 'invalid_input',
      details: { issues: [{ path: ['source'], code: 'not_bytes' }] },
    }
    for (const piece of ['text', 7, null, [1], new ArrayBuffer(4)])
      expect(await refusal(drain(seal(streamOf(piece as never))))).toEqual(refused)
  })

  test('what is no source is refused', async () => {
    const locked = streamOf(PIECE)
    locked.getReader()
    for (const [source, code] of [
      [locked, 'locked'],
      [undefined, 'not_a_source'],
      ['text', 'not_a_source'],
      [PIECE, 'not_a_source'],
      [[PIECE], 'not_a_source'],
    ] as const)
      expect(await refusal(async () => seal(source))).toMatchObject({
        details: { issues: [{ path: ['source'], code }] },
      })
  })

  test('needs no more memory for a large one than for a small one', { timeout: SLOW }, async () => {
    const total = 128 * 1_048_576
    const before = process.memoryUsage().arrayBuffers
    let [given, taken, largest] = [0, 0, 0]
    async function* generate(): AsyncGenerator<Uint8Array> {
      for (; given < total; given += PIECE.length) yield PIECE
    }
    for await (const part of await open(seal(generate()))) {
      taken += part.length
      expect(given - taken).toBeLessThanOrEqual(3 * IN_FLIGHT)
      largest = Math.max(largest, process.memoryUsage().arrayBuffers - before)
    }
    expect(taken).toBe(total)
    // Of three times the total that passed; what waits to be collected counts as well.
    expect(largest).toBeLessThan(total / 2)
  })
})
