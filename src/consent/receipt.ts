import { toBase64, toBase64url } from '../base/bytes.ts'
import type { JsonObject } from '../base/canonical.ts'
import type { Instant } from '../base/time.ts'
import { signJws } from '../crypto/jose.ts'
import type { Placed } from '../ledger/prover.ts'
import type { DurabilityLevel } from '../storage/store.ts'
import { BUNDLE_SCHEMA, BUNDLE_TYPE } from './verify-bundle.ts'
import { RECEIPT_TYPE } from './verify-receipt.ts'

/** Signs what a person decided, for the person to keep: a compact JWS, verified without the app. */
export interface Receipts {
  /** One decision, and the proof that it is in the log. */
  sign(entry: ProvenRecord): Promise<string>
  /** A decision that is not in the log yet. */
  acknowledge(record: JsonObject): Promise<string>
  /** All decisions of a person under one checkpoint, oldest first. */
  bundle(facts: BundleFacts): Promise<string>
}

/** A record, and where its decision stands in the log. */
export interface ProvenRecord {
  readonly record: JsonObject
  readonly placed: Placed
}

/** What a bundle states. */
export interface BundleFacts {
  readonly subjectId: string
  readonly issuedAt: Instant
  /** All under one checkpoint. */
  readonly entries: readonly ProvenRecord[]
  /** The log, for where there are no entries to tell it. */
  readonly log?: ProvenLog
}

/** A log, and what it signed. */
export type ProvenLog = Pick<Placed, 'origin' | 'size' | 'checkpoint'>

/** What signing needs. */
export interface ReceiptDeps {
  /** The key in use, as PKCS #8. */
  key(): Uint8Array
  /** What the store really promises, so that a receipt claims no more. */
  readonly durability: DurabilityLevel
}

/** Receipts under the key of this store. */
export function createReceipts({ key, durability }: ReceiptDeps): Receipts {
  return {
    sign: ({ record, placed }) => {
      const { rollbackProtection } = placed
      const log = { ...checkpointOf(placed), ...placeOf(placed) }
      const payload = { ...record, durability, rollbackProtection, log }
      return signJws({ payload, typ: RECEIPT_TYPE, pkcs8: key() })
    },
    acknowledge: (record) => {
      const payload = { ...record, durability, rollbackProtection: 'none' }
      return signJws({ payload, typ: RECEIPT_TYPE, pkcs8: key() })
    },
    bundle: ({ subjectId, issuedAt, entries, log }) => {
      const payload = {
        schemaVersion: BUNDLE_SCHEMA,
        subject: { ref: subjectId },
        issuedAt,
        durability,
        receipts: entries.map(({ record, placed }) => ({ ...record, log: placeOf(placed) })),
        ...sharedBy(entries, log),
      }
      return signJws({ payload, typ: BUNDLE_TYPE, pkcs8: key() })
    },
  }
}

function sharedBy([first]: readonly ProvenRecord[], log: ProvenLog | undefined): JsonObject {
  if (first === undefined) return log === undefined ? {} : { log: checkpointOf(log) }
  const { rollbackProtection } = first.placed
  return { rollbackProtection, log: checkpointOf(first.placed) }
}

function checkpointOf({ origin, size, checkpoint }: ProvenLog): JsonObject {
  return { origin, size, checkpoint }
}

function placeOf({ index, leaf, inclusion }: Placed): JsonObject {
  return { index, leaf: toBase64url(leaf), proof: inclusion().map(toBase64) }
}
