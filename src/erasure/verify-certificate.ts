import type { JsonObject } from '../base/canonical.ts'
import { type Jwks, verifyDocument } from '../crypto/verify-jws.ts'

/** `typ` of a certificate of erasure: a receipt under the same key is none. */
export const CERTIFICATE_TYPE = 'privity-erasure+jws'

/** What a verifier found; the certificate only when it holds. */
export interface CertificateVerdict {
  readonly ok: boolean
  /** Why not, as a fixed word. */
  readonly reason?: string
  readonly certificate?: JsonObject
}

/**
 * Verifies a certificate of erasure offline, with nothing but the public keys of the app. Never throws on
 * what it is given to verify; an erasure that is not complete is not `ok`.
 */
export async function verifyCertificate(
  certificate: string,
  trust: { readonly jwks: Jwks },
): Promise<CertificateVerdict> {
  return verifyDocument<CertificateVerdict>(
    certificate,
    { typ: CERTIFICATE_TYPE, trust },
    (payload) =>
      payload['result'] === 'completed'
        ? { ok: true, certificate: payload }
        : { ok: false, reason: 'not_completed' },
  )
}
