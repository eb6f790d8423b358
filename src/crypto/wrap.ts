import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { concatBytes } from '../base/bytes.ts'
import { invalidInput } from '../base/errors.ts'
import { randomBytes } from './random.ts'

const KEY_BYTES = 32
const NONCE_BYTES = 24
const TAG_BYTES = 16

/**
 * Seals bytes with XChaCha20-Poly1305 under a fresh random nonce of 24 bytes, which stands
 * before the ciphertext and its tag. No platform has this cipher, so it is noble's everywhere.
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
  return concatBytes([nonce, xchacha20poly1305(key, nonce, ad).encrypt(plaintext)])
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
  try {
    return xchacha20poly1305(key, nonce, ad).decrypt(wrapped.subarray(NONCE_BYTES))
  } catch {
    return undefined
  }
}

function assertKey(key: Uint8Array): void {
  if (key.length !== KEY_BYTES) throw invalidInput(['key'], 'invalid_length')
}
