import { gcmsiv } from '@noble/ciphers/aes.js'
import { invalidInput } from '../base/errors.ts'

const KEY_BYTES = 32
const TAG_BYTES = 16
const NONCE_BYTES = 12

/**
 * Seals with AES-256-GCM-SIV (RFC 8452) under a nonce that is always zero: the same bytes give the same
 * ciphertext, and that they are the same is all that a repeated nonce shows in this mode.
 *
 * @throws {@link invalid_input} unless the key has 32 bytes.
 */
export function sealDeterministic(
  key: Uint8Array,
  plaintext: Uint8Array,
  ad: Uint8Array,
): Uint8Array {
  return cipherOf(key, ad).encrypt(plaintext)
}

/**
 * Opens what {@link sealDeterministic} made; `undefined` if anything was altered, or the key or the
 * associated data are not the same.
 *
 * @throws {@link invalid_input} unless the key has 32 bytes.
 */
export function openDeterministic(
  key: Uint8Array,
  sealed: Uint8Array,
  ad: Uint8Array,
): Uint8Array | undefined {
  const cipher = cipherOf(key, ad)
  if (sealed.length < TAG_BYTES) return undefined
  try {
    return cipher.decrypt(sealed)
  } catch {
    return undefined
  }
}

function cipherOf(key: Uint8Array, ad: Uint8Array): ReturnType<typeof gcmsiv> {
  if (key.length !== KEY_BYTES) throw invalidInput(['key'], 'invalid_length')
  return gcmsiv(key, new Uint8Array(NONCE_BYTES), ad)
}
