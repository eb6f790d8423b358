import { addDuration } from '../base/time.ts'
import type { LegalBasis } from '../policy/legal-basis.ts'
import type { Purpose } from '../policy/purposes.ts'
import type { PurposeEnds } from '../policy/retention-rules.ts'
import type { ConsentFact, ConsentState, Head } from '../subjects/head.ts'
import { LIVE } from './status.ts'

/**
 * When a purpose stops needing the data of a person, in milliseconds since the epoch, its grace included.
 * `open`: no end is known. `unbegun`: it never rested on anything, so nothing of it can end.
 */
export type BasisEnd = number | 'open' | 'unbegun'

/** What says whether a purpose has ended for a person. */
export type EndFacts = Pick<Head, 'consents' | 'objections'>

type Purposes = ReadonlyMap<string, Purpose>

/** A purpose that no policy has any more can still have ended by a word of the person, or run out. */
const UNKNOWN = { basis: 'consent', description: '' } as const
const NO_GRACE = { days: 0 } as const
/** A no that stays one whatever basis is declared later; an unanswered question is none. */
const ENDED: { readonly [S in ConsentState]: boolean } = {
  requested: false,
  deferred: false,
  refused: true,
  given: false,
  renewed: false,
  expired: true,
  withdrawn: true,
  revoked: true,
  invalidated: true,
  unknown: false,
}

/** When a purpose ends for a person, as far as it is known now. Pure. */
export function purposeEnd(name: string, purpose: Purpose, facts: EndFacts): BasisEnd {
  const consent = ownOf(facts.consents, name)
  const { basis, erasureGrace = NO_GRACE } = purpose
  const objectedAt = ownOf(facts.objections, name)
  const ends = [
    ...(objectedAt === undefined ? [] : [objectedAt]),
    ...(consent === undefined ? [] : consentEnd(basis, consent)),
  ]
  if (ends.length > 0) return addDuration(Math.min(...ends), erasureGrace)
  if (basis !== 'consent') return 'open'
  return consent !== undefined && LIVE.has(consent.state) ? 'open' : 'unbegun'
}

/**
 * When the last of several purposes ends. What rests on nothing that ever began does not end: a purpose whose basis
 * was changed to consent must not erase what was collected under the one before. Pure.
 */
export function lastEnd(ends: readonly BasisEnd[]): BasisEnd {
  if (ends.includes('open')) return 'open'
  const known = ends.filter((end) => typeof end === 'number')
  return known.length === 0 ? 'unbegun' : Math.max(...known)
}

/** The same for a name, whether or not a policy has such a purpose. Pure. */
export function endOfName(name: string, purposes: Purposes, facts: EndFacts): BasisEnd {
  return purposeEnd(name, purposes.get(name) ?? UNKNOWN, facts)
}

/** When the purposes end that a person has decided on, as far as it is known now. Pure. */
export function decidedEnds(purposes: Purposes, facts: EndFacts): PurposeEnds {
  const decided = [...Object.keys(facts.consents), ...Object.keys(facts.objections)]
  const ends = new Map<string, number>()
  for (const name of decided) {
    const end = endOfName(name, purposes, facts)
    if (typeof end === 'number') ends.set(name, end)
  }
  return ends
}

/**
 * When the last of some purposes ends for a person. One that no policy has any more, and on which nothing was decided,
 * may be why the data is there: it does not end. Pure.
 */
export function endOfAll(names: readonly string[], purposes: Purposes, facts: EndFacts): BasisEnd {
  const ends = names.map((name) => {
    const end = endOfName(name, purposes, facts)
    return purposes.has(name) || end !== 'unbegun' ? end : 'open'
  })
  return lastEnd(ends)
}

/** A consent that ran out, or was taken back under another basis, ends its purpose only where that rests on consent. */
function consentEnd(
  basis: LegalBasis,
  { state, at, validUntil, recorded }: ConsentFact,
): readonly number[] {
  if (basis !== 'consent' && (state === 'expired' || recorded === true)) return []
  if (state === 'expired') return [validUntil ?? at]
  if (ENDED[state]) return [at]
  const runsOut = basis === 'consent' && LIVE.has(state) && validUntil !== undefined
  return runsOut ? [validUntil] : []
}

function ownOf<T>(facts: { readonly [purpose: string]: T }, name: string): T | undefined {
  return Object.hasOwn(facts, name) ? facts[name] : undefined
}
