import { earliest } from '../base/earliest.ts'
import { type Keyspace, SINGLE } from '../storage/keyspace.ts'
import type { Key } from '../storage/store.ts'
import type { Draft } from './draft.ts'
import type { Head, RecordHead } from './head.ts'

/** Which record a row of the due index stands for. */
export interface DuePlace {
  readonly id: string
  /** Number of the record type. */
  readonly type: number
  /** Absent for the single record of a type. */
  readonly recordId: string | undefined
}

/** A date of a person, under a name that says what for. */
export interface NamedDate {
  readonly name: string
  /** Milliseconds since the epoch; undefined when there is none any more. */
  readonly at: number | undefined
}

const NOTHING = new Uint8Array(0)

/** Sets, moves or removes a date of a person; the row of the person stands at the earliest. */
export function setDue(draft: Draft, keyspace: Keyspace, { name, at }: NamedDate): void {
  const before = personDueRow(keyspace, draft.id, draft.head)
  const { [name]: _, ...others } = draft.head.dues ?? {}
  const dues = at === undefined ? others : { ...others, [name]: Math.max(0, at) }
  const { dues: __, ...head } = draft.head
  draft.head = Object.keys(dues).length === 0 ? head : { ...head, dues }
  moveRow(draft, before, personDueRow(keyspace, draft.id, draft.head))
}

/** Moves the row of a record to where its new head says. */
export function moveRecordDue(
  draft: Draft,
  keyspace: Keyspace,
  change: {
    readonly place: Omit<DuePlace, 'id'>
    readonly before: RecordHead | undefined
    readonly after: RecordHead | undefined
  },
): void {
  const place = { ...change.place, id: draft.id }
  moveRow(
    draft,
    recordDueRow(keyspace, place, change.before),
    recordDueRow(keyspace, place, change.after),
  )
}

/** The earliest date of a person; undefined when there is none. */
export function dueOfPerson({ dues }: Pick<Head, 'dues'>): number | undefined {
  return earliest(Object.values(dues ?? {}))
}

/** The row of a person in the due index; undefined when there is none. */
export function personDueRow(
  keyspace: Keyspace,
  id: string,
  head: Pick<Head, 'dues'>,
): Key | undefined {
  const due = dueOfPerson(head)
  return due === undefined ? undefined : keyspace.personDue(due, id)
}

/** The row of a record in the due index; undefined when there is none. */
function recordDueRow(
  keyspace: Keyspace,
  { id, type, recordId }: DuePlace,
  head: Pick<RecordHead, 'retention'> | undefined,
): Key | undefined {
  const due = head?.retention?.due
  return due === undefined
    ? undefined
    : keyspace.recordDue(due, { id, type, record: recordId ?? SINGLE })
}

function moveRow(draft: Draft, from: Key | undefined, to: Key | undefined): void {
  if (from === to) return
  if (from !== undefined) draft.del(from)
  if (to !== undefined) draft.put(to, NOTHING)
}
