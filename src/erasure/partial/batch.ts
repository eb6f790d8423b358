import type { JsonObject } from '../../base/canonical.ts'
import type { Rows } from '../../storage/participant.ts'
import type { Key } from '../../storage/store.ts'
import type { Before } from '../../subjects/draft.ts'
import { type Closing, closePerson } from '../../subjects/closing.ts'
import type { MembersSeen } from '../../subjects/holds.ts'
import { openEntry } from '../../subjects/own-entries.ts'
import type { Person } from '../../subjects/person.ts'
import { keepPersonUp, type Upkeep } from '../../subjects/upkeep.ts'
import { openHeads, type RecordHeads } from '../../vault/record-heads.ts'
import type { Vault } from '../../vault/vault.ts'
import { attachmentOf } from './attachments.ts'
import { leftBehind } from './left-behind.ts'
import { editRecord, lookupsOf, type RecordEdit } from './edit-record.ts'
import {
  entryOf,
  type OwnedSelection,
  type PlacedHead,
  placedHeads,
  recordRows,
  sealedIn,
} from './look.ts'
import { isRenewed, isUnderOld, lacksNewer, oldEntries, type Renewal } from './renewal.ts'
import { isClosed } from './selection-end.ts'
import { isTold, type Telling } from './telling.ts'
import { unforeseenClasses } from './unforeseen-classes.ts'
import { isTaking, type RecordWork, workOf } from './work.ts'

/** Some records of a person, in one commit. */
export interface BatchAsk {
  readonly vault: Vault
  readonly erasureId: string
  /** What the log is told. Default: what went, under the id of the erasure. */
  readonly event?: JsonObject
  /** Entry of the record that goes by itself, also where some of it has to stay. */
  readonly root?: string
  /** What of a person goes, as they are at the moment of the commit. */
  select(person: Person, heads: RecordHeads): OwnedSelection
  /** As it was looked at, attachments included. */
  readonly person: Person
  /** Whom a group is about, as they were seen to keep nothing of it. */
  readonly members: MembersSeen
  readonly pages: ReadonlyMap<string, Key>
  readonly records: readonly Omit<PlacedHead, 'head'>[]
  readonly renewals: readonly Renewal[]
  readonly attached: readonly number[]
  /** Somebody who was to be erased as a whole. */
  readonly closing: Closing | undefined
  /** Absent where no journal has to be told. */
  readonly telling: Telling | undefined
  readonly signal: AbortSignal | undefined
}

/** What became of a batch; `stale`: what was looked at is not what is there, and nothing was done. */
export type BatchOutcome = 'stale' | { readonly renewals: readonly Renewal[] }

/** Entries of others that may come between looking and the commit; with more, it is looked at again. */
const AHEAD = 16

/**
 * Erases what goes of some records, seals the rest of them under the newest keys, and destroys the keys that nothing
 * is sealed under any more: one commit, conditional on all that it was decided on.
 *
 * @throws {@link erased} · @throws {@link not_found} · @throws {@link policy_outdated}
 */
export async function eraseBatch(ask: BatchAsk): Promise<BatchOutcome> {
  const { vault, person, members, signal } = ask
  const { people } = vault
  const ahead = bodiesAhead(ask)
  let outcome: BatchOutcome = { renewals: ask.renewals }
  await keepPersonUp(people, {
    id: person.id,
    signal,
    // What has to stay, an outdated policy does not know.
    policy: vault.policy.hash,
    reads: [
      ...ask.pages.values(),
      ...recordRows(vault, person.id, ask.records),
      ...ahead,
      ...members.keys,
    ],
    held: members.keys,
    plan: (fresh, rows) => {
      const decided = decideBatch(ask, fresh, rows)
      outcome = decided === 'stale' ? decided : { renewals: decided.renewals }
      return decided === 'stale' ? undefined : decided.upkeep
    },
  })
  return outcome
}

interface Decided {
  readonly upkeep: Upkeep | undefined
  readonly renewals: readonly Renewal[]
}

function decideBatch(ask: BatchAsk, person: Person, rows: Rows): Decided | 'stale' {
  const { vault, pages } = ask
  const isSeen = Object.keys(person.head.pages).every((name) => pages.has(name))
  if (!ask.members.isSame(person.head, rows)) return 'stale'
  if (!isSeen || isAttachedSince(ask, person, rows)) return 'stale'
  const heads = openHeads(vault.people, { person, pages: pages.keys() }, rows)
  const records = placedHeads(heads)
  // A hold, a consent or a value that came since counts.
  const selection = ask.select(person, heads)
  const sequence = person.head.sequence + 1
  const open = ask.renewals.filter((renewal) => !isRenewed(person.ring, renewal))
  const chosen = new Set(ask.records.map(entryOf))
  const isChosen = (record: PlacedHead): boolean => chosen.has(entryOf(record))
  const edits = records
    .filter(isChosen)
    .map((record) => editOf(ask, selection, { person, rows, record, open }))
  const works = edits.flatMap(({ work }) => work ?? [])
  const foreseen = { ring: person.ring, renewals: open, attached: ask.attached }
  if (works.some((work) => unforeseenClasses(foreseen, work).length > 0)) return 'stale'
  if (leavesParts(selection, works, chosen)) return 'stale'
  // Nothing goes but what the journal has.
  const closing = isClosed(ask.closing, person.head) ? undefined : ask.closing
  if (ask.telling !== undefined && !isTold(ask.telling, { works, closing })) return 'stale'
  const rest = records.filter((record) => !isChosen(record))
  const dropped = open.filter((renewal) => !rest.some(({ head }) => isUnderOld(head, renewal)))
  const upkeep = upkeepOf(ask, { person, edits, works, open, dropped })
  // Without a commit no newer key was made, and nothing is sealed under one.
  if (upkeep === undefined) return { upkeep, renewals: ask.renewals }
  return { upkeep, renewals: ask.renewals.map((renewal) => ({ since: sequence, ...renewal })) }
}

