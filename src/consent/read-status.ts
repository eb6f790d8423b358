import { type Instant, toInstant } from '../base/time.ts'
import { openRegister } from '../notices/notice-book.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import type { ConsentState } from '../subjects/head.ts'
import type { People } from '../subjects/people.ts'
import { requirePerson } from '../subjects/require-kind.ts'
import { basisFacts } from './basis-facts.ts'
import { requirePurpose } from './consent-input.ts'
import { basisDenials, stateAt } from './status.ts'

/** State of one purpose for one person. */
export interface ConsentStatus {
  readonly purpose: string
  /** `unknown` when nobody was asked. */
  readonly state: ConsentState
  /** Whether the purpose has a live basis for this person now. */
  readonly permits: boolean
  readonly since?: Instant
  readonly validUntil?: Instant
}

/** Reads the state of one purpose as it is now. */
export async function readStatus(
  { people, policy }: { readonly people: People; readonly policy: CompiledPolicy },
  subjectId: string,
  purpose: unknown,
): Promise<ConsentStatus> {
  const { name, basis } = requirePurpose(policy, purpose)
  const { keyspace } = people.deps
  const { person, rows } = await people.read(subjectId, [keyspace.noticeRegister])
  const { head } = person
  requirePerson(head)
  const register = openRegister(people.deps, rows[0])
  const facts = basisFacts(name, { basis, head, register, now: people.now() })
  const objectedAt = head.objections[name]
  const since = objectedAt ?? facts.consent?.at
  const validUntil = facts.consent?.validUntil
  const state = stateAt(facts.consent, facts.at)
  return {
    purpose: name,
    state: facts.objected ? 'withdrawn' : state === 'none' ? 'unknown' : state,
    permits: basisDenials(facts).length === 0,
    ...(since === undefined ? {} : { since: toInstant(since) }),
    ...(validUntil === undefined ? {} : { validUntil: toInstant(validUntil) }),
  }
}
