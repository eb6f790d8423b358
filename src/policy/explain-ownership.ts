import type { CompiledField, CompiledPolicy, CompiledRecord } from './compiled.ts'
import type { CollectionFinding, OwnershipFinding } from './findings.ts'
import { soundsLikeAnother } from './other-person.ts'
import type { Ownership, Reference, Sharing } from './ownership.ts'

type Said = Omit<OwnershipFinding, 'kind' | 'record'>

/** Something that was let be until somebody looks again. */
interface Reviewed {
  readonly reason?: string
  readonly reviewAt?: string
}

const SHARED: { readonly [V in Sharing['onErase']]: string } = {
  refcount: 'These records are about a group, and stay until its last member is erased.',
}
const OWNED: { readonly [V in Ownership['onErase']]: string } = {
  delete: 'These records are parts of others, and go with them.',
  detach: 'These records are parts of others, and stay when those go.',
}
const REFERRING: { readonly [V in Reference['onErase']]: string } = {
  detach: 'it is cleared',
  decorrelate: 'a random id takes its place',
  anonymise: 'it is made anonymous',
  delete: 'the record goes as well',
  retain: 'it stays as it is',
}
const REACHED =
  'A hook reaches this data when a person is erased, at the latest with the last that has to stay of them.'
const UNREACHED = 'No hook reaches this data when a person is erased.'
const OVERDUE = 'The day of review is over.'

/** Says of a record type whom it is about, and which of its fields sound as if they were about somebody else. */
export function explainOwnership(
  record: CompiledRecord,
  today: string | undefined,
): readonly OwnershipFinding[] {
  return [
    ...sharing(record),
    ...owning(record),
    ...others(record),
    ...record.fields.flatMap((field) => ofField(field, today)),
  ].map((said) => Object.freeze({ kind: 'ownership', record: record.name, ...said }))
}

/** Says of what is kept elsewhere who reaches it. */
export function explainCollections(
  collections: CompiledPolicy['collections'],
  today: string | undefined,
): readonly CollectionFinding[] {
  return [...(collections ?? [])].flatMap(([collection, { hook, waiver }]) => {
    const said: Omit<CollectionFinding, 'kind' | 'collection'>[] = [
      hook === undefined
        ? { level: 'info', what: 'waived', ...waiver, summary: UNREACHED }
        : { level: 'info', what: 'outside', hook, summary: REACHED },
    ]
    if (isOver(waiver, today))
      said.push({ level: 'warning', what: 'review_overdue', ...waiver, summary: OVERDUE })
    return said.map((it) => Object.freeze({ kind: 'collection', collection, ...it }))
  })
}

function sharing({ sharedWith }: CompiledRecord): readonly Said[] {
  if (sharedWith === undefined) return []
  const { onErase } = sharedWith
  return [{ level: 'info', what: 'shared', fields: [], onErase, summary: SHARED[onErase] }]
}

function owning({ ownedBy, fields }: CompiledRecord): readonly Said[] {
  const field = fields.find(({ id }) => id === ownedBy?.fieldId)
  if (ownedBy === undefined || field === undefined) return []
  const { record: owner, onErase } = ownedBy
  const about = { fields: [field.name], owner, onErase }
  const owned: Said = { level: 'info', what: 'owned', ...about, summary: OWNED[onErase] }
  // What is detached was meant to stand alone.
  if (onErase === 'detach' || !field.optional || field.waiver !== undefined) return [owned]
  const summary = 'A record without a value here has no owner that takes it along.'
  return [owned, { level: 'warning', what: 'orphan', ...about, summary }]
}

function others({ fields, ownedBy }: CompiledRecord): readonly Said[] {
  const names = fields
    .filter(
      ({ id, name, refs, waiver }) =>
        refs === undefined &&
        waiver === undefined &&
        id !== ownedBy?.fieldId &&
        soundsLikeAnother(name),
    )
    .map(({ name }) => name)
  if (names.length === 0) return []
  const summary =
    'These fields sound like another person, whose erasure does not reach them: declare refs or a waiver.'
  return [{ level: 'warning', what: 'other_person', fields: names, summary }]
}

function ofField(
  { name, refs, waiver }: CompiledField,
  today: string | undefined,
): readonly Said[] {
  const fields = [name]
  const said: Said[] = []
  if (refs !== undefined) {
    const what = refs.onErase === 'retain' ? 'retained' : 'reference'
    const summary = `When the person whom this field names is erased, ${REFERRING[refs.onErase]}.`
    said.push({ level: 'info', what, fields, ...refs, summary })
  }
  if (waiver !== undefined) {
    const summary = 'Somebody looked at whom this is about, and let it be.'
    said.push({ level: 'info', what: 'waived', fields, ...waiver, summary })
  }
  for (const reviewed of [refs, waiver].filter((it) => isOver(it, today)))
    said.push({ level: 'warning', what: 'review_overdue', fields, ...reviewed, summary: OVERDUE })
  return said
}

function isOver(reviewed: Reviewed | undefined, today: string | undefined): boolean {
  return reviewed?.reviewAt !== undefined && today !== undefined && reviewed.reviewAt < today
}
