import { writeHex } from './bytes.ts'

/**
 * Writes what {@link lengthPrefixed} gives part by part, into memory that is used again: a dozen small arrays
 * take longer to make than what they are made for. For what is no secret.
 */
export interface Frame {
  /** Starts anew, with the number of parts to come. */
  begin(parts: number): Frame
  bytes(part: Uint8Array): Frame
  /** The UTF-8 bytes of a text. */
  text(part: string): Frame
  /**
   * The bytes of lower-case hexadecimal digits.
   *
   * @throws TypeError for any other text
   */
  hex(part: string): Frame
  /** Big-endian, for integers up to 2^53 - 1. */
  uint(value: number, length: number): Frame
  /** A view of what was written, which holds until the next `begin`. */
  end(): Uint8Array
}

const ENCODER = /* @__PURE__ */ new TextEncoder()
const FIRST_BYTES = 512
/** Of the number of parts, and of each part. */
const LENGTH = 4

/** Memory for one frame at a time. */
export function createFrame(): Frame {
  let memory = new Uint8Array(FIRST_BYTES)
  let at = 0
  function makeRoom(length: number): void {
    if (at + LENGTH + length <= memory.length) return
    const larger = new Uint8Array(2 * (at + LENGTH + length))
    larger.set(memory)
    memory = larger
  }
  function put(value: number, length: number): void {
    for (let rest = value, index = at + length - 1; index >= at; index -= 1) {
      memory[index] = rest % 256
      rest = Math.floor(rest / 256)
    }
    at += length
  }
  const frame: Frame = {
    begin: (parts) => {
      at = 0
      put(parts, LENGTH)
      return frame
    },
    bytes: (part) => {
      makeRoom(part.length)
      put(part.length, LENGTH)
      memory.set(part, at)
      at += part.length
      return frame
    },
    text: (part) => {
      // No character takes more than three bytes.
      makeRoom(3 * part.length)
      const { written } = ENCODER.encodeInto(part, memory.subarray(at + LENGTH))
      put(written, LENGTH)
      at += written
      return frame
    },
    hex: (part) => {
      makeRoom(part.length / 2)
      put(part.length >> 1, LENGTH)
      if (!writeHex(part, memory, at)) throw new TypeError('not hexadecimal')
      at += part.length >> 1
      return frame
    },
    uint: (value, length) => {
      makeRoom(length)
      put(length, LENGTH)
      put(value, length)
      return frame
    },
    end: () => memory.subarray(0, at),
  }
  return frame
}
