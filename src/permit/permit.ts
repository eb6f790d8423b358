import { type DenialReason, isPrivityError, PrivityError } from '../base/errors.ts'
import { orAbort } from '../base/signal.ts'
import { basisFacts } from '../consent/basis-facts.ts'
import { type BasisFacts, basisDenials } from '../consent/status.ts'
import { NO_NOTICES, type NoticeRegister, openRegister } from '../notices/notice-book.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import type { Key } from '../storage/store.ts'
import { createWatchdog, type Watchdog } from '../storage/watchdog.ts'
import type { Head } from '../subjects/head.ts'
import type { People } from '../subjects/people.ts'
import { isGroup } from '../subjects/require-kind.ts'
import { type Actor, type ParsedAsk, parseMay } from './ask.ts'
import { type Concerned, concernedOf, idsOf, trailsOf } from './concerned.ts'
import { type Decision, type DecisionFacts, decide, decideForAll, denial } from './decide.ts'
import { sameRow } from '../storage/same-row.ts'

/**
 * May this actor see this person at all? An error counts as no; where nothing else stands against it, it also ends
 * a listing, so that nobody takes what could not be asked for what is not there. So does no answer within ten seconds,
 * which ends a listing at once, whatever else stands against it; the caller's `signal` ends the wait before.
 */
export type Relationship = (ask: {
  readonly actor: Actor
  readonly subjectId: string
  readonly purpose: string
}) => boolean | Promise<boolean>

/** Gathers the facts of a decision, and decides. */
export interface Permit {
  /** Asking returns a value; acting throws. */
  may(ask: unknown): Promise<Decision>
  /**
   * Asks the app, where it was told to, about each of them; undefined when it could not tell, and `silent` when it did
   * not answer: nobody waits for it again, then.
   */
  related(
    ask: ParsedAsk,
    subjectIds: readonly string[],
    signal?: AbortSignal,
  ): Related | Promise<Related>
  /** Rows that a decision about any purpose needs beside the person document. */
  readonly reads: readonly Key[]
  /** The same for one purpose: only a consent can be stale. */
  readsFor(ask: ParsedAsk): readonly Key[]
  decide(ask: ParsedAsk, facts: PersonFacts): Decision
  /** Whether one of the purposes of a field has a live basis now, for all whom it is about. */
  hasBasis(purposes: readonly string[], facts: Omit<PersonFacts, 'related'>): boolean
}

/** What is known about the person, or about all members of a group. */
export interface PersonFacts {
  readonly concerned: Concerned
  /** The register of notices as read with the person. */
  readonly notices: Uint8Array | undefined
  readonly related: Related
}

/** What the app says of actor and person. */
export type Related = DecisionFacts['related']

/** What a permit needs. */
export interface PermitDeps {
  readonly people: People
  readonly policy: CompiledPolicy
  readonly relationship: Relationship | undefined
}

const NONE: readonly Key[] = []

/** Decisions under the running policy. */
export function createPermit(deps: PermitDeps): Permit {
  const { people, policy, relationship } = deps
  const watch = createWatchdog()
  const registerOf = cachedRegister(people)
  const reads = [people.deps.keyspace.noticeRegister]
  function basisOf(purpose: string, head: Head, notices: Uint8Array | undefined): BasisFacts {
    const { basis = 'consent', explicit } = policy.purposes.get(purpose) ?? {}
    // Nobody consents in the name of a group: its members are asked.
    const asked = isGroup(head) && basis === 'consent' ? 'contract' : basis
    return basisFacts(purpose, {
      basis: asked,
      explicit,
      head,
      register: asked === 'consent' ? registerOf(notices) : NO_NOTICES,
      now: people.now(),
    })
  }
  const permit: Permit = {
    reads,
    readsFor: ({ purpose }) => (purpose.basis === 'consent' ? reads : NONE),
    may: (ask) => may(deps, permit, ask),
    related: (ask, subjectIds, signal) =>
      relationship === undefined || relatedToAll({ relationship, watch, ask, signal }, subjectIds),
    decide: (ask, { concerned, notices, related }) => {
      if (!policy.purposes.has(ask.name)) return denial('no_basis')
      const requiresTask = ask.purpose.requiresTask === true
      const hasTask = ask.task !== undefined
      const asked = { requiresTask, hasTask, hasRole: ask.hasRole, related }
      const decideOn = (head: Head): Decision =>
        decide({ ...basisOf(ask.name, head, notices), ...asked })
      return concerned.members === undefined
        ? decideOn(concerned.head)
        : decideForGroup(concerned, decideOn)
    },
    hasBasis: (purposes, { concerned, notices }) =>
      purposes.some(
        (purpose) =>
          policy.purposes.has(purpose) &&
          trailsOf(concerned).every(
            (head) => basisDenials(basisOf(purpose, head, notices)).length === 0,
          ),
      ),
  }
  return permit
}

