import { byRecord } from '../erasure/by-record.ts'
import { hasField, type Kept } from '../erasure/selection.ts'
import type { Person } from '../subjects/person.ts'
import { headsOfType, type RecordHeads } from '../vault/record-heads.ts'
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
  const keptOf = byRecord(kept)
  return retainedTargets(vault).flatMap((target) => {
    const { record, type } = target
    const rules = record.retention
    if (rules === undefined) return []
    return headsOfType(heads, target).flatMap(([recordId, head]): readonly EndedRecord[] => {
      const row = { person, at: now, record: { type, head } }
      const due = dueFields({ vault, row, rules }, now)
      if (due.length === 0) return []
      const keepers = keptOf({ record: record.name, recordId })
      const free = due
        .map(({ id }) => id)
        .filter((fieldId) => !keepers.some((it) => hasField(it, fieldId)))
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
