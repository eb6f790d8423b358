import type { JsonValue } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { isId } from '../base/id.ts'
import type { CompiledRecord, OwnedBy, StoredFields } from '../policy/compiled.ts'
import type { Rows } from '../storage/participant.ts'
import type { Key } from '../storage/store.ts'
import type { Draft } from '../subjects/draft.ts'
import type { RecordHead } from '../subjects/head.ts'
import type { Layouts } from './layouts.ts'
import { pageEntry, pageOf } from './open-record.ts'
import { hasSection } from './section-facts.ts'
import type { Target, Vault } from './vault.ts'

/** What was seen of heads that do not say whose part their record is, by the names of their entries. */
export type SeenOwners = ReadonlyMap<string, { readonly revision: number; readonly owner: string }>

/** The page that says whether there is the owner that these values name. */
export function ownerReads(
  { people }: Vault,
  { record }: Pick<Target, 'record'>,
  { id, values }: { readonly id: string; readonly values: StoredFields },
): readonly Key[] {
  const owner = ownerNamed(record.ownedBy, values)
  return isId(owner) ? [people.deps.keyspace.page(id, pageOf(owner))] : []
}

/**
 * A record is a part of one that is there, and of the same person.
 *
 * @throws {@link not_found}
 */
export function requireOwner(
  { layouts }: Vault,
  { record }: Pick<Target, 'record'>,
  {
    draft,
    rows,
    values,
  }: { readonly draft: Draft; readonly rows: Rows; readonly values: StoredFields },
): void {
  const { ownedBy } = record
  const owner = ownerNamed(ownedBy, values)
  if (ownedBy === undefined || isNobody(owner)) return
  const entry = isId(owner) ? pageEntry(layouts.typeOf(ownedBy.record), owner) : ''
  const isThere = isId(owner) && Object.hasOwn(draft.page(pageOf(owner), rows).records, entry)
  if (!isThere) throw new PrivityError('not_found', { kind: 'record' })
}

/** What the head of a record says of its owner after a change; the field is looked at where it is open anyway. */
export function ownerAfter(
  { ownedBy }: Pick<CompiledRecord, 'ownedBy'>,
  head: RecordHead | undefined,
  look: (fieldId: string) => { readonly value: JsonValue | undefined } | undefined,
): Pick<RecordHead, 'owner'> {
  if (ownedBy === undefined) return {}
  const { fieldId } = ownedBy
  const seen = look(fieldId)
  if (seen !== undefined) return { owner: [fieldId, isId(seen.value) ? seen.value : ''] }
  if (head === undefined) return { owner: [fieldId, ''] }
  return head.owner?.[0] === fieldId ? { owner: head.owner } : {}
}

/** Whether the head says whose part its record is. */
export function saysOwner({ ownedBy }: Pick<CompiledRecord, 'ownedBy'>, head: RecordHead): boolean {
  return ownedBy === undefined || head.owner?.[0] === ownedBy.fieldId
}

/** The owner of a record: empty for nobody, undefined where the field has to be opened to tell. */
export function ownerIn(
  { layouts, seen }: { readonly layouts: Layouts; readonly seen: SeenOwners },
  ownedBy: OwnedBy,
  { entry, head }: { readonly entry: string; readonly head: RecordHead },
): string | undefined {
  const [fieldId, owner] = head.owner ?? []
  if (fieldId === ownedBy.fieldId) return owner
  if (!hasSection(head.sections, ownedBy.fieldId, layouts)) return ''
  const known = seen.get(entry)
  return known?.revision === head.revision ? known.owner : undefined
}

function ownerNamed(ownedBy: OwnedBy | undefined, values: StoredFields): JsonValue | undefined {
  if (ownedBy === undefined || !Object.hasOwn(values, ownedBy.fieldId)) return undefined
  return values[ownedBy.fieldId]
}

function isNobody(owner: JsonValue | undefined): owner is null | undefined {
  return owner === undefined || owner === null
}