/** A no as an error, with every reason; the first is the decisive one. */
export function notPermitted(
  purpose: string,
  reasons: readonly DenialReason[],
): PrivityError<'not_permitted'> {
  return new PrivityError('not_permitted', { purpose, reason: reasons[0] ?? 'no_basis', reasons })
}

async function may(
  { people, policy }: PermitDeps,
  permit: Permit,
  ask: unknown,
): Promise<Decision> {
  const parsed = parseMay(policy, ask)
  try {
    const { person, rows } = await people.read(parsed.subjectId, permit.readsFor(parsed))
    const concerned = await concernedOf(people, person)
    const isRelated = await permit.related(parsed, idsOf(person))
    return permit.decide(parsed, { concerned, notices: rows[0], related: isRelated })
  } catch (error) {
    if (isPrivityError(error, 'erased')) return denial('erased')
    throw error
  }
}

/** All members say yes, and the group is not closed: who is gone has the last word. */
function decideForGroup(
  { head, members = [] }: Concerned,
  decideOn: (head: Head) => Decision,
): Decision {
  const ofMembers = members.map((member) =>
    member === undefined ? denial('erased') : decideOn(member.head),
  )
  // Nobody is left to ask: what stays is what a law keeps, or is on its way out.
  if (members.length === 0 && head.closed === undefined) return denial('erased')
  return decideForAll([...ofMembers, decideOn(head)])
}

interface Asking {
  readonly relationship: Relationship
  readonly watch: Watchdog
  readonly ask: ParsedAsk
  readonly signal: AbortSignal | undefined
}

async function relatedToAll(asking: Asking, subjectIds: readonly string[]): Promise<Related> {
  let answer: Related = subjectIds.length > 0
  for (const subjectId of subjectIds) {
    const said = await relatedTo(asking, subjectId)
    // A no about one of them is an answer, whatever could not be told of the others.
    if (said === false || said === 'silent') return said
    if (said === undefined) answer = undefined
  }
  return answer
}

async function relatedTo(
  { relationship, watch, ask: { actor, name }, signal }: Asking,
  subjectId: string,
): Promise<Related> {
  try {
    const said = relationship({ actor, subjectId, purpose: name })
    // Most apps know at once: a watch over each answer would cost a list more than asking.
    if (typeof said === 'boolean') return said
    const answer = watch('store_unavailable', () => said)
    return (await (signal === undefined ? answer : orAbort(answer, signal))) === true
  } catch (error) {
    signal?.throwIfAborted()
    // The app could not tell: the answer is no, and what it threw may name the person.
    return isSilence(error) ? 'silent' : undefined
  }
}

function isSilence(error: unknown): boolean {
  return isPrivityError(error, 'store_unavailable') && error.details.reason === 'timeout'
}

/** The register is one small row that rarely changes: opened once for its exact bytes. */
function cachedRegister(people: People): (sealed: Uint8Array | undefined) => NoticeRegister {
  let known:
    | { readonly sealed: Uint8Array | undefined; readonly register: NoticeRegister }
    | undefined
  return (sealed) => {
    if (known !== undefined && sameRow(known.sealed, sealed)) return known.register
    const register = openRegister(people.deps, sealed)
    known = { sealed: sealed?.slice(), register }
    return register
  }
}
