import { decidedEnds } from '../../consent/basis-end.ts'
import type { Person } from '../../subjects/person.ts'
import { pageEntry } from '../../vault/open-record.ts'
import type { RecordHeads } from '../../vault/record-heads.ts'
import { fieldDue, pendingFields } from '../../vault/record-retention.ts'
import type { Vault } from '../../vault/vault.ts'
import type { RecordName } from '../by-record.ts'

/** Whether a field of a record has come to its end, by the rules of the running policy; one that is anonymised has not. */
export function endedFields(
  { policy, layouts, people }: Vault,
  { head }: Person,
  { singles, many }: RecordHeads,
): (name: RecordName, fieldId: string) => boolean {
  const now = people.now()
  const purposeEnds = decidedEnds(policy.purposes, head)
  return ({ record, recordId }, fieldId) => {
    const rules = policy.records.get(record)?.retention
    if (rules === undefined || rules.fields.get(fieldId)?.anonymise !== undefined) return false
    const type = layouts.typeOf(record)
    const found = recordId === undefined ? singles[type] : many[pageEntry(type, recordId)]
    if (found === undefined || !pendingFields(rules, found, layouts).includes(fieldId)) return false
    const facts = found.retention ?? { events: {} }
    const at = fieldDue({ rules, facts, registeredAt: head.registeredAt, purposeEnds }, fieldId)
    return at !== undefined && at <= now
  }
}
