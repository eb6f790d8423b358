import type { SubjectId } from '../base/id.ts'
import type { WriteOptions } from '../policy/accessor-types.ts'
import { openRegister } from '../notices/notice-book.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import type { Purpose } from '../policy/purposes.ts'
import type { Changed } from '../subjects/change-person.ts'
import type { Head } from '../subjects/head.ts'
import type { People } from '../subjects/people.ts'
import { parseSubjectId, parseWriteOptions } from '../subjects/write-options.ts'
import {
  type ConsentMethod,
  type DecisionInput,
  parseDecision,
  parseWithdrawal,
  requirePurpose,
  type WithdrawInput,
} from './consent-input.ts'
import type { BasisSources } from './basis-facts.ts'
import { type DataAfter, dataAfter } from './data-after.ts'
import { decide, withdraw } from './decide.ts'
import { type Decided, type DecisionType, toEvent } from './decision-event.ts'
import { createEndings, type Endings } from './ending.ts'
import { type HistoryEntry, readHistory } from './history.ts'
import { issueAll, issueBundle, issueReceipt } from './issue.ts'
import { type ConsentStatus, readStatus, type Standing, standingOf } from './read-status.ts'
import type { Receipts } from './receipt.ts'

/** Decisions of persons about purposes. Each is in the ledger, and takes effect in the commit that records it. */
export interface Consent<P extends string = string> {
  /**
   * Records a yes, one decision per purpose. A second yes renews. What it came to is in `outcomes`: a yes to a notice
   * that has changed materially since is on record, and permits nothing.
   *
   * @throws {@link invalid_input} when a purpose does not rest on consent, or the serving is unknown
   * @throws {@link invalid_transition} · @throws {@link not_found} · @throws {@link erased}
   */
  give(subjectId: SubjectId, input: DecisionInput<P>, options?: WriteOptions): Promise<Given>
  /** Records a no to a request. */
  refuse(subjectId: SubjectId, input: DecisionInput<P>, options?: WriteOptions): Promise<void>
  /**
   * Ends consent, always and without a reason, also when nothing was given, and of purposes that an earlier policy had.
   * For legitimate interests and direct marketing it is an objection; on other bases it is recorded and changes nothing
   * while the purpose rests on them, and the outcome says so.
   *
   * @throws {@link not_declared} when no policy of the store ever had such a purpose
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
  /**
   * A receipt of every decision of a person, refusals included, oldest first: signed again, with the proof
   * that it is in the log under the newest checkpoint.
   *
   * @throws {@link not_found} · @throws {@link erased} · @throws {@link store_corrupt} when one is missing
   */
  receipts(subjectId: SubjectId): AsyncIterable<string>
  /**
   * The same in one signed document, for `verifyReceiptBundle` of `privity/verify`.
   *
   * @throws {@link not_found} · @throws {@link erased} · @throws {@link store_corrupt} when one is missing
   */
  bundle(subjectId: SubjectId): Promise<string>
}

/** What a yes did. */
export interface Given {
  /** Signed statement for the person. */
  readonly receipt: string
  /** How each purpose stands now. */
  readonly outcomes: readonly Standing[]
}

/** What a withdrawal did. */
export interface Withdrawal {
  /** Signed statement for the person. */
  readonly receipt: string
  /** One for each purpose. */
  readonly outcomes: readonly WithdrawalOutcome[]
  /**
   * What of the data goes, and what stays, why and until when; `retention.sweep` erases it. Absent while the
   * withdrawal is `kept`.
   */
  readonly data?: DataAfter
}

/** What a withdrawal did to one purpose. */
export interface WithdrawalOutcome {
  /** Its name in the policy. */
  readonly purpose: string
  /**
   * `recorded` changes nothing while the purpose rests on this basis. `kept` takes effect once the ledger, which
   * its anchor contradicts, is open again; until then this instance reads nothing for any purpose.
   */
  readonly effect: 'withdrawn' | 'objected' | 'recorded' | 'kept'
  /** On which the purpose rests, and which decides the effect. */
  /** Of a purpose that the policy does not have, the one that it had. */
  readonly basis: Purpose['basis']
}

/** What consent needs. */
export interface ConsentDeps {
  readonly people: People
  readonly policy: CompiledPolicy
  readonly receipts: Receipts
  /** Number of a record type. */
  typeOf(record: string): number
}

