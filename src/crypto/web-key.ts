import { concatBytes } from '../base/bytes.ts'
import { randomBytes } from './random.ts'
import { toPlatform } from './platform-bytes.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16
const NAME = 'AES-GCM'

/**
 * A new AES-256-GCM key that the platform keeps: it can be used and stored, and its bytes are given to nobody.
 * Undefined where there is no WebCrypto, as in a page without TLS.
 */
export async function makeWebKey(): Promise<CryptoKey | undefined> {
  const { subtle } = crypto as { readonly subtle?: SubtleCrypto }
  return subtle?.generateKey({ name: NAME, length: 256 }, false, ['encrypt', 'decrypt'])
}

/** Seals under a fresh random nonce of 12 bytes, which stands before the ciphertext and its tag. */
export async function sealWithWebKey(
  key: CryptoKey,
  plaintext: Uint8Array,
  ad: Uint8Array,
): Promise<Uint8Array> {
  const iv = toPlatform(randomBytes(NONCE_BYTES))
  const parameters = { name: NAME, iv, additionalData: toPlatform(ad) }
  const sealed = await crypto.subtle.encrypt(parameters, key, toPlatform(plaintext))
  return concatBytes([iv, new Uint8Array(sealed)])
}

/** Opens what {@link sealWithWebKey} made; `undefined` if anything was altered, or the key is another. */
export async function openWithWebKey(
  key: CryptoKey,
  sealed: Uint8Array,
  ad: Uint8Array,
): Promise<Uint8Array | undefined> {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined
  const iv = toPlatform(sealed.subarray(0, NONCE_BYTES))
  const parameters = { name: NAME, iv, additionalData: toPlatform(ad) }
  try {
    const bytes = toPlatform(sealed.subarray(NONCE_BYTES))
    return new Uint8Array(await crypto.subtle.decrypt(parameters, key, bytes))
  } catch {
    return undefined
  }
}
