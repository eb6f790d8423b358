import type { ByteReader } from './byte-source.ts'

/** The first bytes of a source, and what follows them. */
export interface Split {
  readonly head: Uint8Array
  readonly rest: ByteReader
}

/**
 * Cuts pieces of any size into groups of one length, the last shorter and perhaps empty. All are the same
 * memory: each is valid until the next is asked for.
 */
export async function* regroup(reader: ByteReader, length: number): AsyncGenerator<Uint8Array> {
  const memory = new Uint8Array(length)
  let filled = 0
  try {
    for (let piece = await reader.read(); piece !== undefined; ) {
      const part = piece.subarray(0, length - filled)
      memory.set(part, filled)
      filled += part.length
      if (filled === length) {
        yield memory
        filled = 0
      }
      piece = part.length < piece.length ? piece.subarray(part.length) : await reader.read()
    }
    yield memory.subarray(0, filled)
  } finally {
    memory.fill(0)
  }
}

/** Takes so many bytes off a source, or all that there are. */
export async function splitHead(reader: ByteReader, length: number): Promise<Split> {
  const head = new Uint8Array(length)
  let filled = 0
  while (filled < length) {
    const piece = await reader.read()
    if (piece === undefined) return { head: head.subarray(0, filled), rest: reader }
    const part = piece.subarray(0, length - filled)
    head.set(part, filled)
    filled += part.length
    if (filled === length) return { head, rest: startingWith(piece.subarray(part.length), reader) }
  }
  return { head, rest: reader }
}

function startingWith(first: Uint8Array, reader: ByteReader): ByteReader {
  let left: Uint8Array | undefined = first
  return {
    cancel: reader.cancel,
    read: async () => {
      const piece = left
      left = undefined
      return piece ?? reader.read()
    },
  }
}
