import type { JsonObject, JsonValue } from '../base/canonical.ts'
import type { TreeHead } from '../crypto/checkpoint.ts'
import { verifyDocument } from '../crypto/verify-jws.ts'
import { asObject, isIncluded, type LogVerdict, openCheckpoint } from './log-place.ts'
import type { ReceiptTrust } from './verify-receipt.ts'

/** `typ` of a bundle. */
export const BUNDLE_TYPE = 'privity-receipts+jws'
/** Its format. */
export const BUNDLE_SCHEMA = 'privity.receipts/1'

/** What a verifier found; the records only when all of them hold. */
export interface BundleVerdict {
  /** Whether every receipt is genuine and none is missing between them. */
  readonly ok: boolean
  /** Why not, as a fixed word. */
  readonly reason?: string
  /** The decisions of one person, oldest first. */
  readonly records?: readonly JsonObject[]
  /** What their proofs say of the log; absent where the bundle is not sound. */
  readonly log?: LogVerdict
}

/**
 * Verifies a bundle of receipts offline: the signature of the app, that all decisions are of one person, that
 * each names the one before it and none is missing in between, and that all are in the log under the
 * checkpoint in the bundle; with `verifierKeys`, also that the log signed that checkpoint. Never throws on what it is
 * given to verify.
 *
 * Decisions after the last one in the bundle are not known from it: hold it against the latest receipt.
 *
 * @example
 * ```ts
 * import { verifyReceiptBundle } from 'privity/verify'
 *
 * const bundle = await privity.consent.bundle(subjectId)
 * const { ok, records } = await verifyReceiptBundle(bundle, privity.ledger.publicKeys)
 * if (ok) console.log(records?.length)
 * ```
 */
export async function verifyReceiptBundle(
  bundle: string,
  trust: ReceiptTrust,
): Promise<BundleVerdict> {
  return verifyDocument(bundle, { typ: BUNDLE_TYPE, trust }, (payload) => judge(payload, trust))
}

async function judge(payload: JsonObject, trust: ReceiptTrust): Promise<BundleVerdict> {
  const { schemaVersion, subject, receipts, log } = payload
  const { ref } = asObject(subject)
  if (schemaVersion !== BUNDLE_SCHEMA || typeof ref !== 'string' || !Array.isArray(receipts))
    return { ok: false, reason: 'malformed' }
  const opened = await openCheckpoint(log, trust)
  if (!opened.ok) return opened
  const { head, verified } = opened
  const reason = faultIn(receipts, { ref, head })
  return reason === undefined
    ? { ok: true, records: receipts, log: { verified } }
    : { ok: false, reason }
}

function faultIn(
  receipts: readonly JsonValue[],
  { ref, head }: { readonly ref: string; readonly head: TreeHead },
): string | undefined {
  const known = new Set<string>()
  let last: string | undefined
  let index = -1
  for (const receipt of receipts) {
    const { receiptId, previousReceiptId, subject, log } = asObject(receipt)
    if (asObject(subject)['ref'] !== ref) return 'other_person'
    if (typeof receiptId !== 'string' || known.has(receiptId) || previousReceiptId !== last)
      return 'broken_chain'
    const at = Number(asObject(log)['index'])
    if (!(at > index) || !isIncluded(log, head)) return 'not_in_log'
    known.add(receiptId)
    last = receiptId
    index = at
  }
  return undefined
}
