import type { DenialReason } from '../base/errors.ts'
import { PrivityError } from '../base/errors.ts'
import {
  isLegalBasis,
  LEGAL_BASES,
  type LegalBasis,
  type WithdrawalEffect,
} from '../policy/legal-basis.ts'
import type { Purpose } from '../policy/purposes.ts'
import type { ConsentFact, ConsentState } from '../subjects/head.ts'

/** What can happen to a consent. */
export type ConsentEvent =
  | 'request'
  | 'defer'
  | 'give'
  | 'refuse'
  | 'withdraw'
  | 'revoke'
  | 'invalidate'
  | 'expire'

/** States after events, by state. */
export type TransitionTable = {
  readonly [F in From]: { readonly [E in ConsentEvent]?: ConsentState }
}

/** `none` before anybody asked. */
export type From = ConsentState | 'none'

/**
 * Every transition there is; all others are refused. A withdrawal is accepted from everywhere, also when
 * nothing was given (GDPR Art. 7(3)). States are those of the Data Privacy Vocabulary 2.3.
 */
export const TRANSITIONS: TransitionTable = {
  none: { request: 'requested', withdraw: 'withdrawn' },
  unknown: { request: 'requested', withdraw: 'withdrawn' },
  requested: {
    request: 'requested',
    defer: 'deferred',
    give: 'given',
    refuse: 'refused',
    expire: 'expired',
    withdraw: 'withdrawn',
  },
  deferred: { request: 'requested', give: 'given', refuse: 'refused', withdraw: 'withdrawn' },
  refused: { request: 'requested', give: 'given', withdraw: 'withdrawn' },
  given: {
    give: 'renewed',
    expire: 'expired',
    revoke: 'revoked',
    invalidate: 'invalidated',
    withdraw: 'withdrawn',
  },
  renewed: {
    give: 'renewed',
    expire: 'expired',
    revoke: 'revoked',
    invalidate: 'invalidated',
    withdraw: 'withdrawn',
  },
  expired: { request: 'requested', withdraw: 'withdrawn' },
  withdrawn: { request: 'requested', withdraw: 'withdrawn' },
  revoked: { request: 'requested', withdraw: 'withdrawn' },
  invalidated: { request: 'requested', withdraw: 'withdrawn' },
}

/** Answers to a request. Serving a notice is asking, so a request that the table allows is implied. */
const ANSWERS: ReadonlySet<ConsentEvent> = new Set(['give', 'refuse', 'defer'])

/**
 * The state after an event.
 *
 * @throws {@link invalid_transition} when the table has none
 */
export function nextState(from: From, event: ConsentEvent): ConsentState {
  const direct = lookup(from, event)
  if (direct !== undefined) return direct
  const asked = ANSWERS.has(event) ? lookup(from, 'request') : undefined
  const answered = asked === undefined ? undefined : lookup(asked, event)
  if (answered === undefined)
    throw new PrivityError('invalid_transition', { machine: 'consent', from, event })
  return answered
}

/** The state at a time: what was given and ran out is expired, whether or not anybody noted it. */
export function stateAt(fact: ConsentFact | undefined, at: number): From {
  if (fact === undefined || fact === null) return 'none'
  return LIVE.has(fact.state) && hasEnded(fact.validUntil, at) ? 'expired' : fact.state
}

/** An end that is no number is one that has passed. */
function hasEnded(validUntil: number | undefined, at: number): boolean {
  return validUntil !== undefined && !(Number.isFinite(validUntil) && validUntil > at)
}

/** What the basis of a purpose is judged by, for one person at one time. */
export interface BasisFacts {
  readonly basis: LegalBasis
  readonly consent: ConsentFact | undefined
  readonly objected: boolean
  readonly restricted: boolean
  /** Was to be erased: what had to stay serves legal obligations only. */
  readonly closed: boolean
  /** What was agreed to has changed since: the words materially, or that it is asked for explicitly. */
  readonly stale: boolean
  readonly at: number
}

/** A yes that was not taken back; whether it ran out, its time says. */
export const LIVE: ReadonlySet<From> = new Set(['given', 'renewed'])

const DENIALS: { readonly [S in From]: DenialReason | undefined } = {
  none: 'not_asked',
  unknown: 'not_asked',
  requested: 'not_asked',
  deferred: 'not_asked',
  refused: 'refused',
  given: undefined,
  renewed: undefined,
  expired: 'expired',
  withdrawn: 'withdrawn',
  revoked: 'revoked',
  invalidated: 'invalidated',
}

/**
 * Goes on denying after the basis of a purpose was changed: a no is not undone by declaring another ground (EDPB,
 * Guidelines 05/2020, 122 and 123).
 */
const STANDING: ReadonlySet<From> = new Set(['refused', 'withdrawn', 'revoked', 'invalidated'])

/** Why a purpose has no live basis; empty when it has one. */
export function basisDenials(facts: BasisFacts): readonly DenialReason[] {
  // What is not known, and what a later version may write, permits nothing.
  if (!isLegalBasis(facts.basis) || !Number.isFinite(facts.at)) return ['no_basis']
  const state = stateAt(facts.consent, facts.at)
  if (!Object.hasOwn(DENIALS, state)) return ['no_basis']
  const isClosed = facts.closed !== false && facts.basis !== 'legal_obligation'
  const reasons: DenialReason[] = isClosed ? ['erased'] : []
  const denial = DENIALS[state]
  const stands = STANDING.has(state) && facts.consent?.recorded !== true
  if (denial !== undefined && (facts.basis === 'consent' || stands)) reasons.push(denial)
  if (denial === undefined && facts.basis === 'consent' && facts.stale !== false)
    reasons.push('stale_notice')
  if (facts.objected !== false) reasons.push('objected')
  if (facts.restricted !== false) reasons.push('restricted')
  return reasons
}

/** What withdrawing does. From direct marketing it is an objection, whatever that rests on (Art. 21(2) and (3)). */
export function withdrawalEffect({
  basis,
  marketing,
}: Pick<Purpose, 'basis' | 'marketing'>): WithdrawalEffect {
  const effect = LEGAL_BASES[basis].withdrawal
  return effect === 'recorded' && marketing === true ? 'objected' : effect
}

function lookup(from: From, event: ConsentEvent): ConsentState | undefined {
  return TRANSITIONS[from][event]
}
