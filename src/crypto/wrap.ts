import { hchacha, xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { concatBytes } from '../base/bytes.ts'
import { invalidInput } from '../base/errors.ts'
import { platformAead } from './aead.ts'
import { randomBytes } from './random.ts'

const KEY_BYTES = 32
const NONCE_BYTES = 24
const TAG_BYTES = 16
/** From here on the platform's cipher is faster than noble's, though its key has to be made first. */
const MANY_BYTES = 4_096
/** `expand 32-byte k`. */
const SIGMA = /* @__PURE__ */ Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574)

/**
 * Seals bytes with XChaCha20-Poly1305 under a fresh random nonce of 24 bytes, which stands
 * before the ciphertext and its tag. No platform has this cipher: short ones are noble's, long ones the
 * platform's ChaCha20-Poly1305 under the inner key.
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
  if (plaintext.length < MANY_BYTES)
    return concatBytes([nonce, xchacha20poly1305(key, nonce, ad).encrypt(plaintext)])
  return concatBytes([nonce, platformAead().seal({ ...inner(key, nonce), ad, plaintext })])
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
  if (ciphertext.length >= MANY_BYTES)
    return platformAead().open({ ...inner(key, nonce), ad, ciphertext })
  try {
    return xchacha20poly1305(key, nonce, ad).decrypt(ciphertext)
  } catch {
    return undefined
  }
}

function assertKey(key: Uint8Array): void {
  if (key.length !== KEY_BYTES) throw invalidInput(['key'], 'invalid_length')
}

/**
 * XChaCha20-Poly1305 is ChaCha20-Poly1305 under a key made of the first 16 bytes of the nonce, with the
 * other 8 as its nonce (draft-irtf-cfrg-xchacha-03 section 2.3); that cipher platforms have.
 */
function inner(
  key: Uint8Array,
  nonce: Uint8Array,
): { readonly suite: 1; readonly key: Uint8Array; readonly nonce: Uint8Array } {
  const words = new Uint32Array(8)
  hchacha(SIGMA, toWords(key), toWords(nonce.subarray(0, 16)), words)
  const derived = new Uint8Array(32)
  const view = new DataView(derived.buffer)
  for (const [at, word] of words.entries()) view.setUint32(4 * at, word, true)
  return { suite: 1, key: derived, nonce: concatBytes([new Uint8Array(4), nonce.subarray(16)]) }
}

function toWords(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Uint32Array.from({ length: bytes.length / 4 }, (_, at) => view.getUint32(4 * at, true))
}
