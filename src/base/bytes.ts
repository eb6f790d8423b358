const ENCODER = /* @__PURE__ */ new TextEncoder()
// ignoreBOM keeps a leading U+FEFF: dropping it would let two byte strings decode to one text.
const DECODER = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const HEX = '0123456789abcdef'
const HEX_OF_BYTE: readonly string[] = /* @__PURE__ */ Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
)
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const BASE64 = `${LETTERS}+/`
const BASE64URL = `${LETTERS}-_`

/** The value of each digit, by its character code. */
type Digits = readonly (number | undefined)[]
const HEX_DIGITS = /* @__PURE__ */ digitsOf(HEX)
const BASE64_DIGITS = /* @__PURE__ */ digitsOf(BASE64)
const BASE64URL_DIGITS = /* @__PURE__ */ digitsOf(BASE64URL)

/** The UTF-8 bytes of a text; a lone surrogate becomes U+FFFD. */
export function utf8(text: string): Uint8Array {
  return ENCODER.encode(text)
}

/** The text of UTF-8 bytes, a leading byte order mark kept; `undefined` when malformed. */
export function fromUtf8(bytes: Uint8Array): string | undefined {
  try {
    return DECODER.decode(bytes)
  } catch {
    return undefined
  }
}

/** One new array with all parts in order. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** Compares in time that depends on the lengths only, never on where the bytes differ. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  // Both indices are in range; the fallback only satisfies the type.
  for (let i = 0; i < a.length; i += 1) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}

/** Compares what is no secret, several times as fast: its time may show where the bytes differ. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  if (typeof Buffer === 'function') return Buffer.compare(a, b) === 0
  return a.every((byte, index) => byte === b[index])
}

/** Lower-case hexadecimal digits, two per byte. */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX_OF_BYTE[byte]
  return text
}

/** Reads lower-case hexadecimal digits; `undefined` for any other spelling. */
export function fromHex(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length >> 1)
  return writeHex(text, bytes, 0) ? bytes : undefined
}

/** Writes the bytes of lower-case hexadecimal digits to a place; false for any other spelling. */
export function writeHex(text: string, target: Uint8Array, offset: number): boolean {
  if (text.length % 2 === 1) return false
  for (let i = 0; i < text.length; i += 2) {
    const [high, low] = [HEX_DIGITS[text.charCodeAt(i)], HEX_DIGITS[text.charCodeAt(i + 1)]]
    if (high === undefined || low === undefined) return false
    target[offset + (i >> 1)] = (high << 4) | low
  }
  return true
}

/** RFC 4648 section 5, without padding. */
export function toBase64url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll('=', '').replaceAll('+', '-').replaceAll('/', '_')
}

/** Reads base64url without padding; `undefined` unless encoding again gives the same text. */
export function fromBase64url(text: string): Uint8Array | undefined {
  return decode64(text, BASE64URL_DIGITS)
}

/** RFC 4648 section 4, with padding. */
export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/** Reads base64 with padding; `undefined` unless encoding again gives the same text. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined
  return decode64(text.replace(/={1,2}$/, ''), BASE64_DIGITS)
}

/**
 * Joins parts so that no two lists give the same bytes: the number of parts, then before each
 * part its length, all as 32-bit big-endian numbers.
 */
export function lengthPrefixed(parts: readonly Uint8Array[]): Uint8Array {
  let length = 4
  for (const part of parts) length += 4 + part.length
  const joined = new Uint8Array(length)
  const view = new DataView(joined.buffer)
  view.setUint32(0, parts.length)
  let offset = 4
  for (const part of parts) {
    view.setUint32(offset, part.length)
    joined.set(part, offset + 4)
    offset += 4 + part.length
  }
  return joined
}

function decode64(text: string, digits: Digits): Uint8Array | undefined {
  if (text.length % 4 === 1) return undefined
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let bits = 0
  let width = 0
  let offset = 0
  for (let i = 0; i < text.length; i += 1) {
    const digit = digits[text.charCodeAt(i)]
    if (digit === undefined) return undefined
    bits = ((bits << 6) | digit) & 0xfff
    width += 6
    if (width < 8) continue
    width -= 8
    bytes[offset] = bits >> width
    offset += 1
  }
  // Left-over bits must be zero, or two texts would decode to the same bytes.
  return (bits & ((1 << width) - 1)) === 0 ? bytes : undefined
}

function digitsOf(alphabet: string): Digits {
  const digits: (number | undefined)[] = new Array(128).fill(undefined)
  for (let digit = 0; digit < alphabet.length; digit += 1)
    digits[alphabet.charCodeAt(digit)] = digit
  return digits
}
