import type { Keyspace } from '../storage/keyspace.ts'
import type { Draft } from './draft.ts'
import { setDue } from './due.ts'
import type { Head } from './head.ts'

/** Names the date at which somebody falls due of whom some data had to stay. */
export const CLOSED_DUE = 'erasure'

/** How a person is closed: from then on the rest serves legal obligations only. */
export interface Closing {
  /** A word, as it was given. */
  readonly reason: string
  /** When the first of it may go; undefined while nobody can tell. Milliseconds since the epoch. */
  readonly until: number | undefined
}

/** Closes a person, or moves the date at which the rest is erased. */
export function closePerson(draft: Draft, keyspace: Keyspace, { reason, until }: Closing): void {
  const { closed = { at: draft.at, reason } } = draft.head
  draft.head = { ...draft.head, closed }
  setDue(draft, keyspace, { name: CLOSED_DUE, at: until })
}

/** Whether a person is closed, and the rest falls due then. */
export function isClosedUntil({ closed, dues }: Head, until: number | undefined): boolean {
  return closed !== undefined && dues?.[CLOSED_DUE] === until
}
