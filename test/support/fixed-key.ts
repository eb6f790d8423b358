import { importSigningKey, type SigningKey } from '../../src/crypto/signature.ts'

/** PKCS #8 of an Ed25519 key whose secret is 32 bytes that are all alike. */
export function fixedPkcs8(seed: number): Uint8Array {
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
  return new Uint8Array(Buffer.concat([prefix, Buffer.alloc(32, seed)]))
}

/** A key that signs the same bytes the same way every time. */
export function fixedKey(seed: number): Promise<SigningKey> {
  return importSigningKey(fixedPkcs8(seed))
}
