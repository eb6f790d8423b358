import type { Faults } from './faults.ts'
import type { PurposeTable } from './field-definition.ts'
import type { LegalBasis } from './legal-basis.ts'
import type { RecordEntry } from './policy-content.ts'

type Entries = ReadonlyMap<string, RecordEntry>

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

function checkShared(
  { fields }: RecordEntry['definition'],
  purposes: PurposeTable,
  faults: Faults,
): void {
  for (const { name, purposes: named } of fields) {
    const bases = named.map((purpose) => purposes.get(purpose)?.basis)
    const lasts = bases.some((basis) => basis === undefined || !ENDED_BY_ONE.has(basis))
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
  if (field === undefined) faults.at('field').add('not_declared')
  else if (ownedBy.onErase === 'detach' && !field.presence.optional)
    faults.at('field').add('needs_optional')
  if (isInCycle(records, name)) faults.at('record').add('cycle')
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
