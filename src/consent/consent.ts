import type { JsonObject } from '../base/canonical.ts'
import type { SubjectId } from '../base/id.ts'
import { addDuration, toInstant } from '../base/time.ts'
import type { WriteOptions } from '../policy/accessor-types.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import type { Purpose } from '../policy/purposes.ts'
import type { Draft } from '../subjects/draft.ts'
import type { ConsentFact, ConsentState } from '../subjects/head.ts'
import type { Changed, People } from '../subjects/people.ts'
import { parseSubjectId, parseWriteOptions } from '../subjects/write-options.ts'
import {
  type DecisionInput,
  parseDecision,
  parseWithdrawal,
  requirePurpose,
  type WithdrawInput,
} from './consent-input.ts'
import { checkEvidence, type DecidedNotice, evidenceOf } from './evidence.ts'
import { type HistoryEntry, readHistory } from './history.ts'
import { type ConsentStatus, readStatus } from './read-status.ts'
import type { Receipts } from './receipt.ts'
import { type ConsentEvent, nextState, stateAt, withdrawalEffect } from './status.ts'

/** Decisions of persons about purposes. Each is in the ledger, and takes effect in the commit that records it. */
export interface Consent<P extends string = string> {
  /**
   * Records a yes, one decision per purpose. A second yes renews.
   *
   * @throws {@link invalid_input} when a purpose does not rest on consent, or the serving is unknown
   * @throws {@link invalid_transition} · @throws {@link not_found} · @throws {@link erased}
   */
  give(
    subjectId: SubjectId,
    input: DecisionInput<P>,
    options?: WriteOptions,
  ): Promise<{ readonly receipt: string }>
  /** Records a no to a request. */
  refuse(subjectId: SubjectId, input: DecisionInput<P>, options?: WriteOptions): Promise<void>
  /**
   * Ends consent, always and without a reason, also when nothing was given. For legitimate interests it is
   * an objection; on other bases it is recorded and changes nothing, and the outcome says so.
   */
  withdraw(
    subjectId: SubjectId,
    input: WithdrawInput<P>,
    options?: WriteOptions,
  ): Promise<Withdrawal>
  /** The state now: validity and staleness are judged at this moment. */
  status(subjectId: SubjectId, purpose: P): Promise<ConsentStatus>
  /** Every decision of a person, oldest first. */
  history(subjectId: SubjectId): AsyncIterable<HistoryEntry>
}

/** What a withdrawal did. */
export interface Withdrawal {
  /** Signed statement for the person. */
  readonly receipt: string
  readonly outcomes: readonly WithdrawalOutcome[]
}

/** What a withdrawal did to one purpose. */
export interface WithdrawalOutcome {
  readonly purpose: string
  /** `recorded` changes nothing: the purpose rests on another basis. */
  readonly effect: 'withdrawn' | 'objected' | 'recorded'
  readonly basis: Purpose['basis']
}

/** What consent needs. */
export interface ConsentDeps {
  readonly people: People
  readonly policy: CompiledPolicy
  readonly receipts: Receipts
}

/** Decisions over the persons of a store, under the running policy. */
export function createConsent(deps: ConsentDeps): Consent {
  return {
    give: (subjectId, input, options) => give(deps, subjectId, { input, options }),
    refuse: (subjectId, input, options) => refuse(deps, subjectId, { input, options }),
    withdraw: (subjectId, input, options) => withdraw(deps, subjectId, { input, options }),
    status: (subjectId, purpose) => readStatus(deps, subjectId, purpose),
    history: (subjectId) => readHistory(deps.people, subjectId),
  }
}

interface Call<Input> {
  readonly input: Input
  readonly options: WriteOptions | undefined
}

/** What an operation keeps of itself, enough to sign its receipt again. */
type Decided = {
  readonly at: number
  readonly decisions: readonly Decision[]
  readonly notice?: DecidedNotice
  readonly servedAt?: number
}
type Decision = {
  readonly purpose: string
  readonly state: ConsentState | 'objected' | 'recorded'
  readonly validUntil?: number
}

async function give(
  deps: ConsentDeps,
  subjectId: unknown,
  { input, options }: Call<unknown>,
): Promise<{ readonly receipt: string }> {
  const id = parseSubjectId(subjectId)
  const decision = parseDecision(deps.policy, input)
  const changed = await decide(deps, id, { event: 'give', decision, options })
  return {
    receipt: await sign(deps, id, { type: 'consent.given', changed, method: decision.method }),
  }
}

async function refuse(
  deps: ConsentDeps,
  subjectId: unknown,
  { input, options }: Call<unknown>,
): Promise<void> {
  const id = parseSubjectId(subjectId)
  await decide(deps, id, { event: 'refuse', decision: parseDecision(deps.policy, input), options })
}

interface DecideInput {
  readonly event: 'give' | 'refuse'
  readonly decision: DecisionInput
  readonly options: WriteOptions | undefined
}

