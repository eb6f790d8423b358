import type { Keyspace } from '../storage/keyspace.ts'
import type { Rows } from '../storage/participant.ts'
import type { Draft } from '../subjects/draft.ts'
import { moveRecordDue } from '../subjects/due.ts'
import type { RecordHead } from '../subjects/head.ts'
import { pageEntry, pageOf } from '../vault/open-record.ts'

/** A record in the draft of its person. */
export interface DraftedRecord {
  readonly draft: Draft
  readonly rows: Rows
  readonly type: number
  /** Absent for the single record of a type. */
  readonly recordId: string | undefined
}

/** A record as the draft has it now. */
export function draftedHead({
  draft,
  rows,
  type,
  recordId,
}: DraftedRecord): RecordHead | undefined {
  if (recordId === undefined) return draft.head.singles[String(type)]
  return draft.page(pageOf(recordId), rows).records[pageEntry(type, recordId)]
}

/** Moves the date of a record in the due index, or takes it away; the record stays as it is. */
export function putOff(record: DraftedRecord, keyspace: Keyspace, at: number | undefined): void {
  const before = draftedHead(record)
  if (before?.retention === undefined) return
  const { draft, rows, type, recordId } = record
  const { due: _, ...facts } = before.retention
  const after = { ...before, retention: at === undefined ? facts : { ...facts, due: at } }
  moveRecordDue(draft, keyspace, { place: { type, recordId }, before, after })
  if (recordId === undefined) {
    draft.head = { ...draft.head, singles: { ...draft.head.singles, [type]: after } }
    return
  }
  const { records } = draft.page(pageOf(recordId), rows)
  draft.setPage(pageOf(recordId), {
    records: { ...records, [pageEntry(type, recordId)]: after },
  })
}
