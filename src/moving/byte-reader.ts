import { concatBytes } from '../base/bytes.ts'
import { invalidInput } from '../base/errors.ts'
import { createRunningHash } from '../crypto/running-hash.ts'

/** Bytes of a stream, in the portions that are asked for and not in those that came. */
export interface ByteReader {
  /** So many bytes; undefined when there are fewer left. */
  take(length: number): Promise<Uint8Array | undefined>
  /** SHA-256 of everything taken so far; once only. What is taken later is not hashed. */
  digest(): Uint8Array
  /** Lets go of the stream. */
  close(): Promise<void>
}

/** Holds no more than what is asked for at once, and the chunk that came last. */
export function createByteReader(source: AsyncIterable<Uint8Array>): ByteReader {
  const chunks = source[Symbol.asyncIterator]()
  const hash = createRunningHash()
  let isHashing = true
  let rest: Uint8Array = new Uint8Array(0)
  async function fill(length: number): Promise<boolean> {
    const parts = [rest]
    let held = rest.length
    while (held < length) {
      const { done, value } = await chunks.next()
      if (done === true) break
      if (!(value instanceof Uint8Array)) throw invalidInput(['source'], 'not_bytes')
      parts.push(value)
      held += value.length
    }
    rest = concatBytes(parts)
    return held >= length
  }
  return {
    take: async (length) => {
      if (rest.length < length && !(await fill(length))) return undefined
      const bytes = rest.subarray(0, length)
      rest = rest.subarray(length)
      if (isHashing) hash.update(bytes)
      return bytes
    },
    digest: () => {
      isHashing = false
      return hash.digest()
    },
    close: async () => {
      await chunks.return?.()
    },
  }
}
