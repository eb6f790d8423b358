import { fromBase64url } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { toPlatform } from './platform-bytes.ts'

/** An Ed25519 private key as WebCrypto holds it, and its public half. */
export interface PrivateKey {
  readonly handle: CryptoKey
  /** 32 bytes. */
  readonly publicKey: Uint8Array
}

/**
 * Reads an Ed25519 private key from PKCS #8 (RFC 8410).
 *
 * @throws {@link key_unreadable} for bytes that are no such key.
 */
export async function importPrivateKey(pkcs8: Uint8Array): Promise<PrivateKey> {
  try {
    // Extractable, because WebCrypto gives the public half in no other way.
    const handle = await crypto.subtle.importKey(
      'pkcs8',
      toPlatform(pkcs8),
      { name: 'Ed25519' },
      true,
      ['sign'],
    )
    const { x = '' } = await crypto.subtle.exportKey('jwk', handle)
    const publicKey = fromBase64url(x)
    if (publicKey?.length === 32) return { handle, publicKey }
  } catch {
    // What the platform says may quote the key.
  }
  throw new PrivityError('key_unreadable', { what: 'signing key' })
}
