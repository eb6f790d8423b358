import type { JsonObject } from '../base/canonical.ts'
import { type Jwks, verifyJws } from '../crypto/jose.ts'

/** `typ` of a receipt: a certificate under the same key is none. */
export const RECEIPT_TYPE = 'privity-receipt+jws'

/** What a verifier found; the record only when it holds. */
export interface ReceiptVerdict {
  readonly ok: boolean
  /** Why not, as a fixed word. */
  readonly reason?: string
  readonly record?: JsonObject
}

/**
 * Verifies a consent receipt offline, with nothing but the public keys of the app: the signature, and that
 * it is a receipt. Never throws on what it is given to verify.
 *
 * The `log` part is as good as the checkpoint that the verifier brings.
 */
export async function verifyReceipt(
  receipt: string,
  trust: { readonly jwks: Jwks },
): Promise<ReceiptVerdict> {
  try {
    const verdict = await verifyJws(receipt, { typ: RECEIPT_TYPE, jwks: trust.jwks })
    if (!verdict.ok) return { ok: false, reason: verdict.reason }
    return { ok: true, record: verdict.payload }
  } catch {
    // No keys, or none that can be read: nothing is trusted.
    return { ok: false, reason: 'unknown_key' }
  }
}
