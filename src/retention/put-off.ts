import type { Keyspace } from '../storage/keyspace.ts'
import type { Rows } from '../storage/participant.ts'
import type { Draft } from '../subjects/draft.ts'
import { moveRecordDue } from '../subjects/due.ts'
import { headIn, putHead } from '../vault/draft-heads.ts'

/** A record in the draft of its person. */
export interface DraftedRecord {
  readonly draft: Draft
  readonly rows: Rows
  readonly type: number
  /** Absent for the single record of a type. */
  readonly recordId: string | undefined
}

/** Moves the date of a record in the due index, or takes it away; the record stays as it is. */
export function putOff(record: DraftedRecord, keyspace: Keyspace, at: number | undefined): void {
  const { draft, rows, ...place } = record
  const before = headIn(draft, rows, place)
  if (before?.retention === undefined) return
  const { due: _, ...facts } = before.retention
  const after = { ...before, retention: at === undefined ? facts : { ...facts, due: at } }
  moveRecordDue(draft, keyspace, { place, before, after })
  putHead(draft, rows, { keyspace, place, before, after })
}
