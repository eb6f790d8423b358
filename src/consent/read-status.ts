import type { DenialReason } from '../base/errors.ts'
import { type Instant, toInstant } from '../base/time.ts'
import { openRegister } from '../notices/notice-book.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import type { ConsentState } from '../subjects/head.ts'
import type { People } from '../subjects/people.ts'
import { requirePerson } from '../subjects/require-kind.ts'
import { basisFacts, type BasisSources } from './basis-facts.ts'
import { type NamedPurpose, requirePurpose } from './consent-input.ts'
import { basisDenials, stateAt } from './status.ts'

/** State of one purpose for one person. */
export interface ConsentStatus {
  /** The purpose that was asked about. */
  readonly purpose: string
  /** `unknown` when nobody was asked. */
  readonly state: ConsentState
  /** Whether the purpose has a live basis for this person now. */
  readonly permits: boolean
  /** When the person last decided; absent when nobody asked them. */
  readonly since?: Instant
  /** When the consent runs out; absent where it does not. */
  readonly validUntil?: Instant
}

/** How a purpose stands, and why it permits nothing. */
export interface Standing extends Pick<ConsentStatus, 'purpose' | 'state' | 'permits'> {
  /** As in `may`; empty where it permits. */
  readonly reasons: readonly DenialReason[]
}

/** Reads the state of one purpose as it is now. */
export async function readStatus(
  { people, policy }: { readonly people: People; readonly policy: CompiledPolicy },
  subjectId: string,
  purpose: unknown,
): Promise<ConsentStatus> {
  const asked = requirePurpose(policy, purpose)
  const { keyspace } = people.deps
  const { person, rows } = await people.read(subjectId, [keyspace.noticeRegister])
  const { head } = person
  requirePerson(head)
  const register = openRegister(people.deps, rows[0])
  const now = people.now()
  const { reasons: _, ...standing } = standingOf(asked, { head, register, now })
  const consent = head.consents[asked.name]
  const since = head.objections[asked.name] ?? consent?.at
  const validUntil = consent?.validUntil
  return {
    ...standing,
    ...(since === undefined ? {} : { since: toInstant(since) }),
    ...(validUntil === undefined ? {} : { validUntil: toInstant(validUntil) }),
  }
}

/** How a purpose stands for a person. Pure. */
export function standingOf(
  { name, basis, explicit }: NamedPurpose,
  sources: Omit<BasisSources, 'basis' | 'explicit'>,
): Standing {
  const facts = basisFacts(name, { basis, explicit, ...sources })
  const state = stateAt(facts.consent, facts.at)
  const reasons = basisDenials(facts)
  return {
    purpose: name,
    state: facts.objected ? 'withdrawn' : state === 'none' ? 'unknown' : state,
    permits: reasons.length === 0,
    reasons,
  }
}
