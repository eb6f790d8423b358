import * as z from 'zod/mini'
import { invalidInput } from '../base/errors.ts'
import { parseInput } from '../base/parse.ts'
import { fromInstant, type Instant } from '../base/time.ts'
import type { LegalBasis } from '../policy/legal-basis.ts'
import type { Controller } from '../policy/policy-type.ts'
import type { ConsentState } from '../subjects/head.ts'
import type { DecisionType } from './decision-event.ts'

/** The record of a verified receipt, as far as other formats have a place for it. */
export interface ConsentRecord {
  readonly receiptId: string
  readonly type: DecisionType
  readonly subject: { readonly ref: string }
  readonly controller: Controller
  readonly occurredAt: Instant
  readonly purposes: readonly RecordPurpose[]
  readonly notice?: RecordNotice | undefined
  readonly method?: RecordMethod | undefined
}

/** One purpose of a record. */
export interface RecordPurpose {
  readonly purpose: string
  readonly state: ConsentState | 'objected' | 'recorded'
  readonly basis: LegalBasis
  readonly description: string
  readonly dpv?: string | undefined
  readonly explicit?: true | undefined
  readonly validUntil?: Instant | undefined
}

/** The words that were shown. */
export interface RecordNotice {
  readonly id: string
  readonly version: string
  readonly hash: string
  readonly language?: string | undefined
}

/** How the person decided. */
export interface RecordMethod {
  readonly channel: string
  readonly control?: string | undefined
}

const TYPES = [
  'consent.given',
  'consent.refused',
  'consent.withdrawn',
  'consent.withdrawal_kept',
] as const satisfies readonly DecisionType[]
const STATES = [
  'requested',
  'deferred',
  'refused',
  'given',
  'renewed',
  'expired',
  'withdrawn',
  'revoked',
  'invalidated',
  'unknown',
  'objected',
  'recorded',
] as const satisfies readonly RecordPurpose['state'][]
const BASES = [
  'consent',
  'contract',
  'legal_obligation',
  'vital_interests',
  'public_task',
  'legitimate_interests',
] as const satisfies readonly LegalBasis[]

const text = z.string()
const instant = z.string().check(z.refine((value) => fromInstant(value) !== undefined))
// Members that have no place elsewhere are left aside: a record may hold more than this release knows.
const consentRecord = z.object({
  schemaVersion: z.literal('privity.consent/1'),
  receiptId: text,
  type: z.enum(TYPES),
  subject: z.object({ ref: text }),
  controller: z.object({ id: text, name: text, contact: text, country: text }),
  occurredAt: instant,
  purposes: z
    .array(
      z.object({
        purpose: text,
        state: z.enum(STATES),
        basis: z.enum(BASES),
        description: text,
        dpv: z.optional(text),
        explicit: z.optional(z.literal(true)),
        validUntil: z.optional(instant),
      }),
    )
    .check(z.minLength(1)),
  notice: z.optional(z.object({ id: text, version: text, hash: text, language: z.optional(text) })),
  method: z.optional(z.object({ channel: text, control: z.optional(text) })),
})

/**
 * Reads the record of a verified receipt.
 *
 * @throws {@link invalid_input} when it is no record of this format
 */
export function readRecord(record: unknown): ConsentRecord {
  return parseInput(z.object({ record: consentRecord }), { record }).record
}

/** A purpose that rests on consent: objections to other grounds are no consent of any state. */
export type ConsentPurpose = RecordPurpose & { readonly state: ConsentState }

/**
 * The purposes of a record that rest on consent.
 *
 * @throws {@link invalid_input} with `no_consent` when there is none
 */
export function consentsOf({ purposes }: ConsentRecord): readonly ConsentPurpose[] {
  const found = purposes.filter(isConsent)
  if (found.length > 0) return found
  throw invalidInput(['record', 'purposes'], 'no_consent')
}

/** How a person decided, in a few words; undefined where the record does not say. */
export function methodOf({ method }: ConsentRecord): string | undefined {
  if (method?.control === undefined) return method?.channel
  return `${method.channel}: ${method.control}`
}

function isConsent(purpose: RecordPurpose): purpose is ConsentPurpose {
  return purpose.basis === 'consent' && purpose.state !== 'objected' && purpose.state !== 'recorded'
}
