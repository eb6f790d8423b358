import type { CompiledPolicy } from '../policy/compiled.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Draft } from '../subjects/draft.ts'
import { setDue } from '../subjects/due.ts'
import type { Head } from '../subjects/head.ts'
import { endOfName } from './basis-end.ts'

/** Names the date at which it has to be looked at what of a person still rests on something. */
export const BASIS_DUE = 'basis'

/** Moves that date to where a decision about some purposes asks for it. */
export type Endings = (draft: Draft, purposes: readonly string[]) => void

/**
 * Dates under the running policy. A consent that is to run out is looked at on that day whatever else needs the data
 * now: by then another policy may have no other need. So is what has ended, where there is anything.
 */
export function createEndings(policy: CompiledPolicy, keyspace: Keyspace): Endings {
  return (draft, purposes) => {
    const { head } = draft
    const ends = purposes.flatMap((name) => {
      const end = endOfName(name, policy.purposes, head)
      return typeof end === 'number' && (isRunning(head, name) || hasRecords(head)) ? [end] : []
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
