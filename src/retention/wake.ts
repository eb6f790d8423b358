import { wakeAt } from '../consent/ending.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { CLOSED_DUE } from '../subjects/closing.ts'
import type { Draft } from '../subjects/draft.ts'
import { setDue } from '../subjects/due.ts'
import type { RecordHead } from '../subjects/head.ts'

/** Has the next sweep look at a person again: what kept something may keep it no longer. */
export function wake(draft: Draft, keyspace: Keyspace): void {
  if (draft.head.closed !== undefined) setDue(draft, keyspace, { name: CLOSED_DUE, at: draft.at })
  else wakeAt(draft, keyspace, draft.at)
}

/** The same where what happened to a record may have an end now, of which its own date says nothing. */
export function wakeEnded(
  draft: Draft,
  keyspace: Keyspace,
  record: Pick<RecordHead, 'left'> | undefined,
): void {
  const { closed, consents, objections } = draft.head
  const isDecided = Object.keys(consents).length + Object.keys(objections).length > 0
  if (closed !== undefined || isDecided || record?.left !== undefined) wake(draft, keyspace)
}
