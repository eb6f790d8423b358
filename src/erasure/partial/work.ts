import { parseClassKey } from '../../policy/access-class.ts'
import type { RecordHead } from '../../subjects/head.ts'
import type { Person } from '../../subjects/person.ts'
import { isUnreadable } from '../../subjects/unreadable.ts'
import { mayHold } from '../../vault/section-facts.ts'
import { openSection, type Payload, type SealedRecord } from '../../vault/sections.ts'
import type { Vault } from '../../vault/vault.ts'
import type { RecordName } from '../by-record.ts'
import type { FieldPlace, Made, Selection, Serves, Verdict } from '../selection.ts'

/** What an erasure takes of one record. */
export interface RecordWork {
  readonly sealed: SealedRecord
  readonly name: RecordName
  /** Nothing of it stays. */
  readonly removes: boolean
  /** Ids of the fields that go, by the class that they are sealed in; of a record that goes unseen, none. */
  readonly gone: ReadonlyMap<number, readonly string[]>
  /** What was opened for it. */
  readonly payloads: ReadonlyMap<number, Payload>
  /** What was asked for and stays. */
  readonly stays: readonly StayingField[]
  /** What may be in a section that nobody opens any more. */
  readonly unread: Unread
}

/** Of what was sealed under keys that are gone, only lookup rows are left to be erased. */
export interface Unread {
  readonly classes: readonly number[]
  /** Ids of fields that have lookup rows. */
  readonly fieldIds: readonly string[]
}

/** A field that was asked for and stays. */
export interface StayingField {
  readonly fieldId: string
  readonly verdict: Verdict & { readonly kind: 'stays' }
}

const NOBODY: Serves = { purposes: [] }
const NOTHING: Unread = { classes: [], fieldIds: [] }

/**
 * What a selection takes of a record; undefined when that is nothing and nothing stays for a reason. Opens the
 * classes that may hold something of it, and no others.
 *
 * @throws {@link key_unavailable} when such a class was not released to this process
 */
export function workOf(
  vault: Vault,
  selection: Selection,
  { person, sealed }: { readonly person: Pick<Person, 'key'>; readonly sealed: SealedRecord },
): RecordWork | undefined {
  const name = nameOf(vault, sealed)
  const none = { stays: [], unread: NOTHING }
  const empty = { sealed, name, gone: new Map(), payloads: new Map(), ...none }
  if (!selection.concerns(name)) return undefined
  if (selection.takesWhole(name, madeOf(sealed.head))) return { ...empty, removes: true }
  const opening = { person, sealed, name }
  const { payloads, closed } = openConcerned(vault, selection, opening)
  const gone = new Map<number, readonly string[]>()
  const stays: StayingField[] = []
  for (const [accessClass, payload] of payloads) {
    const sealedFor = sealedForOf(vault, accessClass)
    const ids: string[] = []
    for (const fieldId of Object.keys(payload)) {
      const place: FieldPlace = {
        ...name,
        fieldId,
        sealedFor,
        made: madeIn(sealed.head, accessClass),
      }
      const verdict = selection.verdict(place)
      if (verdict.kind === 'goes') ids.push(fieldId)
      if (verdict.kind === 'stays') stays.push({ fieldId, verdict })
    }
    if (ids.length > 0) gone.set(accessClass, ids)
  }
  const unread = unreadOf(vault, selection, { ...opening, closed })
  if (gone.size + stays.length + unread.classes.length === 0) return undefined
  const removes = isEmptied(sealed.head, { payloads, gone })
  return { ...empty, payloads, gone, stays, unread, removes }
}

/** Classes of a record that lose something. */
export function touchedBy({ removes, gone, sealed }: RecordWork): readonly number[] {
  return removes ? Object.keys(sealed.head.sections).map(Number) : [...gone.keys()]
}

/** Whether it takes anything at all. */
export function isTaking({ removes, gone, unread }: RecordWork): boolean {
  return removes || gone.size > 0 || unread.fieldIds.length > 0
}

/** A record by the name of its type; of a type that no policy has any more, too. */
function nameOf({ layouts }: Pick<Vault, 'layouts'>, { place }: SealedRecord): RecordName {
  return { record: layouts.nameOfType(place.type), recordId: place.recordId }
}

interface Opening {
  readonly person: Pick<Person, 'key'>
  readonly sealed: SealedRecord
  readonly name: RecordName
}

interface Opened {
  readonly payloads: ReadonlyMap<number, Payload>
  /** That do not open any more. */
  readonly closed: readonly number[]
}

function openConcerned(
  vault: Vault,
  selection: Selection,
  { person, sealed, name }: Opening,
): Opened {
  const declared = selection.declared(name.record, name.recordId)
  const payloads = new Map<number, Payload>()
  const closed: number[] = []
  for (const [number, fact] of Object.entries(sealed.head.sections)) {
    const accessClass = Number(number)
    const holds = (id: string): boolean => mayHold(vault.layouts, { accessClass, fact }, id)
    const isConcerned =
      selection.takesUnknown(name, sealedForOf(vault, accessClass)) || [...declared].some(holds)
    if (!isConcerned) continue
    const payload = tryOpen(selection, { person, sealed }, accessClass)
    if (payload === undefined) closed.push(accessClass)
    else payloads.set(accessClass, payload)
  }
  return { payloads, closed }
}

/** Undefined for what went with its key before, in a later copy of the store. */
function tryOpen(
  { isReplayed }: Selection,
  { person, sealed }: Pick<Opening, 'person' | 'sealed'>,
  accessClass: number,
): Payload | undefined {
  try {
    return openSection(sealed, accessClass, person.key(accessClass))
  } catch (error) {
    if (isReplayed !== true || !isUnreadable(error)) throw error
    return undefined
  }
}

function unreadOf(
  { lookups, layouts }: Vault,
  selection: Selection,
  { sealed, name, closed }: Opening & Pick<Opened, 'closed'>,
): Unread {
  if (closed.length === 0) return NOTHING
  const { sections, tokens, claims = [] } = sealed.head
  const made = new Set([...tokens, ...claims].map(([lookup]) => lookup))
  const fieldIds = [...selection.declared(name.record)].filter((fieldId) => {
    const isIn = closed.some((accessClass) => {
      const fact = sections[String(accessClass)]
      const place = { ...name, fieldId, sealedFor: NOBODY, made: madeIn(sealed.head, accessClass) }
      const isHere = fact !== undefined && mayHold(layouts, { accessClass, fact }, fieldId)
      return isHere && selection.verdict(place).kind === 'goes'
    })
    const numbers = lookups.numbersOf(name.record, new Set([fieldId]))
    return isIn && [...numbers].some((lookup) => made.has(lookup))
  })
  return { classes: closed, fieldIds }
}

function madeOf(head: RecordHead): readonly Made[] {
  return Object.keys(head.sections).map((number) => madeIn(head, Number(number)))
}

function madeIn({ sections, revision }: RecordHead, accessClass: number): Made {
  const [own = revision] = sections[String(accessClass)] ?? []
  return { accessClass, revision: own }
}

/** What the class serves that a section is sealed in. */
export function sealedForOf({ layouts }: Vault, accessClass: number): Serves {
  return parseClassKey(layouts.nameOfClass(accessClass)) ?? NOBODY
}

function isEmptied(
  { sections }: RecordHead,
  { payloads, gone }: Pick<RecordWork, 'payloads' | 'gone'>,
): boolean {
  return Object.keys(sections).every((number) => {
    const payload = payloads.get(Number(number))
    return (
      payload !== undefined &&
      Object.keys(payload).length === (gone.get(Number(number))?.length ?? 0)
    )
  })
}
