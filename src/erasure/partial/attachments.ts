import type { Selection } from '../selection.ts'
import type { OwnEntry } from '../../subjects/own-entries.ts'

/** An attachment as the log of its person tells of it; its bytes are outside the store. */
export interface Attachment {
  readonly accessClass: number
  readonly record: string
  readonly recordId: string | undefined
  readonly fieldIds: readonly string[]
}

const SEALED = 'blob.sealed'

/** The attachment that an entry is about; undefined for any other. Pure. */
export function attachmentOf({ event }: Pick<OwnEntry, 'event'>): Attachment | undefined {
  if (event['type'] !== SEALED) return undefined
  const { record, recordId, fields } = event
  return {
    accessClass: Number(event['class']),
    record: String(record),
    recordId: typeof recordId === 'string' ? recordId : undefined,
    fieldIds: Array.isArray(fields) ? fields.map(String) : [],
  }
}

/**
 * Whether an attachment holds the key that it was sealed under: what is erased itself goes with the key, and what is
 * not would be lost with it. Pure.
 */
export function holdsKey(
  selection: Selection,
  { record, recordId, fieldIds }: Attachment,
): boolean {
  const name = { record, recordId }
  if (!selection.concerns(name)) return true
  if (selection.takesWhole(name)) return false
  const sealedFor = { purposes: [] }
  return !fieldIds.every(
    (fieldId) => selection.verdict({ ...name, fieldId, sealedFor }).kind === 'goes',
  )
}
