import type { JsonObject } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { addDuration } from '../base/time.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import type { NoticeRegister } from '../notices/notice-book.ts'
import type { Changed } from '../subjects/change-person.ts'
import type { Draft } from '../subjects/draft.ts'
import type { ConsentFact, ConsentState, Head } from '../subjects/head.ts'
import type { People } from '../subjects/people.ts'
import { requirePerson } from '../subjects/require-kind.ts'
import type { ParsedWriteOptions } from '../subjects/write-options.ts'
import { type DecisionInput, type NamedPurpose, requirePurpose } from './consent-input.ts'
import { type Decided, type PurposeDecision, receiptIdOf, toEvent } from './decision-event.ts'
import { checkEvidence, type DecidedNotice, evidenceOf } from './evidence.ts'
import type { Endings } from './ending.ts'
import { type ConsentEvent, LIVE, nextState, stateAt, withdrawalEffect } from './status.ts'

/** What deciding needs. */
export interface DecideDeps {
  readonly people: People
  readonly policy: CompiledPolicy
  readonly endings: Endings
}

/** An answer to a request: what was asked, and what the person said. */
export interface DecideInput {
  readonly event: 'give' | 'refuse'
  readonly decision: DecisionInput
  readonly options: ParsedWriteOptions
  /** Told of the head and the notices as they are afterwards, unless the operation had been applied before. */
  readonly onHead?: (head: Head, register: NoticeRegister) => void
}

/** Records a yes or a no to a request. */
export function decide(
  { people, policy, endings }: DecideDeps,
  id: string,
  { event, decision, options, onHead }: DecideInput,
): Promise<Changed<Decided>> {
  const evidence = evidenceOf(people, id, decision)
  return people.change<Decided>({
    id,
    ...options,
    request: { type: `consent.${event}`, ...decision } as unknown as JsonObject,
    reads: [evidence.book, ...(evidence.serving === undefined ? [] : [evidence.serving])],
    policy: policy.hash,
    apply: (draft, rows) => {
      requirePerson(draft.head)
      if (draft.head.closed !== undefined) throw new PrivityError('erased', { kind: 'subject' })
      const shown = checkEvidence(people, { draft, decision, evidence }, rows)
      const { notice, servedAt } = shown
      const decisions = decision.purposes.map((purpose) =>
        decideOne({
          draft,
          purpose: requirePurpose(policy, purpose),
          event,
          notice,
          policy: policy.hash,
        }),
      )
      endings(draft, decision.purposes)
      const served = servedAt === undefined ? {} : { servedAt }
      const value = record(people, draft, { decisions, notice, ...served })
      onHead?.(draft.head, shown.register)
      const type = event === 'give' ? 'consent.given' : 'consent.refused'
      return { event: toEvent(policy, value, { type, method: decision.method }), value }
    },
  })
}

/** What a person takes back. */
export interface WithdrawCall {
  readonly purposes: readonly string[]
  readonly options: ParsedWriteOptions
  /** Told of the head as it is afterwards, unless the operation had been applied before. */
  readonly onHead: (head: Head) => void
}

/** Records a withdrawal. */
export function withdraw(
  { people, policy, endings }: DecideDeps,
  id: string,
  { purposes, options, onHead }: WithdrawCall,
): Promise<Changed<Decided>> {
  return people.change<Decided>({
    id,
    ...options,
    request: { type: 'consent.withdraw', purposes },
    apply: (draft) => {
      requirePerson(draft.head)
      const decisions = purposes.map((purpose) =>
        withdrawOne(draft, requirePurpose(policy, purpose)),
      )
      endings(draft, purposes)
      const value = record(people, draft, { decisions })
      onHead(draft.head)
      return { event: toEvent(policy, value, { type: 'consent.withdrawn' }), value }
    },
  })
}

/** Puts a decision behind the last one of this person. */
function record(
  { deps }: People,
  draft: Draft,
  said: Pick<Decided, 'decisions' | 'notice' | 'servedAt'>,
): Decided {
  const { head, id, at, sequence } = draft
  const receiptId = receiptIdOf(deps.ledger.of(id).log.origin, id, sequence)
  const previousReceiptId = head.lastReceipt
  draft.head = { ...head, lastReceipt: receiptId }
  return {
    ...said,
    receiptId,
    ...(previousReceiptId === undefined ? {} : { previousReceiptId }),
    at,
  }
}

interface Deciding {
  readonly draft: Draft
  readonly purpose: NamedPurpose
  readonly event: ConsentEvent
  readonly notice: DecidedNotice
  /** Hash of the running one. */
  readonly policy: string
}

function decideOne({ draft, purpose, event, notice, policy }: Deciding): PurposeDecision {
  const { name, basis, validFor, explicit } = purpose
  const { head, at } = draft
  const state = nextState(stateAt(head.consents[name], at), event)
  const ends = event === 'give' && validFor !== undefined
  const until = ends ? { validUntil: addDuration(at, validFor) } : {}
  const { version: _, ...noticeFact } = notice
  const form = event === 'give' && explicit === true ? { explicit } : {}
  const fact: ConsentFact = { state, at, ...until, ...form, policy, notice: noticeFact }
  const { [name]: __, ...objections } = head.objections
  draft.head = {
    ...head,
    consents: { ...head.consents, [name]: fact },
    // The person who objected may say yes again; nobody else lifts an objection.
    objections: event === 'give' ? objections : head.objections,
  }
  return { purpose: name, state, basis, ...until }
}

function withdrawOne(draft: Draft, purpose: NamedPurpose): PurposeDecision {
  const { name, basis } = purpose
  const effect = withdrawalEffect(purpose)
  if (effect === 'withdrawn') return { purpose: name, state: endConsent(draft, name), basis }
  const { head, at } = draft
  if (effect === 'objected') {
    const since = Object.hasOwn(head.objections, name) ? head.objections[name] : undefined
    draft.head = { ...head, objections: { ...head.objections, [name]: since ?? at } }
  } else if (LIVE.has(stateAt(head.consents[name], at))) {
    // A yes from when it rested on consent is taken back with it: that basis may come again.
    endConsent(draft, name, { recorded: true })
  }
  return { purpose: name, state: effect, basis }
}

/** Said again, it has ended since it was said first: otherwise each time would put the erasure off. */
function endConsent(
  draft: Draft,
  purpose: string,
  under: Pick<ConsentFact, 'recorded'> = {},
): ConsentState {
  const { head, at } = draft
  const before = head.consents[purpose]
  const state = nextState(stateAt(before, at), 'withdraw')
  const notice = before?.notice === undefined ? {} : { notice: before.notice }
  const since = before?.state === state ? before.at : at
  const fact: ConsentFact = { state, at: since, policy: before?.policy ?? '', ...notice, ...under }
  draft.head = { ...head, consents: { ...head.consents, [purpose]: fact } }
  return state
}
