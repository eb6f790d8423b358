import { ORPHAN, type RecordHead } from '../../subjects/head.ts'
import { pageEntry } from '../../vault/open-record.ts'
import { openOwners } from '../../vault/open-owners.ts'
import { ownerIn } from '../../vault/owner.ts'
import { everyPartTarget, type PartTarget } from '../../vault/parts.ts'
import { headsOfType, type RecordHeads } from '../../vault/record-heads.ts'
import type { Vault } from '../../vault/vault.ts'
import type { RecordName } from '../by-record.ts'
import type { FieldPlace, OwnerEnd, Selection } from '../selection.ts'
import { type RecordWork, sealedForOf } from './work.ts'

/** What was seen of the records of a person, by their entries: it holds for what was not written since. */
export interface SeenRecords {
  readonly owners: Map<string, { readonly revision: number; readonly owner: string }>
  /** Fields of records, as far as they were opened. */
  readonly fields: Map<string, SeenFields>
}

interface SeenFields {
  readonly revision: number
  /** All of the record was opened. */
  readonly isWhole: boolean
  readonly places: readonly FieldPlace[]
}

/** What becomes of records because of what becomes of their owners. */
export interface Owned {
  /** Undefined: the owner stays, or there is none. */
  endOf(name: RecordName): OwnerEnd | undefined
  /** Whether a record may go of which others of this type are parts. */
  isAnyGoing(record: string): boolean
  /** Whether something has to be left of which one of these records is the owner. */
  leaves(removed: readonly RecordName[], chosen: ReadonlySet<string>): boolean
  /** Whether something was asked that what was seen does not answer any more. */
  readonly isUnsure: boolean
}

/** What a selection asks of owners, and they of it. */
export interface OwnedDeps {
  readonly vault: Vault
  readonly heads: RecordHeads
  readonly seen: SeenRecords
  /** Parts that stayed though their owners went, by their entries. */
  readonly orphans: readonly string[] | undefined
  selection(): Selection
}

interface State extends Omit<OwnedDeps, 'orphans'> {
  readonly orphans: ReadonlySet<string>
  readonly targets: ReadonlyMap<string, PartTarget>
  /** Records that go as a whole, by their entries. */
  readonly going: Map<string, boolean>
  /** Whether one of a type does, by its name: asked for with every field of every part. */
  readonly anyGoing: Map<string, boolean>
  isUnsure: boolean
}

/** Nothing of a person was seen. */
export function nothingSeen(): SeenRecords {
  return { owners: new Map(), fields: new Map() }
}

/** Which parts of a person's records go, or are let go, with their owners. */
export function ownedRecords(deps: OwnedDeps): Owned {
  const targets = new Map(everyPartTarget(deps.vault).map((it) => [it.record.name, it]))
  const orphans = new Set(deps.orphans)
  const [going, anyGoing] = [new Map<string, boolean>(), new Map<string, boolean>()]
  const state: State = { ...deps, orphans, targets, going, anyGoing, isUnsure: false }
  return {
    endOf: (name) => endOf(state, name),
    isAnyGoing: (record) => isAnyGoing(state, record),
    leaves: (removed, chosen) => leaves(state, removed, chosen),
    get isUnsure() {
      return state.isUnsure
    },
  }
}

/** How many owners stand above a record of each type, by its number; undefined when no type has any. */
export function ownerLevels({
  policy,
  layouts,
}: Pick<Vault, 'policy' | 'layouts'>): ((type: number) => number) | undefined {
  const levels = new Map<number, number>()
  for (const { name, ownedBy } of policy.records.values()) {
    let level = 0
    for (let next = ownedBy; next !== undefined; next = policy.records.get(next.record)?.ownedBy)
      level += 1
    if (level > 0) levels.set(layouts.typeOf(name), level)
  }
  return levels.size === 0 ? undefined : (type) => levels.get(type) ?? 0
}

/** Opens whose parts records are that do not say so, of types of which an owner may go. */
export async function seeOwners(
  vault: Vault,
  {
    id,
    heads,
    seen,
  }: { readonly id: string; readonly heads: RecordHeads; readonly seen: SeenRecords },
  { owned, types }: { readonly owned: Owned; readonly types: ReadonlySet<number> },
): Promise<void> {
  const targets = everyPartTarget(vault).filter(
    ({ type, ownedBy }) => types.has(type) && owned.isAnyGoing(ownedBy.record),
  )
  const opened = await openOwners(vault, { id, heads, targets })
  for (const [entry, owner] of opened) seen.owners.set(entry, owner)
}

/** A record that was looked at; without work when nothing of it goes, or stays for a reason. */
export interface SeenWork {
  readonly type: number
  readonly recordId: string | undefined
  readonly head: RecordHead
  readonly work: RecordWork | undefined
}

