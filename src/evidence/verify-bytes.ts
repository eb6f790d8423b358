import { orAbort } from '../base/signal.ts'
import { refuse } from './verify-refusal.ts'

/** The bytes of a bundle, whole or in pieces. */
export type EvidenceSource =
  | Uint8Array
  | ReadableStream<Uint8Array>
  | Iterable<Uint8Array>
  | AsyncIterable<Uint8Array>

/** Bytes in the order of their source. */
export interface ByteReader {
  /** A copy of the next ones: whoever made the source may use its memory again. */
  take(length: number): Promise<Uint8Array>
  isDone(): Promise<boolean>
  /** Lets go of the source. */
  close(): void
}

/** Reads no further than it is asked to. */
export function readBytes(source: unknown, signal: AbortSignal | undefined): ByteReader {
  const pieces = openPieces(source)
  let piece: Uint8Array = new Uint8Array(0)
  /** False at the end of the source. */
  async function advance(): Promise<boolean> {
    while (piece.length === 0) {
      const next = await nextPiece(pieces, signal)
      if (next === undefined) return false
      piece = next
    }
    return true
  }
  return {
    isDone: async () => !(await advance()),
    take: async (length) => {
      // Bytes that are all there are read without ever waiting.
      signal?.throwIfAborted()
      const taken = new Uint8Array(length)
      for (let filled = 0; filled < length; ) {
        if (!(await advance())) throw refuse('truncated')
        const part = piece.subarray(0, length - filled)
        taken.set(part, filled)
        piece = piece.subarray(part.length)
        filled += part.length
      }
      return taken
    },
    // A source that hangs would hang here too, so nobody waits.
    close: () => {
      Promise.resolve(pieces.return?.()).catch(() => undefined)
    },
  }
}

/** What iterators and readers of streams have in common. */
interface Pieces {
  next(): unknown
  return?(): unknown
}

function openPieces(source: unknown): Pieces {
  if (source instanceof Uint8Array) return [source].values()
  // Not every browser can iterate a stream.
  if (source instanceof ReadableStream) return fromReader(source.getReader())
  const known = Object(source) as Partial<AsyncIterable<unknown> & Iterable<unknown>>
  const pieces = known[Symbol.asyncIterator]?.() ?? known[Symbol.iterator]?.()
  if (pieces === undefined) throw refuse('unreadable')
  return pieces
}

function fromReader(reader: ReadableStreamDefaultReader<unknown>): Pieces {
  return { next: () => reader.read(), return: () => reader.cancel() }
}

async function nextPiece(
  pieces: Pieces,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | undefined> {
  try {
    const next = Promise.resolve(pieces.next())
    const { done, value } = Object(await (signal === undefined ? next : orAbort(next, signal)))
    if (done === true) return undefined
    if (value instanceof Uint8Array) return value
  } catch {
    // What the source threw may hold data.
    signal?.throwIfAborted()
  }
  throw refuse('unreadable')
}
