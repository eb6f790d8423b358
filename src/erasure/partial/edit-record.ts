import { wakeAt } from '../../consent/ending.ts'
import type { Draft } from '../../subjects/draft.ts'
import { moveRecordDue } from '../../subjects/due.ts'
import type { RecordHead, SectionFact, TokenFact } from '../../subjects/head.ts'
import type { Rows } from '../../storage/participant.ts'
import type { Person } from '../../subjects/person.ts'
import { putHead } from '../../vault/draft-heads.ts'
import { endFields } from '../../vault/end-fields.ts'
import { leftAfter } from '../../vault/left.ts'
import { dropTokens } from '../../vault/record-tokens.ts'
import { sectionFact } from '../../vault/section-facts.ts'
import {
  encodeRecord,
  openSection,
  type Payload,
  type SealedRecord,
  sealSection,
} from '../../vault/sections.ts'
import type { Vault } from '../../vault/vault.ts'
import type { RecordWork } from './work.ts'

/** What becomes of one record in a draft. */
export interface RecordEdit {
  readonly sealed: SealedRecord
  /** Absent where nothing goes, and it is only sealed anew. */
  readonly work: RecordWork | undefined
  /** Classes whose section is sealed anew, under the key that is the newest then. */
  readonly reseals: ReadonlySet<number>
  /** What its head is to remember. */
  readonly left?: string | undefined
}

/** Where a record is edited. */
export interface Editing {
  readonly vault: Vault
  /** As it stands before: opens what the draft seals anew. */
  readonly person: Person
  readonly draft: Draft
  readonly rows: Rows
}

/** Takes fields out of a record and seals the rest anew; layout and other values stay as they are. */
export function editRecord(editing: Editing, edit: RecordEdit): void {
  const { vault, draft, rows } = editing
  const { sealed, work } = edit
  if (work?.removes === true) {
    removeRecord(editing, sealed)
    return
  }
  const sections: { [accessClass: string]: SectionFact } = { ...sealed.head.sections }
  const bytes = new Map<number, Uint8Array | undefined>()
  for (const accessClass of new Set([...edit.reseals, ...(work?.gone.keys() ?? [])])) {
    const [, layout] = sealed.head.sections[String(accessClass)] ?? []
    if (layout === undefined) continue
    const payload = restOf(editing, edit, accessClass)
    const under = { accessClass, revision: draft.sequence, layout }
    const place = { place: sealed.place, ...under }
    if (payload === undefined) delete sections[String(accessClass)]
    else sections[String(accessClass)] = sectionFact(vault.layouts, under, payload)
    bytes.set(
      accessClass,
      payload === undefined ? undefined : sealSection(draft.key(accessClass), place, payload),
    )
  }
  writeSections(editing, sealed, bytes)
  const head = {
    ...sealed.head,
    // Values that stay what they were are of the revision that they were of.
    ...(work === undefined ? {} : { revision: draft.sequence, ...dropLookups(editing, work) }),
    ...ownerLeft(edit),
    ...leftOver(editing, edit),
    sections,
  }
  const { place, head: before } = sealed
  const after = work === undefined ? head : endedHead(editing, work, head)
  putHead(draft, rows, { keyspace: vault.people.deps.keyspace, place, before, after })
}

/** What is still to go, once its ground has ended: the next sweep finds out when that is. */
function leftOver(
  { vault, draft }: Editing,
  { sealed, work, left }: RecordEdit,
): Pick<RecordHead, 'left'> {
  const { policy, layouts, people } = vault
  const { ownedBy } = policy.records.get(layouts.nameOfType(sealed.place.type)) ?? {}
  const changed = [...(work?.gone.values() ?? [])].flat()
  const rest = leftAfter(sealed.head, ownedBy, { kind: 'ended', changed })
  if (left === undefined) return rest
  wakeAt(draft, people.deps.keyspace, draft.at)
  return { left: [...(rest.left ?? []), left] }
}

