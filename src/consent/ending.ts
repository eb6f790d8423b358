import type { CompiledPolicy } from '../policy/compiled.ts'
import { LEGAL_BASES } from '../policy/legal-basis.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Draft } from '../subjects/draft.ts'
import { setDue } from '../subjects/due.ts'
import type { Head } from '../subjects/head.ts'
import { purposeEnd } from './basis-end.ts'

/** Names the date at which it has to be looked at what of a person still rests on something. */
export const BASIS_DUE = 'basis'

/** Moves that date to where a decision about some purposes asks for it. */
export type Endings = (draft: Draft, purposes: readonly string[]) => void

/**
 * Dates under the running policy. What has ended is looked at in any case, for another policy may have needed the
 * data; a consent that is to run out only where nothing else sees all that it does.
 */
export function createEndings(policy: CompiledPolicy, keyspace: Keyspace): Endings {
  const ending = endingPurposes(policy)
  return (draft, purposes) => {
    const ends = purposes.flatMap((name) => {
      const purpose = policy.purposes.get(name)
      if (purpose === undefined) return []
      const end = purposeEnd(name, purpose, draft.head)
      const counts = isRunning(draft.head, name) ? ending.has(name) : hasRecords(draft.head)
      return typeof end === 'number' && counts ? [end] : []
    })
    if (ends.length > 0) wakeAt(draft, keyspace, Math.min(...ends))
  }
}

/** Has it looked at then, or before if that was to be anyway. */
export function wakeAt(draft: Draft, keyspace: Keyspace, at: number): void {
  const known = draft.head.dues?.[BASIS_DUE] ?? at
  setDue(draft, keyspace, { name: BASIS_DUE, at: Math.min(known, at) })
}

function isRunning({ consents, objections }: Head, name: string): boolean {
  const state = Object.hasOwn(consents, name) ? consents[name]?.state : undefined
  return (state === 'given' || state === 'renewed') && !Object.hasOwn(objections, name)
}

/** What is stored later rests on another purpose, or on a consent that is given until then. */
function hasRecords({ singles, many }: Head): boolean {
  return Object.keys(singles).length > 0 || Object.values(many).some((count) => count > 0)
}

/** Purposes that see a field of which each purpose can end by a word of the person, or by time. */
function endingPurposes({ purposes, records }: CompiledPolicy): ReadonlySet<string> {
  const canEnd = (name: string): boolean => {
    const basis = purposes.get(name)?.basis
    return basis !== undefined && LEGAL_BASES[basis].withdrawal !== 'recorded'
  }
  const fields = [...records.values()].flatMap((record) => record.fields)
  return new Set(
    fields.filter((field) => field.purposes.every(canEnd)).flatMap((field) => field.purposes),
  )
}
