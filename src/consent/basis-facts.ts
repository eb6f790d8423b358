import type { NoticeRegister } from '../notices/notice-book.ts'
import type { LegalBasis } from '../policy/legal-basis.ts'
import type { Head } from '../subjects/head.ts'
import type { BasisFacts } from './status.ts'

/** Where the facts about one purpose are taken from. */
export interface BasisSources {
  readonly basis: LegalBasis
  /** Of the purpose, now. */
  readonly explicit: true | undefined
  readonly head: Head
  readonly register: NoticeRegister
  /** The clock's time, in milliseconds since the epoch. */
  readonly now: number
}

/** The facts that say whether a purpose has a live basis for a person. */
export function basisFacts(
  purpose: string,
  { basis, explicit, head, register, now }: BasisSources,
): BasisFacts {
  const consent = head.consents[purpose]
  const isWeaker = explicit === true && consent?.explicit !== true
  const material = consent?.notice === undefined ? 0 : (register.material[consent.notice.id] ?? 0)
  return {
    basis,
    consent,
    objected: head.objections[purpose] !== undefined,
    restricted: head.restrictedAt !== undefined,
    closed: head.closed !== undefined,
    stale: isWeaker || (consent?.notice?.ordinal ?? 0) < material,
    // A clock set back must not revive what has run out.
    at: Math.max(now, head.at),
  }
}