interface Deps extends ConsentDeps {
  readonly endings: Endings
}

/** Decisions over the persons of a store, under the running policy. */
export function createConsent(given: ConsentDeps): Consent {
  const deps = { ...given, endings: createEndings(given.policy, given.people.deps.keyspace) }
  return {
    give: (subjectId, input, options) => give(deps, subjectId, { input, options }),
    refuse: (subjectId, input, options) => refuse(deps, subjectId, { input, options }),
    withdraw: (subjectId, input, options) => takeBack(deps, subjectId, { input, options }),
    status: (subjectId, purpose) => readStatus(deps, subjectId, purpose),
    history: (subjectId) => readHistory(deps.people, subjectId),
    receipts: (subjectId) => issueAll(deps, subjectId),
    bundle: (subjectId) => issueBundle(deps, subjectId),
  }
}

interface Call {
  readonly input: unknown
  readonly options: WriteOptions | undefined
}

async function give(
  deps: Deps,
  subjectId: unknown,
  { input, options: given }: Call,
): Promise<Given> {
  const id = parseSubjectId(subjectId)
  const decision = parseDecision(deps.policy, input)
  const options = parseWriteOptions(given)
  let after: HeadAndNotices | undefined
  const changed = await decide(deps, id, {
    event: 'give',
    decision,
    options,
    onHead: (head, register) => {
      after = { head, register }
    },
  })
  const { purposes, method } = decision
  const receipt = await issue(deps, changed, { id, type: 'consent.given', method })
  const sources = { ...(after ?? (await readHead(deps, id))), now: deps.people.now() }
  const asked = purposes.map((name) => requirePurpose(deps.policy, name))
  return { receipt, outcomes: asked.map((purpose) => standingOf(purpose, sources)) }
}

type HeadAndNotices = Pick<BasisSources, 'head' | 'register'>

/** Of an operation that had been applied before, how its purposes stand as they are now. */
async function readHead({ people }: Deps, id: string): Promise<HeadAndNotices> {
  const { person, rows } = await people.read(id, [people.deps.keyspace.noticeRegister])
  return { head: person.head, register: openRegister(people.deps, rows[0]) }
}

async function refuse(
  deps: Deps,
  subjectId: unknown,
  { input, options: given }: Call,
): Promise<void> {
  const id = parseSubjectId(subjectId)
  const decision = parseDecision(deps.policy, input)
  const options = parseWriteOptions(given)
  await decide(deps, id, { event: 'refuse', decision, options })
}

async function takeBack(
  deps: Deps,
  subjectId: unknown,
  { input, options: given }: Call,
): Promise<Withdrawal> {
  const id = parseSubjectId(subjectId)
  const { purposes, policy } = await parseWithdrawal(deps.policy, deps.people.deps, input)
  const options = parseWriteOptions(given)
  const known = { ...deps, policy }
  let head: Head | undefined
  const changed = await withdraw(known, id, {
    purposes,
    options,
    onHead: (after) => {
      head = after
    },
  })
  const outcomes = changed.value.decisions.map(({ purpose, state, basis }) => ({
    purpose,
    effect: state === 'objected' || state === 'recorded' ? state : ('withdrawn' as const),
    basis,
  }))
  const receipt = await issue(known, changed, { id, type: 'consent.withdrawn' })
  return { receipt, outcomes, data: await dataOf(known, { id, purposes, head }) }
}

interface Ended {
  readonly id: string
  readonly purposes: readonly string[]
  readonly head: Head | undefined
}

/** Of an operation that had been applied before, what becomes of the data as it is now. */
async function dataOf(
  { people, policy, typeOf }: Deps,
  { id, purposes, head }: Ended,
): Promise<DataAfter> {
  const after = head ?? (await people.read(id)).person.head
  return dataAfter({ policy, head: after, ended: purposes, now: people.now(), typeOf })
}

interface Issuing {
  readonly id: string
  readonly type: DecisionType
  readonly method?: ConsentMethod
}

function issue(
  deps: ConsentDeps,
  changed: Changed<Decided>,
  { id: subjectId, ...facts }: Issuing,
): Promise<string> {
  const event = toEvent(deps.policy, changed.value, facts)
  return issueReceipt(deps, { subjectId, at: changed.value.at, event }, changed)
}
