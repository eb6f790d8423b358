import { toBase64url, utf8 } from '../base/bytes.ts'
import type { JsonObject } from '../base/canonical.ts'
import { toInstant } from '../base/time.ts'
import { sha256 } from '../crypto/hash.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import type { LegalBasis } from '../policy/legal-basis.ts'
import type { Controller } from '../policy/policy-type.ts'
import type { ConsentState } from '../subjects/head.ts'
import type { ConsentMethod } from './consent-input.ts'
import type { DecidedNotice } from './evidence.ts'

/** What a person said to one purpose. */
export type PurposeDecision = {
  readonly purpose: string
  /** `recorded` changed nothing: the purpose rests on another basis. */
  readonly state: ConsentState | 'objected' | 'recorded'
  readonly basis: LegalBasis
  /** Milliseconds since the epoch. */
  readonly validUntil?: number
}

/** What an operation answers, and keeps under its id. */
export type Decided = {
  readonly receiptId: string
  /** Of the decision of this person before this one; absent for the first. */
  readonly previousReceiptId?: string
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly decisions: readonly PurposeDecision[]
  readonly notice?: DecidedNotice
  /** Milliseconds since the epoch. */
  readonly servedAt?: number
}

/** The entry types that are decisions. */
export type DecisionType =
  | 'consent.given'
  | 'consent.refused'
  | 'consent.withdrawn'
  /** Of a receipt only: to be recorded once the ledger is open again. */
  | 'consent.withdrawal_kept'

/**
 * What the ledger keeps of a decision: all that its record says, so that a later policy changes nothing about
 * what a person can show.
 */
export type DecisionEvent = Omit<Decided, 'at' | 'decisions'> & {
  readonly type: DecisionType
  readonly controller: { readonly [K in keyof Controller]: Controller[K] }
  readonly policy: string
  readonly decisions: readonly DescribedDecision[]
  readonly method?: { readonly [K in keyof ConsentMethod]: ConsentMethod[K] }
}

type DescribedDecision = PurposeDecision & {
  readonly description: string
  readonly dpv?: string
  readonly explicit?: true
}

/** A decision and where it stands. */
export interface Decision {
  readonly subjectId: string
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly event: DecisionEvent
}

const SCHEMA = 'privity.consent/1'

/** Names a decision: no two of one log have the same. */
export function receiptIdOf(origin: string, subjectId: string, sequence: number): string {
  return toBase64url(sha256(utf8(`${origin}/${subjectId}/${sequence}`)).subarray(0, 16))
}

/** The event of a decision, in the words of the running policy. */
export function toEvent(
  policy: CompiledPolicy,
  { at: _, decisions, ...decided }: Decided,
  { type, method }: Pick<DecisionEvent, 'type'> & { readonly method?: ConsentMethod },
): DecisionEvent {
  return {
    ...decided,
    type,
    controller: { ...policy.controller },
    policy: policy.hash,
    decisions: decisions.map((decision) => describe(policy, decision)),
    ...(method === undefined ? {} : { method: { ...method } }),
  }
}

/** What a receipt states, the same whenever it is signed. */
export function toRecord({ subjectId, at, event }: Decision): JsonObject {
  const { decisions, servedAt, ...facts } = event
  return {
    ...facts,
    schemaVersion: SCHEMA,
    subject: { ref: subjectId },
    occurredAt: toInstant(at),
    purposes: decisions.map(({ validUntil, ...decision }) => ({
      ...decision,
      ...(validUntil === undefined ? {} : { validUntil: toInstant(validUntil) }),
    })),
    ...(servedAt === undefined ? {} : { servedAt: toInstant(servedAt) }),
  }
}

function describe({ purposes }: CompiledPolicy, decision: PurposeDecision): DescribedDecision {
  const { description = '', dpv, explicit } = purposes.get(decision.purpose) ?? {}
  return {
    ...decision,
    description,
    ...(dpv === undefined ? {} : { dpv }),
    ...(explicit === undefined ? {} : { explicit }),
  }
}
