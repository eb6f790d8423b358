import type { Selection } from '../selection.ts'
import type { OwnEntry } from '../../subjects/own-entries.ts'

/** An attachment as the log of its person tells of it; its bytes are outside the store. */
export interface Attachment {
  readonly sequence: number
  readonly accessClass: number
  readonly record: string
  readonly recordId: string | undefined
  readonly fieldIds: readonly string[]
}

const SEALED = 'blob.sealed'

/** The attachment that an entry is about; undefined for any other. Pure. */
export function attachmentOf({
  sequence,
  event,
}: Pick<OwnEntry, 'sequence' | 'event'>): Attachment | undefined {
  if (event['type'] !== SEALED) return undefined
  const { record, recordId, fields } = event
  return {
    sequence,
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
  { record, recordId, fieldIds, accessClass, sequence }: Attachment,
): boolean {
  const name = { record, recordId }
  if (!selection.concerns(name)) return true
  const made = { accessClass, revision: sequence, isFixed: true } as const
  if (selection.takesWhole(name, [made])) return false
  const place = { ...name, sealedFor: { purposes: [] }, made }
  return !fieldIds.every((fieldId) => selection.verdict({ ...place, fieldId }).kind === 'goes')
}
