import { CompactEncrypt } from 'jose'
import type { FormJwk } from './form-key.ts'

/** What to seal, and to whom. */
export interface SealJweInput {
  readonly plaintext: Uint8Array
  /** Names the kind of document, so that one kind cannot pass for another. */
  readonly typ: string
  readonly jwk: FormJwk
}

/** Seals bytes to a public key as a compact JWE (RFC 7516): ECDH-ES and AES-256-GCM, never compressed. */
export function sealJwe({ plaintext, typ, jwk }: SealJweInput): Promise<string> {
  const { kty, crv, x, y, kid } = jwk
  return new CompactEncrypt(plaintext)
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', typ, kid })
    .encrypt({ kty, crv, x, y })
}
