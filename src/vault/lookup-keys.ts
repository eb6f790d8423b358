import { sameBytes } from '../base/bytes.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import { createMacKey, type MacKey } from '../crypto/hash.ts'
import { decodeStoredKey, epochOf } from '../keys/stored-key.ts'
import type { Key } from '../storage/store.ts'
import {
  FIRST_GENERATION,
  labelOf,
  type LookupKeyDeps,
  type LookupKeyRows,
  readLookupKeys,
  type Slot,
} from './lookup-key-row.ts'

/** The keys of all lookups, opened once; lookups go by their number in the catalogue. */
export interface LookupKeys {
  /** Every key of a lookup there is. */
  slots(): readonly Slot[]
  /** Generations of a lookup whose keys are there, the newest last. */
  generations(lookup: number): readonly number[]
  newest(lookup: number): number
  /** @throws {@link key_unknown} · @throws {@link key_unavailable} · @throws {@link key_unreadable} */
  mac(slot: Slot): MacKey
  /** Opens what is not open yet, with keys of epochs that were not met before. */
  open(): Promise<void>
  /** Whether there are keys to search by, and all of every lookup are open. */
  isReady(lookup: number): boolean
  /** Learns of generations that other processes started or dropped; tells whether there was anything to learn. */
  refresh(): Promise<boolean>
  /** Another number whenever a refresh, whoever asked for it, brought other generations. */
  readonly version: number
  /** Rows that tell whether the newest key of this lookup is what it was. */
  watched(lookup: number): readonly Key[]
  /** Learns of what other processes did if these rows, or those that it reads, are not what they were; tells so. */
  follow(lookup: number, rows?: WatchedRows): Promise<boolean>
}

/** Values of {@link LookupKeys.watched}. */
export type WatchedRows = readonly (Uint8Array | undefined)[]

interface State extends LookupKeyDeps {
  rows: LookupKeyRows
  version: number
  /** Those of which every key is open. */
  open: LookupKeyRows | undefined
  readonly macs: Map<string, OpenedMac>
}

/** A key, and the row that it was in. */
interface OpenedMac {
  readonly row: Uint8Array
  readonly mac: MacKey
}

const NO_ROWS: ReadonlyMap<number, Uint8Array> = new Map()

/** Finds the keys of all lookups; one whose class is withheld fails when it is used. */
export async function openLookupKeys(deps: LookupKeyDeps): Promise<LookupKeys> {
  const rows = await readLookupKeys(deps)
  const state: State = { ...deps, rows, version: 0, open: undefined, macs: new Map() }
  await openAll(state)
  return {
    slots: () => slotsOf(state.rows),
    generations: (lookup) => generationsOf(state, lookup),
    newest: (lookup) => newestOf(state, lookup),
    mac: (slot) => macOf(state, slot),
    open: () => openAll(state),
    isReady: (lookup) => state.open === state.rows && state.rows.has(lookup),
    refresh: () => refresh(state),
    get version() {
      return state.version
    },
    watched: (lookup) => watchedKeys(state, lookup),
    follow: (lookup, watched) => follow(state, lookup, watched),
  }
}

function slotsOf(rows: LookupKeyRows): readonly Slot[] {
  return [...rows].flatMap(([lookup, keys]) =>
    [...keys.keys()].map((generation) => ({ lookup, generation })),
  )
}

function generationsOf({ rows }: State, lookup: number): readonly number[] {
  return [...(rows.get(lookup) ?? NO_ROWS).keys()]
}

function newestOf(state: State, lookup: number): number {
  return generationsOf(state, lookup).at(-1) ?? FIRST_GENERATION
}

async function refresh(state: State): Promise<boolean> {
  const before = namesOf(state.rows)
  const rows = await readLookupKeys(state)
  if (namesOf(state.rows) !== namesOf(rows)) state.version += 1
  state.rows = rows
  const labels = new Set(slotsOf(rows).map(labelOf))
  for (const [label, { mac }] of state.macs) {
    if (labels.has(label)) continue
    mac.wipe()
    state.macs.delete(label)
  }
  await openAll(state)
  return namesOf(rows) !== before
}

function namesOf(rows: LookupKeyRows): string {
  return slotsOf(rows).map(labelOf).join()
}

function watchedKeys(state: State, lookup: number): readonly Key[] {
  const newest = newestOf(state, lookup)
  return [newest, newest + 1].map((generation) => state.keyspace.lookupKey(lookup, generation))
}

async function follow(state: State, lookup: number, rows?: WatchedRows): Promise<boolean> {
  const [row, ahead] = rows ?? (await state.store.read(watchedKeys(state, lookup)))
  const known = state.rows.get(lookup)?.get(newestOf(state, lookup))
  const isSame = known !== undefined && row !== undefined && sameBytes(known, row)
  if (isSame && ahead === undefined) await openAll(state)
  else await refresh(state)
  return !isSame || ahead !== undefined
}

/** While the rows are fresh: the epoch that one is wrapped under may be retired later. */
async function openAll(state: State): Promise<void> {
  const { rows } = state
  if (state.open === rows) return
  const closed = slotsOf(rows).filter((slot) => !isOpened(state, slot))
  await state.keys.load(
    closed.flatMap((slot) => {
      const found = wrappedOf(state, slot)
      if (found === undefined) return []
      return { epoch: epochOf(found.row), accessClass: found.accessClass }
    }),
  )
  if (closed.filter((slot) => !isOpened(state, slot)).length === 0) state.open = rows
}

function isOpened(state: State, slot: Slot): boolean {
  try {
    openMac(state, slot)
    return true
  } catch (error) {
    // One whose class is withheld fails when it is used.
    if (!isPrivityError(error)) throw error
    return false
  }
}

function macOf(state: State, slot: Slot): MacKey {
  try {
    return openMac(state, slot)
  } catch (error) {
    const known = state.macs.get(labelOf(slot))
    // A row that was wrapped anew holds the key that it held.
    if (known === undefined || !isPrivityError(error, 'key_unavailable')) throw error
    return known.mac
  }
}

function openMac(state: State, slot: Slot): MacKey {
  const label = labelOf(slot)
  const found = wrappedOf(state, slot)
  if (found === undefined) throw new PrivityError('key_unknown', { what: 'lookup' })
  const { row, accessClass } = found
  const known = state.macs.get(label)
  if (known !== undefined && sameBytes(known.row, row)) return known.mac
  const key = decodeStoredKey(state.keys, { accessClass, label }, row)
  const mac = createMacKey(key)
  key.fill(0)
  known?.mac.wipe()
  state.macs.set(label, { row, mac })
  return mac
}

/** The row of a key, and the class that it is wrapped for. */
function wrappedOf(
  { rows, catalogue }: State,
  { lookup, generation }: Slot,
): { readonly row: Uint8Array; readonly accessClass: number } | undefined {
  const row = rows.get(lookup)?.get(generation)
  const accessClass = catalogue.lookups[lookup]?.accessClass
  return row === undefined || accessClass === undefined ? undefined : { row, accessClass }
}
