import type { Rows } from '../../storage/participant.ts'
import type { Key } from '../../storage/store.ts'
import { ORPHAN, type RecordHead, WHOLE } from '../../subjects/head.ts'
import type { Person } from '../../subjects/person.ts'
import { pageEntry, pageOf } from '../../vault/open-record.ts'
import { openHeads, pageRows, readHeads, type RecordHeads } from '../../vault/record-heads.ts'
import { decodeRecord, type SealedRecord } from '../../vault/sections.ts'
import type { Vault } from '../../vault/vault.ts'
import { PrivityError } from '../../base/errors.ts'
import { type Kept, type Rule, selectFields, type Selection } from '../selection.ts'
import { endedFields } from './ended-fields.ts'
import { endedPurposes, needsField } from './live-basis.ts'
import {
  nothingSeen,
  type Owned,
  ownedRecords,
  ownerLevels,
  seeFields,
  seeOwners,
  type SeenRecords,
} from './owned.ts'
import {
  type LaterThan,
  type Replayable,
  selectLater,
  selectReplayed,
} from './replayed-selection.ts'
import { type RecordWork, workOf } from './work.ts'

/** What keeps something of a person, asked anew each time it is looked at, and again in the commit. */
export type KeptOf = (person: Person, heads: RecordHeads) => readonly Kept[]

/** Which erasure of whom is looked at. */
export interface Looking {
  readonly vault: Vault
  readonly keptOf: KeptOf
  readonly subjectId: string
  readonly rule: Rule | Replayable | LaterThan
  /** Parts that stayed though their owners went, by their entries. */
  readonly orphans?: readonly string[] | undefined
}

/** What a selection takes of a person. */
export interface Look {
  readonly person: Person
  readonly selection: OwnedSelection
  readonly records: readonly PlacedHead[]
  /** Parts before their owners. */
  readonly works: readonly RecordWork[]
  /** For looking at owners again. */
  readonly seen: SeenRecords
}

/** A selection in which parts go with their owners; absent where there are none. */
export interface OwnedSelection extends Selection {
  readonly owned?: Owned
}

/** A record by its numbers. */
export interface PlacedHead {
  readonly type: number
  readonly recordId: string | undefined
  readonly head: RecordHead
}

/** Records that are read at a time. */
const CHUNK = 64
/** Others may write the person while it is looked at. */
const LOOKS = 32

/** Looks through a person, some records of one moment at a time: others may write meanwhile. */
export async function lookOver(looking: Looking): Promise<Look> {
  for (let looks = 1; looks <= LOOKS; looks += 1) {
    const look = await lookOnce(looking)
    if (look.selection.owned?.isUnsure !== true) return look
  }
  throw new PrivityError('write_conflict', { attempts: LOOKS })
}

async function lookOnce(looking: Looking): Promise<Look> {
  const { vault, subjectId } = looking
  const { people } = vault
  const first = await people.read(subjectId)
  const { person, heads } = await readHeads(people, first.person)
  const records = placedHeads(heads)
  await loadKnown(vault, person, records)
  const seen = nothingSeen()
  const selection = selectionOf({ ...looking, seen }, person, heads)
  const works: (readonly RecordWork[])[] = []
  for (const level of byLevel(vault, records)) {
    const types = new Set(level.map(({ type }) => type))
    if (selection.owned !== undefined)
      await seeOwners(vault, { id: subjectId, heads, seen }, { owned: selection.owned, types })
    const some: RecordWork[] = []
    for (let from = 0; from < level.length; from += CHUNK)
      some.push(...(await workOn(looking, { selection, seen }, level.slice(from, from + CHUNK))))
    works.unshift(some)
  }
  return { person, selection, records, works: works.flat(), seen }
}

/** Owners before their parts: what becomes of these depends on them. */
function byLevel(vault: Vault, records: readonly PlacedHead[]): readonly (readonly PlacedHead[])[] {
  const levelOf = ownerLevels(vault)
  if (levelOf === undefined) return [records]
  const levels = [...new Set(records.map(({ type }) => levelOf(type)))].sort((a, b) => a - b)
  return levels.map((level) => records.filter(({ type }) => levelOf(type) === level))
}

/** The selection of a rule, as the bases of the person and what is kept are now. */
export function selectionOf(
  {
    vault,
    keptOf,
    rule,
    orphans,
    seen = nothingSeen(),
  }: Omit<Looking, 'subjectId'> & { readonly seen?: SeenRecords },
  person: Person,
  heads: RecordHeads,
): OwnedSelection {
  if (rule.kind === 'replayed') return selectReplayed(rule)
  if (rule.kind === 'later') return selectLater(rule)
  if (rule.kind === 'left')
    return selectionOf({ vault, keptOf, seen, ...leftIn(vault, heads) }, person, heads)
  const { policy } = vault
  // Where everything goes, so do the parts of everything.
  const hasParts = rule.kind !== 'all' && ownerLevels(vault) !== undefined
  const owned = hasParts
    ? ownedRecords({ vault, heads, seen, orphans, selection: () => selection })
    : undefined
  const selection: OwnedSelection = {
    ...selectFields({
      rule,
      kept: keptOf(person, heads),
      fieldsOf: (record) =>
        new Map(policy.records.get(record)?.fields.map((field) => [field.id, field])),
      needs: needsField(vault, person.head),
      haveEnded: endedPurposes(vault, person.head),
      isDue: endedFields(vault, person, heads),
      ...(owned === undefined ? {} : { endOf: owned.endOf }),
    }),
    ...(owned === undefined ? {} : { owned }),
  }
  return selection
}

