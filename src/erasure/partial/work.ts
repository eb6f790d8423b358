import { parseClassKey } from '../../policy/access-class.ts'
import type { RecordHead } from '../../subjects/head.ts'
import type { Person } from '../../subjects/person.ts'
import { openSection, type Payload, type SealedRecord } from '../../vault/sections.ts'
import type { Vault } from '../../vault/vault.ts'
import type { FieldPlace, RecordName, Selection, Serves, Verdict } from '../selection.ts'

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
}

/** A field that was asked for and stays. */
export interface StayingField {
  readonly fieldId: string
  readonly verdict: Verdict & { readonly kind: 'stays' }
}

const NOBODY: Serves = { purposes: [] }

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
  const empty = { sealed, name, gone: new Map(), payloads: new Map(), stays: [] }
  if (!selection.concerns(name)) return undefined
  if (selection.takesWhole(name)) return { ...empty, removes: true }
  const payloads = openConcerned(vault, selection, { person, sealed, name })
  const gone = new Map<number, readonly string[]>()
  const stays: StayingField[] = []
  for (const [accessClass, payload] of payloads) {
    const sealedFor = sealedForOf(vault, accessClass)
    const ids: string[] = []
    for (const fieldId of Object.keys(payload)) {
      const place: FieldPlace = { ...name, fieldId, sealedFor }
      const verdict = selection.verdict(place)
      if (verdict.kind === 'goes') ids.push(fieldId)
      if (verdict.kind === 'stays') stays.push({ fieldId, verdict })
    }
    if (ids.length > 0) gone.set(accessClass, ids)
  }
  if (gone.size === 0 && stays.length === 0) return undefined
  return { ...empty, payloads, gone, stays, removes: isEmptied(sealed.head, { payloads, gone }) }
}

/** Classes of a record that lose something. */
export function touchedBy({ removes, gone, sealed }: RecordWork): readonly number[] {
  return removes ? Object.keys(sealed.head.sections).map(Number) : [...gone.keys()]
}

/** Whether it takes anything at all. */
export function isTaking({ removes, gone }: RecordWork): boolean {
  return removes || gone.size > 0
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

function openConcerned(
  vault: Vault,
  selection: Selection,
  { person, sealed, name }: Opening,
): ReadonlyMap<number, Payload> {
  const declared = selection.declared(name.record)
  const payloads = new Map<number, Payload>()
  for (const [number, [, layout]] of Object.entries(sealed.head.sections)) {
    const accessClass = Number(number)
    // A field that a layout does not know was carried along in any of its classes.
    const mayHold = (id: string): boolean =>
      (vault.layouts.classIn(layout, id) ?? accessClass) === accessClass
    const isConcerned =
      selection.takesUnknown(name, sealedForOf(vault, accessClass)) || [...declared].some(mayHold)
    if (isConcerned)
      payloads.set(accessClass, openSection(sealed, accessClass, person.key(accessClass)))
  }
  return payloads
}

function sealedForOf({ layouts }: Vault, accessClass: number): Serves {
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