/** Nobody, once the field that names the owner is gone. */
function ownerLeft({ sealed, work }: RecordEdit): Pick<RecordHead, 'owner'> {
  const [fieldId] = sealed.head.owner ?? []
  const isGone = [...(work?.gone.values() ?? [])].some((ids) => ids.includes(fieldId ?? ''))
  return isGone && fieldId !== undefined ? { owner: [fieldId, ''] } : {}
}

/** What is gone does not fall due any more. */
function endedHead({ vault, draft }: Editing, work: RecordWork, after: RecordHead): RecordHead {
  const { place, head: before } = work.sealed
  const gone = [...work.gone.values()].flat()
  return endFields(vault, draft, { place, record: work.name.record, before, after, gone })
}

/** Lookup rows of the fields that go, as the head of the record names them. */
export function lookupsOf({ lookups }: Vault, work: RecordWork): readonly TokenFact[] {
  const { tokens, claims = [] } = work.sealed.head
  const facts = [...tokens, ...claims]
  if (work.removes) return facts
  const ids = new Set([...[...work.gone.values()].flat(), ...work.unread.fieldIds])
  const numbers = lookups.numbersOf(work.name.record, ids)
  return facts.filter(([lookup]) => numbers.has(lookup))
}

/** Undefined when nothing is left. */
function restOf(
  { person }: Editing,
  { sealed, work }: RecordEdit,
  accessClass: number,
): Payload | undefined {
  const payload =
    work?.payloads.get(accessClass) ?? openSection(sealed, accessClass, person.key(accessClass))
  const gone = new Set(work?.gone.get(accessClass) ?? [])
  const rest = Object.entries(payload).filter(([id]) => !gone.has(id))
  return rest.length === 0 ? undefined : Object.fromEntries(rest)
}

function writeSections(
  { vault, person, draft }: Editing,
  { place, head, section }: SealedRecord,
  bytes: ReadonlyMap<number, Uint8Array | undefined>,
): void {
  const { type, recordId } = place
  if (recordId === undefined) {
    for (const [accessClass, sealed] of bytes) draft.setSection(accessClass, sealed)
    return
  }
  const sections = new Map<number, Uint8Array>()
  for (const number of Object.keys(head.sections).map(Number)) {
    const sealed = bytes.has(number) ? bytes.get(number) : section(number)
    if (sealed !== undefined) sections.set(number, sealed)
  }
  const { keyspace } = vault.people.deps
  draft.put(keyspace.record(person.id, type, recordId), encodeRecord(sections))
}

/** Tokens and claims that are left; a lookup that was made stays made, of nothing. */
function dropLookups(
  { vault, draft }: Editing,
  work: RecordWork,
): Pick<RecordHead, 'tokens' | 'claims'> {
  const { place, head } = work.sealed
  const gone = new Set(lookupsOf(vault, work))
  const drops = (facts: readonly TokenFact[]): readonly TokenFact[] =>
    facts.filter((fact) => gone.has(fact))
  const stays = (facts: readonly TokenFact[]): readonly TokenFact[] =>
    facts.filter((fact) => !gone.has(fact))
  const { tokens, claims = [] } = head
  dropTokens({ vault, draft, place }, { tokens: drops(tokens), claims: drops(claims) })
  return { tokens: stays(tokens), ...(head.claims === undefined ? {} : { claims: stays(claims) }) }
}

function removeRecord(editing: Editing, { place, head }: SealedRecord): void {
  const { vault, draft, rows } = editing
  const { type, recordId } = place
  const { keyspace } = vault.people.deps
  dropTokens({ vault, draft, place }, head)
  moveRecordDue(draft, keyspace, { place, before: head, after: undefined })
  if (recordId !== undefined) draft.del(keyspace.record(draft.id, type, recordId))
  else
    for (const accessClass of Object.keys(head.sections))
      draft.setSection(Number(accessClass), undefined)
  putHead(draft, rows, { keyspace, place, before: head, after: undefined })
}
