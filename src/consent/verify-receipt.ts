import type { JsonObject } from '../base/canonical.ts'
import { type DocumentTrust, verifyDocument } from '../crypto/verify-jws.ts'
import { isIncluded, type LogTrust, type LogVerdict, openCheckpoint } from './log-place.ts'

/** `typ` of a receipt: a certificate under the same key is none. */
export const RECEIPT_TYPE = 'privity-receipt+jws'

/** What a receipt or a bundle of them is held against. */
export interface ReceiptTrust extends DocumentTrust, LogTrust {}

/** What a verifier found; the record only when it holds. */
export interface ReceiptVerdict {
  /** Whether the receipt is genuine, under the keys that were given. */
  readonly ok: boolean
  /** Why not, as a fixed word. */
  readonly reason?: string
  /**
   * All that the receipt states. In every receipt of the same decision it is the same, but for `durability`,
   * `rollbackProtection` and `log`: these are of the time when it was signed.
   */
  readonly record?: JsonObject
  /** What its proof says of the log; absent where the receipt is not genuine. */
  readonly log?: LogVerdict
}

/**
 * Verifies a consent receipt offline: the signature of the app, that it is a receipt, and that the entry it names is
 * in the log under the checkpoint in the receipt; with `verifierKeys`, also that the log signed that checkpoint.
 * A withdrawal that was kept for later is in no log yet. Never throws on what it is given to verify.
 *
 * @example
 * ```ts
 * import { verifyReceipt } from 'privity/verify'
 *
 * const { ok, record, log } = await verifyReceipt(receipt, privity.ledger.publicKeys)
 * if (ok) console.log(record?.['receiptId'], log?.verified)
 * ```
 */
export async function verifyReceipt(receipt: string, trust: ReceiptTrust): Promise<ReceiptVerdict> {
  return verifyDocument(receipt, { typ: RECEIPT_TYPE, trust }, (record) => judge(record, trust))
}

async function judge(record: JsonObject, trust: ReceiptTrust): Promise<ReceiptVerdict> {
  const { log } = record
  if (log === undefined && (trust.verifierKeys === undefined || isKept(record)))
    return { ok: true, record, log: { verified: 'none' } }
  const opened = await openCheckpoint(log, trust)
  if (!opened.ok) return opened
  const { head, verified } = opened
  return isIncluded(log, head)
    ? { ok: true, record, log: { verified } }
    : { ok: false, reason: 'not_in_log' }
}

/** It says itself that it is not recorded yet: nobody can take it for more. */
function isKept({ type }: JsonObject): boolean {
  return type === 'consent.withdrawal_kept'
}
