import { isPrivityError } from '../base/errors.ts'
import { isId } from '../base/id.ts'
import { SINGLE } from '../storage/keyspace.ts'
import { type ReadRows, readRows } from '../storage/read-rows.ts'
import { scanPages } from '../storage/scan-rows.ts'
import type { Key } from '../storage/store.ts'
import { dueOfPerson } from '../subjects/due.ts'
import { isGone } from '../subjects/gone.ts'
import type { RecordHead } from '../subjects/head.ts'
import type { People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import { pageEntry, pageOf } from '../vault/open-record.ts'
import { openHeads } from '../vault/record-heads.ts'

/** Something that falls due, and the person as read after it was met. */
export interface DueRow {
  readonly person: Person
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Absent for the person as a whole: the head says which of its dates it is. */
  readonly record?: DueRecordHead
}

/** Something that falls due of somebody who does not open. */
export interface UnopenedDue {
  readonly id: string
  readonly error: unknown
}

/** A record as its head says it is. */
export interface DueRecordHead {
  /** Number of the record type. */
  readonly type: number
  /** Absent for the single record of a type. */
  readonly recordId?: string
  readonly head: RecordHead
}

/** How far a walk goes. */
export interface WalkDueOptions {
  /** Up to and with this moment; milliseconds since the epoch. */
  readonly before: number
  readonly signal?: AbortSignal | undefined
}

interface DueKey {
  readonly at: number
  readonly id: string
  readonly type?: number
  readonly recordId?: string
}

const PAGE = 256
const ROW = /^([0-9a-f]{12})\/([0-9a-f]{32})(?:\/([0-9a-f]{4})\/([0-9a-f]{32}|-))?$/

/**
 * What falls due, the earliest first, some rows at a time: the cost is that of the rows, however many people there
 * are. Left out is what moved meanwhile, and whoever is being erased. What does not open hides none of the others.
 */
export async function* walkDue(
  people: People,
  { before, signal }: WalkDueOptions,
): AsyncGenerator<DueRow | UnopenedDue> {
  const { store, keyspace } = people.deps
  for await (const rows of scanPages(store, keyspace.dues, { page: PAGE, signal })) {
    const keys = rows.flatMap(([key]) => readKey(key.slice(keyspace.dues.length)) ?? [])
    const due = keys.filter(({ at }) => at <= before)
    yield* openRows(people, due)
    if (due.length < keys.length) return
  }
}

/** What cannot be read is nobody's: verification reports it. */
function readKey(name: string): DueKey | undefined {
  const [, at, id, type, record] = ROW.exec(name) ?? []
  if (at === undefined || !isId(id)) return undefined
  return {
    at: Number.parseInt(at, 16),
    id,
    ...(type === undefined ? {} : { type: Number.parseInt(type, 16) }),
    ...(record === undefined || record === SINGLE ? {} : { recordId: record }),
  }
}

async function* openRows(
  people: People,
  due: readonly DueKey[],
): AsyncGenerator<DueRow | UnopenedDue> {
  if (due.length === 0) return
  const { store, keyspace } = people.deps
  const wanted = new Set(due.flatMap((row) => [keyspace.person(row.id), ...pagesOf(people, row)]))
  const rows = await readRows(store, [...wanted])
  const opened = new Map<string, Person | UnopenedDue | undefined>()
  for (const row of due) {
    const { id } = row
    // One sweep may be about many records of a person.
    if (!opened.has(id)) opened.set(id, await openLiving(people, id, rows.get(keyspace.person(id))))
    const person = opened.get(id)
    const found = isOpen(person) ? tryRow(people, { person, row, rows }) : person
    if (found !== undefined) yield found
  }
}

function pagesOf({ deps }: People, { id, recordId }: DueKey): readonly Key[] {
  return recordId === undefined ? [] : [deps.keyspace.page(id, pageOf(recordId))]
}

async function openLiving(
  { openStored }: People,
  id: string,
  document: Uint8Array | undefined,
): Promise<Person | UnopenedDue | undefined> {
  try {
    return await openStored(id, document)
  } catch (error) {
    // Gone since the row was read, or on the way out.
    if (isGone(error)) return undefined
    return unopened(id, error)
  }
}

function isOpen(person: Person | UnopenedDue | undefined): person is Person {
  return person !== undefined && !('error' in person)
}

function unopened(id: string, error: unknown): UnopenedDue {
  if (!isPrivityError(error)) throw error
  return { id, error }
}

interface Found {
  readonly person: Person
  readonly row: DueKey
  readonly rows: ReadRows
}

/** The page that the head of a record is in may not open where the document does. */
function tryRow(people: People, found: Found): DueRow | UnopenedDue | undefined {
  try {
    return findRow(people, found)
  } catch (error) {
    return unopened(found.person.id, error)
  }
}

/** Only what the head says of it counts: a row may have moved since. */
function findRow(people: People, { person, row, rows }: Found): DueRow | undefined {
  const { at, type, recordId } = row
  if (type === undefined) return dueOfPerson(person.head) === at ? { person, at } : undefined
  const head =
    recordId === undefined
      ? person.head.singles[String(type)]
      : openHeads(people, { person, pages: [pageOf(recordId)] }, rows).many[
          pageEntry(type, recordId)
        ]
  if (head?.retention?.due !== at) return undefined
  const record = { type, head, ...(recordId === undefined ? {} : { recordId }) }
  return { person, at, record }
}
