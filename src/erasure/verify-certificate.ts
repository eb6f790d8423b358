import type { JsonObject } from '../base/canonical.ts'
import type { Instant } from '../base/time.ts'
import { asObject, type LogTrust, openCheckpoint } from '../consent/log-place.ts'
import { parseCheckpoint } from '../crypto/verify-checkpoint.ts'
import { type DocumentTrust, verifyDocument } from '../crypto/verify-jws.ts'

/** `typ` of a certificate of erasure: a receipt under the same key is none. */
export const CERTIFICATE_TYPE = 'privity-erasure+jws'

/** What a certificate is held against. */
export interface CertificateTrust extends DocumentTrust, LogTrust {
  /** What must have been erased. Default: anything will do, an epoch of keys too. */
  readonly scope?: CertificateScope
}

/** A whole person, a part of one with what is named in `exclusions` left, or an epoch of keys, which is nobody's. */
export type CertificateScope = 'all' | 'partial' | 'epoch'

/** What a certificate says, on the word of the app that signed it. */
export type Certificate = JsonObject & CertificateFacts

/** The members that a reader decides by; `docs/certificates.md` has all of them. */
export interface CertificateFacts {
  /** Random id of the certificate. */
  readonly certificateId: string
  /** All of a person, a part of one, or an epoch of keys. */
  readonly scope: CertificateScope
  readonly result: 'completed'
  /** When the last of it was done. */
  readonly completedAt: Instant
  /** What still has to end before no old copy opens it. */
  readonly irrecoverableBy?: 'epoch_end' | 'backup_expiry'
  /** Name of the log, and its signed checkpoint at that time. */
  readonly log: { readonly origin: string; readonly checkpoint: string }
  /** Of a person. */
  readonly subject?: { readonly ref: string }
  /** Of a person: which erasure. */
  readonly erasureId?: string
  /** Of a person: the word that was given. */
  readonly reason?: string
  /** What was asked for and stays: none of it is erased. */
  readonly exclusions?: readonly CertificateExclusion[]
  /** What was destroyed, in numbers. */
  readonly totals?: { readonly [what: string]: number }
}

/** Something that was asked for and stays. */
export interface CertificateExclusion extends JsonObject {
  /** What stays: a kind of row, a field, or `hook:` and its id. */
  readonly what: string
  /** How many of it. */
  readonly count: number
  /** Why it stays, as a fixed word or the law as the policy names it. */
  readonly ground: string
  /** Null: nobody can tell. */
  readonly until: Instant | null
}

/** What a verifier found; the certificate only when it holds. */
export interface CertificateVerdict {
  /** Whether it is genuine, and of the scope that was asked for. */
  readonly ok: boolean
  /** Why not, as a fixed word. */
  readonly reason?: string
  /** What it says; only where `ok`. */
  readonly certificate?: Certificate
}

/**
 * Verifies a certificate of erasure offline: the signature of the app, that it says so of something that was
 * completed, and that it brings a checkpoint of the log; with `verifierKeys`, also that the log signed that. Say
 * whom it must be about and what must be gone: without `subjectId` and `scope`, the certificate of somebody else is
 * `ok`, and so is that of a part. Never throws on what it is given to verify.
 *
 * @example
 * ```ts
 * import { verifyCertificate } from 'privity/verify'
 *
 * const trust = { ...privity.ledger.publicKeys, subjectId, scope: 'all' } as const
 * const { ok, reason } = await verifyCertificate(certificate, trust)
 * if (!ok) console.log(reason) // other_scope, where a law kept something
 * ```
 */
export async function verifyCertificate(
  certificate: string,
  trust: CertificateTrust,
): Promise<CertificateVerdict> {
  return verifyDocument(certificate, { typ: CERTIFICATE_TYPE, trust }, (payload) =>
    judge(payload, trust),
  )
}

async function judge(payload: JsonObject, trust: CertificateTrust): Promise<CertificateVerdict> {
  if (payload['result'] !== 'completed') return { ok: false, reason: 'not_completed' }
  if ('scope' in trust && trust.scope !== payload['scope'])
    return { ok: false, reason: 'other_scope' }
  const log = asObject(payload['log'])
  // It is of no size that anything hangs on.
  const size = Number(parseCheckpoint(String(log['checkpoint']))?.size)
  const opened = await openCheckpoint({ ...log, size }, trust)
  return opened.ok ? { ok: true, certificate: payload as Certificate } : opened
}
