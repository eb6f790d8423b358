import type { Keyspace } from '../storage/keyspace.ts'
import type { Rows } from '../storage/participant.ts'
import type { Draft } from '../subjects/draft.ts'
import type { RecordHead } from '../subjects/head.ts'
import { pageEntry, pageOf } from './open-record.ts'
import type { RecordPlace } from './sections.ts'

/** Which record of the person a head is of. */
type HeadPlace = Pick<RecordPlace, 'type' | 'recordId'>

/** The head of a record before and after it is changed; undefined where there is no record. */
export interface HeadChange {
  readonly keyspace: Keyspace
  readonly place: HeadPlace
  readonly before: RecordHead | undefined
  readonly after: RecordHead | undefined
}

/** The head of a record as the draft has it now; undefined when there is no such record. */
export function headIn(
  draft: Draft,
  rows: Rows,
  { type, recordId }: HeadPlace,
): RecordHead | undefined {
  if (recordId === undefined) return draft.head.singles[String(type)]
  return draft.page(pageOf(recordId), rows).records[pageEntry(type, recordId)]
}

/** Puts, replaces or removes the head of a record, and says whether the person has records of its type. */
export function putHead(draft: Draft, rows: Rows, change: HeadChange): void {
  const { keyspace, place, before, after } = change
  const { type, recordId } = place
  const added = Number(after !== undefined) - Number(before !== undefined)
  if (recordId === undefined) putSingle(draft, type, after)
  else putInPage(draft, rows, { type, recordId, head: after })
  if (added === 0) return
  // Of a single record there are no others.
  const others = recordId === undefined ? 0 : countOthers(draft, type, added)
  if (others > 0) return
  const holder = keyspace.holder(type, draft.id)
  if (added > 0) draft.put(holder, new Uint8Array(0))
  else draft.del(holder)
}

function putSingle(draft: Draft, type: number, head: RecordHead | undefined): void {
  const { [String(type)]: _, ...others } = draft.head.singles
  draft.head = {
    ...draft.head,
    singles: head === undefined ? others : { ...others, [type]: head },
  }
}

interface PageHead {
  readonly type: number
  readonly recordId: string
  readonly head: RecordHead | undefined
}

function putInPage(draft: Draft, rows: Rows, { type, recordId, head }: PageHead): void {
  const name = pageOf(recordId)
  const entry = pageEntry(type, recordId)
  const { [entry]: _, ...others } = draft.page(name, rows).records
  draft.setPage(name, { records: head === undefined ? others : { ...others, [entry]: head } })
}

/** Counts a record that comes or goes; returns how many others of its type there are. */
function countOthers(draft: Draft, type: number, added: number): number {
  const { many } = draft.head
  const before = many[String(type)] ?? Math.max(0, -added)
  draft.head = { ...draft.head, many: { ...many, [type]: before + added } }
  return Math.min(before, before + added)
}