/** Remembers which fields a record has, as far as it was opened. */
export function seeFields(
  vault: Vault,
  { fields }: SeenRecords,
  { type, recordId, head, work }: SeenWork,
): void {
  if (recordId === undefined) return
  const entry = pageEntry(type, recordId)
  const opened = [...(work?.payloads ?? [])]
  const isWhole = opened.length === Object.keys(head.sections).length
  const record = vault.layouts.nameOfType(type)
  const places = opened.flatMap(([accessClass, payload]) => {
    const sealedFor = sealedForOf(vault, accessClass)
    return Object.keys(payload).map((fieldId) => ({ record, recordId, fieldId, sealedFor }))
  })
  fields.set(entry, { revision: head.revision, isWhole, places })
}

function endOf(state: State, { record, recordId }: RecordName): OwnerEnd | undefined {
  const target = state.targets.get(record)
  if (target === undefined || recordId === undefined) return undefined
  const { type, ownedBy } = target
  const entry = pageEntry(type, recordId)
  const head = state.heads.many[entry]
  if (head === undefined) return undefined
  const place = { entry, head }
  if (!isOrphan(state, target, place) && !isOwnerGoing(state, target, place)) return undefined
  return ownedBy.onErase === 'delete'
    ? { kind: 'delete' }
    : { kind: 'detach', fieldId: ownedBy.fieldId }
}

/** Its owner went, and it was not made a part of anything else since. */
function isOrphan(
  { vault, heads, orphans, seen }: State,
  target: PartTarget,
  place: Entry,
): boolean {
  if (!orphans.has(place.entry)) return false
  const { layouts } = vault
  const { ownedBy } = target
  const owner = ownerIn({ layouts, seen: seen.owners }, ownedBy, place)
  if (owner === undefined) return true
  // Who named the owner does so no more, and it was not the app who said so.
  if (owner === '') return place.head.left?.includes(ORPHAN) === true
  return heads.many[pageEntry(layouts.typeOf(ownedBy.record), owner)] === undefined
}

function isOwnerGoing(state: State, target: PartTarget, place: Entry): boolean {
  const { record } = target.ownedBy
  if (!isAnyGoing(state, record)) return false
  const owner = ownerOf(state, target, place)
  return owner !== undefined && owner !== '' && isGoing(state, { record, recordId: owner })
}

interface Entry {
  readonly entry: string
  readonly head: RecordHead
}

function ownerOf(state: State, { ownedBy }: PartTarget, place: Entry): string | undefined {
  const { layouts } = state.vault
  const owner = ownerIn({ layouts, seen: state.seen.owners }, ownedBy, place)
  if (owner === undefined) state.isUnsure = true
  return owner
}

function isAnyGoing(state: State, record: string): boolean {
  const known = state.anyGoing.get(record) ?? findGoing(state, record)
  state.anyGoing.set(record, known)
  return known
}

function findGoing(state: State, record: string): boolean {
  const { layouts, policy } = state.vault
  const owner = policy.records.get(record)
  if (owner === undefined) return false
  return headsOfType(state.heads, { record: owner, type: layouts.typeOf(record) }).some(
    ([recordId = '']) => isGoing(state, { record, recordId }),
  )
}

/** Whether a record goes as a whole: by the rule, with its own owner, or because all that it holds goes. */
function isGoing(state: State, name: RecordName & { readonly recordId: string }): boolean {
  const entry = pageEntry(state.vault.layouts.typeOf(name.record), name.recordId)
  const head = state.heads.many[entry]
  if (head === undefined) return false
  const known = state.going.get(entry) ?? decideGoing(state, name, { entry, head })
  state.going.set(entry, known)
  return known
}

function decideGoing(state: State, name: RecordName, { entry, head }: Entry): boolean {
  const selection = state.selection()
  if (selection.takesWhole(name)) return true
  const seen = state.seen.fields.get(entry)
  if (seen?.isWhole !== true || seen.places.length === 0) return false
  if (seen.revision !== head.revision) {
    state.isUnsure = true
    return false
  }
  return seen.places.every((place) => selection.verdict(place).kind === 'goes')
}

function leaves(
  state: State,
  removed: readonly RecordName[],
  chosen: ReadonlySet<string>,
): boolean {
  const gone = new Set(removed.map(({ record, recordId }) => `${record}/${recordId}`))
  return [...state.targets.values()].some((target) => {
    const { ownedBy, type, record } = target
    if (!removed.some((name) => name.record === ownedBy.record)) return false
    return headsOfType(state.heads, target).some(([recordId = '', head]) => {
      const place = { entry: pageEntry(type, recordId), head }
      const owner = ownerOf(state, target, place)
      if (owner === undefined) return true
      if (!gone.has(`${ownedBy.record}/${owner}`)) return false
      // An owner that goes although nothing said so: what was seen of it is outdated.
      if (endOf(state, { record: record.name, recordId }) === undefined) return true
      return !chosen.has(place.entry) && !isSettled(state, place)
    })
  })
}

/** Whether nothing of a record is to go any more. */
function isSettled(state: State, { entry, head }: Entry): boolean {
  const seen = state.seen.fields.get(entry)
  const selection = state.selection()
  return (
    seen?.revision === head.revision &&
    seen.places.every((place) => selection.verdict(place).kind !== 'goes')
  )
}