function decide(
  { people, policy }: ConsentDeps,
  id: string,
  { event, decision, options }: DecideInput,
): Promise<Changed<Decided>> {
  const evidence = evidenceOf(people, id, decision)
  return people.change<Decided>({
    id,
    ...parseWriteOptions(options),
    request: { type: `consent.${event}`, ...decision } as unknown as JsonObject,
    reads: [evidence.book, ...(evidence.serving === undefined ? [] : [evidence.serving])],
    policy: policy.hash,
    apply: (draft, rows) => {
      const { notice, servedAt } = checkEvidence(people, { draft, decision, evidence }, rows)
      const decisions = decision.purposes.map((purpose) =>
        decideOne({ draft, policy, purpose, event, notice }),
      )
      const value: Decided = {
        at: draft.at,
        decisions,
        notice,
        ...(servedAt === undefined ? {} : { servedAt }),
      }
      const { method } = decision
      return {
        event: {
          type: event === 'give' ? 'consent.given' : 'consent.refused',
          decisions,
          notice,
          method: { ...method },
        },
        value,
      }
    },
  })
}

interface Deciding {
  readonly draft: Draft
  readonly policy: CompiledPolicy
  readonly purpose: string
  readonly event: ConsentEvent
  readonly notice: DecidedNotice
}

function decideOne({ draft, policy, purpose, event, notice }: Deciding): Decision {
  const { head, at } = draft
  const state = nextState(stateAt(head.consents[purpose], at), event)
  const validFor = event === 'give' ? policy.purposes.get(purpose)?.validFor : undefined
  const until = validFor === undefined ? {} : { validUntil: addDuration(at, validFor) }
  const { version: _, ...noticeFact } = notice
  const fact: ConsentFact = { state, at, ...until, policy: policy.hash, notice: noticeFact }
  const { [purpose]: __, ...objections } = head.objections
  draft.head = {
    ...head,
    consents: { ...head.consents, [purpose]: fact },
    // The person who objected may say yes again; nobody else lifts an objection.
    objections: event === 'give' ? objections : head.objections,
  }
  return { purpose, state, ...until }
}

async function withdraw(
  deps: ConsentDeps,
  subjectId: unknown,
  { input, options }: Call<unknown>,
): Promise<Withdrawal> {
  const id = parseSubjectId(subjectId)
  const purposes = parseWithdrawal(deps.policy, input)
  const changed = await deps.people.change<Decided>({
    id,
    ...parseWriteOptions(options),
    request: { type: 'consent.withdraw', purposes },
    apply: (draft) => {
      const decisions = purposes.map((purpose) =>
        withdrawOne(draft, purpose, requirePurpose(deps.policy, purpose)),
      )
      return { event: { type: 'consent.withdrawn', decisions }, value: { at: draft.at, decisions } }
    },
  })
  const outcomes = changed.value.decisions.map(({ purpose }) => {
    const { basis } = requirePurpose(deps.policy, purpose)
    return { purpose, effect: withdrawalEffect(basis), basis }
  })
  return { receipt: await sign(deps, id, { type: 'consent.withdrawn', changed }), outcomes }
}

function withdrawOne(draft: Draft, purpose: string, { basis }: Purpose): Decision {
  const { head, at } = draft
  const effect = withdrawalEffect(basis)
  if (effect === 'recorded') return { purpose, state: 'recorded' }
  if (effect === 'objected') {
    draft.head = { ...head, objections: { ...head.objections, [purpose]: at } }
    return { purpose, state: 'objected' }
  }
  const before = head.consents[purpose]
  const state = nextState(stateAt(before, at), 'withdraw')
  const notice = before?.notice === undefined ? {} : { notice: before.notice }
  const fact: ConsentFact = { state, at, policy: before?.policy ?? '', ...notice }
  draft.head = { ...head, consents: { ...head.consents, [purpose]: fact } }
  return { purpose, state }
}

interface Signing {
  readonly type: string
  readonly changed: Changed<Decided>
  readonly method?: DecisionInput['method']
}

function sign(
  { receipts, policy }: ConsentDeps,
  id: string,
  { type, changed, method }: Signing,
): Promise<string> {
  const { at, decisions, notice, servedAt } = changed.value
  return receipts.sign({
    type,
    subjectId: id,
    sequence: changed.sequence,
    receipt: changed.receipt,
    at: toInstant(at),
    purposes: decisions.map(({ purpose, state, validUntil }) => ({
      purpose,
      state,
      ...describePurpose(policy.purposes.get(purpose)),
      ...(validUntil === undefined ? {} : { validUntil: toInstant(validUntil) }),
    })),
    ...(notice === undefined ? {} : { notice: { ...notice } }),
    ...(method === undefined ? {} : { method: { ...method } }),
    ...(servedAt === undefined ? {} : { servedAt: toInstant(servedAt) }),
  })
}

function describePurpose(purpose: Purpose | undefined): JsonObject {
  if (purpose === undefined) return {}
  const { basis, description, dpv } = purpose
  return { basis, description, ...(dpv === undefined ? {} : { dpv }) }
}
