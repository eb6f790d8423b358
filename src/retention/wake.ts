import { wakeAt } from '../consent/ending.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { CLOSED_DUE } from '../subjects/closing.ts'
import type { Draft } from '../subjects/draft.ts'
import { setDue } from '../subjects/due.ts'

/** Has the next sweep look at a person again: what kept something may keep it no longer, or has an end now. */
export function wake(draft: Draft, keyspace: Keyspace): void {
  const { closed, consents, objections } = draft.head
  if (closed !== undefined) setDue(draft, keyspace, { name: CLOSED_DUE, at: draft.at })
  else if (Object.keys(consents).length + Object.keys(objections).length > 0)
    wakeAt(draft, keyspace, draft.at)
}