/** An owner goes with the last of its parts, or after it. */
function leavesParts(
  { owned }: OwnedSelection,
  works: readonly RecordWork[],
  chosen: ReadonlySet<string>,
): boolean {
  const removed = works.flatMap(({ removes, name }) => (removes ? [name] : []))
  return owned !== undefined && (owned.leaves(removed, chosen) || owned.isUnsure)
}

interface Editable {
  readonly person: Person
  readonly rows: Rows
  readonly record: PlacedHead
  /** Renewals whose old keys are still there. */
  readonly open: readonly Renewal[]
}

function editOf(
  { vault, root }: BatchAsk,
  selection: OwnedSelection,
  { person, rows, record, open }: Editable,
): RecordEdit {
  const sealed = sealedIn(vault, { person, rows }, record)
  const work = workOf(vault, selection, { person, sealed })
  const reseals = new Set(
    open.flatMap((renewal) => (isUnderOld(record.head, renewal) ? [renewal.accessClass] : [])),
  )
  const left = work === undefined ? undefined : leftBehind(selection, work, root)
  return { sealed, reseals, left, work: work !== undefined && isTaking(work) ? work : undefined }
}

/** Where the log of the person may go on. */
function bodiesAhead({ vault, person, renewals }: BatchAsk): readonly Key[] {
  // Once there is a newer key, attachments are sealed under that.
  if (renewals.every(({ since }) => since !== undefined)) return []
  const { keyspace } = vault.people.deps
  return Array.from({ length: AHEAD }, (_, at) =>
    keyspace.body(person.id, person.head.sequence + 1 + at),
  )
}

/** An attachment that was entered since would be lost with the key. */
function isAttachedSince(
  { vault, person, renewals }: BatchAsk,
  fresh: Person,
  rows: Rows,
): boolean {
  const introduced = renewals.filter(({ since }) => since === undefined)
  if (introduced.length === 0) return false
  const { storeId, keyspace } = vault.people.deps
  if (fresh.head.sequence > person.head.sequence + AHEAD) return true
  for (let at = person.head.sequence + 1; at <= fresh.head.sequence; at += 1) {
    const sealed = rows.get(keyspace.body(person.id, at))
    if (sealed === undefined) return true
    const attachment = attachmentOf(openEntry(storeId, fresh, { sequence: at, sealed }))
    if (introduced.some(({ accessClass }) => accessClass === attachment?.accessClass)) return true
  }
  return false
}

interface Deciding {
  readonly person: Person
  readonly edits: readonly RecordEdit[]
  readonly works: readonly RecordWork[]
  /** Whose old keys are still there. */
  readonly open: readonly Renewal[]
  /** Whose old keys nothing needs after this. */
  readonly dropped: readonly Renewal[]
}

function upkeepOf(ask: BatchAsk, deciding: Deciding): Upkeep | undefined {
  const { vault, closing } = ask
  const { person, edits, works, open, dropped } = deciding
  const isDone = isClosed(closing, person.head)
  const changed = edits.filter(
    ({ work, reseals, left }) => work !== undefined || left !== undefined || reseals.size > 0,
  )
  if (changed.length === 0 && dropped.length === 0 && isDone) return undefined
  const made = new Set(
    open.flatMap((renewal) => (lacksNewer(person.ring, renewal) ? [renewal.accessClass] : [])),
  )
  const gone = dropped.flatMap((renewal) => oldEntries(person.ring, renewal))
  const before: Before = {
    ...person,
    ring: person.ring.filter((entry) => !gone.includes(entry)),
    key: (accessClass) => (made.has(accessClass) ? undefined : person.key(accessClass)),
  }
  return {
    before,
    event: ask.event ?? eventOf(ask, works, gone.length),
    edit: (draft, rows) => {
      for (const edit of changed) editRecord({ vault, person, draft, rows }, edit)
      // So that whatever is sealed from here on is sealed under the key that stays.
      for (const { accessClass } of open.filter((renewal) => !dropped.includes(renewal)))
        draft.key(accessClass)
      if (!isDone && closing !== undefined) closePerson(draft, vault.people.deps.keyspace, closing)
    },
  }
}

/** Names of records and fields, and numbers; no ids of records and no values. */
function eventOf(
  { vault, erasureId, telling }: BatchAsk,
  works: readonly RecordWork[],
  keys: number,
): JsonObject {
  const fields: { [record: string]: readonly string[] } = {}
  const records: { [record: string]: number } = {}
  let values = 0
  for (const { name, removes, gone } of works) {
    const ids = [...gone.values()].flat()
    values += ids.length
    if (removes) records[name.record] = (records[name.record] ?? 0) + 1
    else fields[name.record] = [...new Set([...(fields[name.record] ?? []), ...ids])].sort()
  }
  const lookupRows = works.reduce((sum, work) => sum + lookupsOf(vault, work).length, 0)
  const counts = { values, lookupRows, keys }
  // So that the end can tell the journal which of its entries came true.
  const told = telling?.entry === undefined ? {} : { intent: telling.entry }
  return { type: 'fields.erased', erasureId, fields, records, ...counts, ...told }
}
