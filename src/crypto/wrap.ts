import { hchacha } from '@noble/ciphers/chacha.js'
import { invalidInput } from '../base/errors.ts'
import { platformAead, wipeKey } from './aead.ts'
import { randomBytes } from './random.ts'

const KEY_BYTES = 32
const NONCE_BYTES = 24
const TAG_BYTES = 16
/** What both kinds of ChaCha20 differ in: of the long nonce the first part makes the key. */
const KEY_NONCE_BYTES = 16
/** `expand 32-byte k`. */
const SIGMA = /* @__PURE__ */ Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574)

/**
 * Seals bytes with XChaCha20-Poly1305 under a fresh random nonce of 24 bytes, which stands
 * before the ciphertext and its tag. No platform has this cipher: its inner key is noble's work, and the rest
 * is the platform's ChaCha20-Poly1305.
 *
 * @throws {@link invalid_input} unless the key has 32 bytes.
 * @example
 * ```ts
 * const key = randomBytes(32)
 * const wrapped = wrapBytes(key, randomBytes(32), utf8('person 7'))
 * unwrapBytes(key, wrapped, utf8('person 7')) // the 32 bytes
 * unwrapBytes(key, wrapped, utf8('person 8')) // undefined
 * ```
 */
export function wrapBytes(key: Uint8Array, plaintext: Uint8Array, ad: Uint8Array): Uint8Array {
  assertKey(key)
  const nonce = randomBytes(NONCE_BYTES)
  const wrapped = new Uint8Array(NONCE_BYTES + plaintext.length + TAG_BYTES)
  wrapped.set(nonce)
  const into = wrapped.subarray(NONCE_BYTES)
  withInner(key, nonce, (inner) => platformAead().seal({ ...inner, ad, plaintext, into }))
  return wrapped
}

/**
 * Opens what {@link wrapBytes} made; `undefined` if the bytes were altered, or the key or the
 * associated data are not the same.
 *
 * @throws {@link invalid_input} unless the key has 32 bytes.
 */
export function unwrapBytes(
  key: Uint8Array,
  wrapped: Uint8Array,
  ad: Uint8Array,
): Uint8Array | undefined {
  assertKey(key)
  if (wrapped.length < NONCE_BYTES + TAG_BYTES) return undefined
  const nonce = wrapped.subarray(0, NONCE_BYTES)
  const ciphertext = wrapped.subarray(NONCE_BYTES)
  return withInner(key, nonce, (inner) => platformAead().open({ ...inner, ad, ciphertext }))
}

function assertKey(key: Uint8Array): void {
  if (key.length !== KEY_BYTES) throw invalidInput(['key'], 'invalid_length')
}

interface Inner {
  readonly suite: 1
  readonly key: Uint8Array
  readonly nonce: Uint8Array
}

/**
 * XChaCha20-Poly1305 is ChaCha20-Poly1305 under a key made of the first 16 bytes of the nonce, with the
 * other 8 as its nonce (draft-irtf-cfrg-xchacha-03 section 2.3); that cipher platforms have.
 */
function withInner<T>(key: Uint8Array, nonce: Uint8Array, use: (inner: Inner) => T): T {
  const [outer, words] = [toWords(key), new Uint32Array(KEY_BYTES / 4)]
  hchacha(SIGMA, outer, toWords(nonce.subarray(0, KEY_NONCE_BYTES)), words)
  const derived = toBytes(words)
  const rest = new Uint8Array(12)
  rest.set(nonce.subarray(KEY_NONCE_BYTES), 4)
  try {
    return use({ suite: 1, key: derived, nonce: rest })
  } finally {
    for (const secret of [outer, words]) secret.fill(0)
    wipeKey(derived)
  }
}

/** Little-endian, whatever the machine is. */
function toWords(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const words = new Uint32Array(bytes.length / 4)
  for (let at = 0; at < words.length; at += 1) words[at] = view.getUint32(4 * at, true)
  return words
}

function toBytes(words: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(4 * words.length)
  const view = new DataView(bytes.buffer)
  for (const [at, word] of words.entries()) view.setUint32(4 * at, word, true)
  return bytes
}
