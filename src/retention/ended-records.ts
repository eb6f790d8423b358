import { isAbout, type Kept } from '../erasure/selection.ts'
import type { Person } from '../subjects/person.ts'
import { pageEntry } from '../vault/open-record.ts'
import type { RecordHeads } from '../vault/record-heads.ts'
import type { Target, Vault } from '../vault/vault.ts'
import { dueFields } from './due-records.ts'
import { retainedTargets } from './targets.ts'

/** A record of which fields have come to their end; some of them may have no value. */
export interface EndedRecord {
  readonly target: Target
  readonly recordId: string | undefined
  /** Of the first of its fields; milliseconds since the epoch. */
  readonly dueAt: number
  /** Ids of fields. */
  readonly erase: readonly string[]
  readonly anonymise: readonly string[]
  /** Something of it would go, and is under a hold. */
  readonly isKept: boolean
}

/** Somebody, as looked at, and what keeps what of them. */
export interface Looked {
  readonly person: Person
  readonly heads: RecordHeads
  readonly kept: readonly Kept[]
}

/** Records with fields that have come to their end by a moment, by the rules of the running policy. */
export function endedRecords(
  vault: Vault,
  { person, heads, kept }: Looked,
  now: number,
): readonly EndedRecord[] {
  return retainedTargets(vault).flatMap((target) => {
    const { record, type } = target
    const rules = record.retention
    if (rules === undefined) return []
    const prefix = record.many ? pageEntry(type, '') : String(type)
    const found = Object.entries(record.many ? heads.many : heads.singles).filter(([name]) =>
      record.many ? name.startsWith(prefix) : name === prefix,
    )
    return found.flatMap(([name, head]): readonly EndedRecord[] => {
      const recordId = record.many ? name.slice(prefix.length) : undefined
      const row = { person, at: now, record: { type, head } }
      const due = dueFields({ vault, row, rules }, now)
      if (due.length === 0) return []
      const place = { record: record.name, recordId }
      const free = due.map(({ id }) => id).filter((id) => !isHeld(kept, place, id))
      const isAnonymised = (id: string): boolean => rules.fields.get(id)?.anonymise !== undefined
      return [
        {
          target,
          recordId,
          dueAt: Math.min(...due.map(({ at }) => at)),
          erase: free.filter((id) => !isAnonymised(id)),
          anonymise: free.filter(isAnonymised),
          isKept: free.length < due.length,
        },
      ]
    })
  })
}

function isHeld(
  kept: readonly Kept[],
  place: { readonly record: string; readonly recordId: string | undefined },
  fieldId: string,
): boolean {
  return kept.some((it) => isAbout(it, place) && it.fieldIds?.includes(fieldId) !== false)
}
