import type { RecordDefinition } from './define-record.ts'
import type { Faults } from './faults.ts'
import type { FieldDefinition, PurposeTable } from './field-definition.ts'
import type { LegalBasis } from './legal-basis.ts'
import type { Ownership } from './ownership.ts'
import { givesText } from './text-schema.ts'

type Entries = ReadonlyMap<string, { readonly definition: RecordDefinition }>

/** What one person alone can end: an objection or a withdrawal of one member would leave the others nothing. */
const ENDED_BY_ONE: ReadonlySet<LegalBasis> = new Set(['consent', 'legitimate_interests'])

/** Checks what the record types of a policy say of each other, and of whom they are about. */
export function checkOwnership(records: Entries, purposes: PurposeTable, faults: Faults): void {
  for (const [name, { definition }] of records) {
    const at = faults.at(name)
    if (definition.sharedWith !== undefined) checkShared(definition, purposes, at.at('fields'))
    if (definition.ownedBy !== undefined) checkOwned(records, name, at.at('options').at('ownedBy'))
  }
}

function checkShared({ fields }: RecordDefinition, purposes: PurposeTable, faults: Faults): void {
  for (const { name, purposes: named } of fields) {
    const lasts = named.some((purpose) => {
      const { basis, marketing } = purposes.get(purpose) ?? {}
      return basis === undefined || !(ENDED_BY_ONE.has(basis) || marketing === true)
    })
    if (!lasts) faults.at(name).at('purposes').add('needs_lasting_basis')
  }
}

function checkOwned(records: Entries, name: string, faults: Faults): void {
  const definition = records.get(name)?.definition
  const ownedBy = definition?.ownedBy
  if (definition === undefined || ownedBy === undefined) return
  const owner = records.get(ownedBy.record)?.definition
  if (owner?.many !== true)
    faults.at('record').add(owner === undefined ? 'not_declared' : 'not_many')
  if (!definition.many) faults.add('not_many')
  if (
    owner !== undefined &&
    (owner.sharedWith === undefined) !== (definition.sharedWith === undefined)
  )
    faults.at('record').add('other_subjects')
  const field = definition.fields.find((candidate) => candidate.name === ownedBy.field)
  faults.at('field').add(fieldFault(field, ownedBy))
  if (isInCycle(records, name)) faults.at('record').add('cycle')
}

function fieldFault(
  field: FieldDefinition | undefined,
  { onErase }: Ownership,
): string | undefined {
  if (field === undefined) return 'not_declared'
  if (!givesText(field.schema)) return 'needs_text'
  if (field.refs !== undefined) return 'names_a_person'
  return onErase === 'detach' && !field.presence.optional ? 'needs_optional' : undefined
}

function isInCycle(records: Entries, name: string): boolean {
  const seen = new Set<string>()
  let next = records.get(name)?.definition.ownedBy?.record
  while (next !== undefined && !seen.has(next)) {
    if (next === name) return true
    seen.add(next)
    next = records.get(next)?.definition.ownedBy?.record
  }
  return false
}