/** What was to go and had to stay, as the heads say it. */
function leftIn({ layouts }: Vault, heads: RecordHeads): Pick<Looking, 'rule' | 'orphans'> {
  const having = (left: string): readonly PlacedHead[] =>
    placedHeads(heads).filter(({ head }) => head.left?.includes(left))
  const items = having(WHOLE).map(({ type, recordId }) => ({
    record: layouts.nameOfType(type),
    ...(recordId === undefined ? {} : { recordId }),
  }))
  return { rule: { kind: 'records', items }, orphans: having(ORPHAN).map(entryOf) }
}

/** Every record of a person. */
export function placedHeads({ singles, many }: RecordHeads): readonly PlacedHead[] {
  return [
    ...Object.entries(singles).map(([type, head]) => ({
      type: Number(type),
      recordId: undefined,
      head,
    })),
    ...Object.entries(many).map(([entry, head]) => {
      const [type = '', recordId = ''] = entry.split('/')
      return { type: Number(type), recordId, head }
    }),
  ].sort(byPage)
}

/** Heads that are in one page come together: what is done some at a time opens few pages. */
function byPage(a: PlacedHead, b: PlacedHead): number {
  const [one = '', other = ''] = [a.recordId, b.recordId]
  if (one === other) return 0
  return one < other ? -1 : 1
}

/** Name of a record among those of a person. */
export function entryOf({ type, recordId = '' }: Omit<PlacedHead, 'head'>): string {
  return pageEntry(type, recordId)
}

/** The rows of `many` records. */
export function recordRows(
  { people }: Vault,
  id: string,
  records: readonly Omit<PlacedHead, 'head'>[],
): readonly Key[] {
  const { keyspace } = people.deps
  return records.flatMap(({ type, recordId }) =>
    recordId === undefined ? [] : keyspace.record(id, type, recordId),
  )
}

/** A record as it stands in these rows. */
export function sealedIn(
  { people }: Vault,
  { person, rows }: { readonly person: Person; readonly rows: Rows },
  { type, recordId, head }: PlacedHead,
): SealedRecord {
  const { storeId, keyspace } = people.deps
  const place = { storeId, personId: person.id, type, recordId }
  if (recordId === undefined)
    return {
      place,
      head,
      section: (wanted) => person.sections.find(({ accessClass }) => accessClass === wanted)?.bytes,
    }
  const sections = decodeRecord(rows.get(keyspace.record(person.id, type, recordId)))
  return { place, head, section: (accessClass) => sections.get(accessClass) }
}

/** Layouts and keys that other processes made since this one asked. */
async function loadKnown(
  { layouts, people }: Vault,
  { ring }: Person,
  records: readonly PlacedHead[],
): Promise<void> {
  const used = records.flatMap(({ head }) =>
    Object.values(head.sections).map(([, layout]) => layout),
  )
  const unknown = [...new Set(used)].filter((layout) => !layouts.isKnown(layout))
  if (unknown.length === 0) return
  await layouts.load({ layouts: unknown, policies: [] })
  await people.deps.keys.load(ring)
}

/** Those that hold the heads of these records. */
function pagesOf(
  pages: ReadonlyMap<string, Key>,
  records: readonly PlacedHead[],
): ReadonlyMap<string, Key> {
  const names = new Set(
    records.flatMap(({ recordId }) => (recordId === undefined ? [] : pageOf(recordId))),
  )
  return new Map([...pages].filter(([name]) => names.has(name)))
}

async function workOn(
  { vault, subjectId }: Looking,
  { selection, seen }: Pick<Look, 'selection' | 'seen'>,
  records: readonly PlacedHead[],
): Promise<readonly RecordWork[]> {
  const { people } = vault
  const { store, keyspace } = people.deps
  const concerned = records.filter(({ type, recordId }) =>
    selection.concerns({ record: vault.layouts.nameOfType(type), recordId }),
  )
  if (concerned.length === 0) return []
  const { person: known } = await people.read(subjectId)
  const pages = pagesOf(pageRows(people, known), concerned)
  const keys = [
    keyspace.person(subjectId),
    ...pages.values(),
    ...recordRows(vault, subjectId, concerned),
  ]
  const values = await store.read(keys)
  const read = new Map(keys.map((key, at) => [key, values[at]]))
  const rows: Rows = { get: (key) => read.get(key) }
  const person = await people.openStored(subjectId, values[0])
  const heads = openHeads(people, { person, pages: pages.keys() }, rows)
  const wanted = new Set(concerned.map(entryOf))
  return placedHeads(heads)
    .filter((record) => wanted.has(entryOf(record)))
    .flatMap((record) => {
      const sealed = sealedIn(vault, { person, rows }, record)
      const work = workOf(vault, selection, { person, sealed })
      if (selection.owned !== undefined) seeFields(vault, seen, { ...record, work })
      return work ?? []
    })
}
