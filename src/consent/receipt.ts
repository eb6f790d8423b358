import { toBase64url, utf8 } from '../base/bytes.ts'
import type { JsonObject } from '../base/canonical.ts'
import type { Instant } from '../base/time.ts'
import { sha256 } from '../crypto/hash.ts'
import { signJws } from '../crypto/jose.ts'
import type { EntryReceipt } from '../ledger/entry.ts'
import type { Controller } from '../policy/policy-type.ts'
import type { DurabilityLevel } from '../storage/store.ts'
import { RECEIPT_TYPE } from './verify-receipt.ts'

/** Signs what a person decided, for the person to keep: a compact JWS, verified without the app. */
export interface Receipts {
  sign(facts: ReceiptFacts): Promise<string>
}

/** What a receipt states. */
export interface ReceiptFacts {
  readonly type: string
  readonly subjectId: string
  /** Number of the operation among those of this person. */
  readonly sequence: number
  /** Absent when the operation had been applied before. */
  readonly receipt: EntryReceipt | undefined
  readonly at: Instant
  readonly purposes: readonly JsonObject[]
  readonly notice?: JsonObject
  readonly method?: JsonObject
  readonly servedAt?: Instant
}

/** What signing needs. */
export interface ReceiptDeps {
  readonly pkcs8: Uint8Array
  readonly controller: Controller
  readonly policy: string
  readonly origin: string
  /** What the store really promises, so that a receipt claims no more. */
  readonly durability: DurabilityLevel
}

const SCHEMA = 'privity.consent/1'

/** Receipts under the key of this store. */
export function createReceipts(deps: ReceiptDeps): Receipts {
  return {
    sign: (facts) =>
      signJws({ payload: toRecord(deps, facts), typ: RECEIPT_TYPE, pkcs8: deps.pkcs8 }),
  }
}

function toRecord(
  { controller, policy, origin, durability }: ReceiptDeps,
  facts: ReceiptFacts,
): JsonObject {
  const { type, subjectId, sequence, receipt, at, purposes } = facts
  return {
    schemaVersion: SCHEMA,
    receiptId: receiptId(origin, subjectId, sequence),
    type,
    subject: { ref: subjectId },
    controller: { ...controller },
    occurredAt: at,
    purposes,
    ...(facts.notice === undefined ? {} : { notice: facts.notice }),
    ...(facts.method === undefined ? {} : { method: facts.method }),
    ...(facts.servedAt === undefined ? {} : { servedAt: facts.servedAt }),
    policy,
    durability,
    rollbackProtection: 'none',
    log:
      receipt === undefined
        ? { origin }
        : { origin, index: receipt.index, checkpoint: receipt.checkpoint },
  }
}

/** The same operation always has the same receipt id, also when it is signed again. */
function receiptId(origin: string, subjectId: string, sequence: number): string {
  return toBase64url(sha256(utf8(`${origin}/${subjectId}/${sequence}`)).subarray(0, 16))
}
