import { equalBytes } from '../base/bytes.ts'
import { type DenialReason, isPrivityError, PrivityError } from '../base/errors.ts'
import { basisFacts } from '../consent/basis-facts.ts'
import { type BasisFacts, basisDenials } from '../consent/status.ts'
import { type NoticeRegister, openRegister } from '../notices/notice-book.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import type { Key } from '../storage/store.ts'
import type { Head } from '../subjects/head.ts'
import type { People } from '../subjects/people.ts'
import { type Actor, type ParsedAsk, parseMay } from './ask.ts'
import { type Decision, decide } from './decide.ts'

/** May this actor see this person at all? An error counts as no. */
export type Relationship = (ask: {
  readonly actor: Actor
  readonly subjectId: string
  readonly purpose: string
}) => boolean | Promise<boolean>

/** Gathers the facts of a decision, and decides. */
export interface Permit {
  /** Asking returns a value; acting throws. */
  may(ask: unknown): Promise<Decision>
  /** Asks the app, where it was told to. */
  related(ask: ParsedAsk, subjectId: string): boolean | Promise<boolean>
  /** Rows that a decision about any purpose needs beside the person document. */
  readonly reads: readonly Key[]
  /** The same for one purpose: only a consent can be stale. */
  readsFor(ask: ParsedAsk): readonly Key[]
  decide(ask: ParsedAsk, facts: PersonFacts): Decision
  /** Purposes of a field that have a live basis for this person now. */
  hasBasis(purposes: readonly string[], facts: Omit<PersonFacts, 'related'>): boolean
}

/** What is known about the person. */
export interface PersonFacts {
  readonly head: Head
  /** The register of notices as read with the person. */
  readonly notices: Uint8Array | undefined
  readonly related: boolean
}

/** What a permit needs. */
export interface PermitDeps {
  readonly people: People
  readonly policy: CompiledPolicy
  readonly relationship: Relationship | undefined
}

const NONE: readonly Key[] = []

/** Decisions under the running policy. */
export function createPermit(deps: PermitDeps): Permit {
  const { people, policy } = deps
  const registerOf = cachedRegister(people)
  const reads = [people.deps.keyspace.noticeRegister]
  function basisOf(
    purpose: string,
    { head, notices }: Omit<PersonFacts, 'related'>,
  ): BasisFacts | undefined {
    const basis = policy.purposes.get(purpose)?.basis
    if (basis === undefined) return undefined
    return basisFacts(purpose, {
      basis,
      head,
      register: registerOf(notices),
      now: people.now(),
    })
  }
  const permit: Permit = {
    reads,
    readsFor: ({ purpose }) => (purpose.basis === 'consent' ? reads : NONE),
    may: (ask) => may(deps, permit, ask),
    related: (ask, subjectId) => deps.relationship === undefined || related(deps, ask, subjectId),
    decide: (ask, facts) => {
      const basis = basisOf(ask.name, facts)
      if (basis === undefined) return denial('no_basis')
      const requiresTask = ask.purpose.requiresTask === true
      const hasTask = ask.task !== undefined
      return decide({
        ...basis,
        requiresTask,
        hasTask,
        hasRole: ask.hasRole,
        related: facts.related,
      })
    },
    hasBasis: (purposes, facts) =>
      purposes.some((purpose) => {
        const basis = basisOf(purpose, facts)
        return basis !== undefined && basisDenials(basis).length === 0
      }),
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
    const isRelated = await permit.related(parsed, parsed.subjectId)
    return permit.decide(parsed, { head: person.head, notices: rows[0], related: isRelated })
  } catch (error) {
    if (isPrivityError(error, 'erased')) return denial('erased')
    throw error
  }
}

async function related(
  { relationship }: PermitDeps,
  { actor, name }: ParsedAsk,
  subjectId: string,
): Promise<boolean> {
  if (relationship === undefined) return true
  try {
    return (await relationship({ actor, subjectId, purpose: name })) === true
  } catch {
    // The app could not tell: the answer is no, and what it threw may name the person.
    return false
  }
}

function denial(reason: DenialReason): Decision {
  return Object.freeze({ allowed: false, reasons: Object.freeze([reason]) })
}

/** The register is one small row that rarely changes: opened once for its exact bytes. */
function cachedRegister(people: People): (sealed: Uint8Array | undefined) => NoticeRegister {
  let known:
    | { readonly sealed: Uint8Array | undefined; readonly register: NoticeRegister }
    | undefined
  return (sealed) => {
    if (known !== undefined && sameBytes(known.sealed, sealed)) return known.register
    const register = openRegister(people.deps, sealed)
    known = { sealed: sealed?.slice(), register }
    return register
  }
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return equalBytes(a, b)
}
