import { sameBytes, toHex } from '../base/bytes.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import { createMacKey, type MacKey } from '../crypto/hash.ts'
import { randomBytes } from '../crypto/random.ts'
import type { EpochClass } from '../keys/epoch-class.ts'
import type { PersonKeys } from '../keys/person-keys.ts'
import { epochOf } from '../keys/stored-key.ts'
import type { Catalogue } from '../policy/catalogue.ts'
import { type CompiledLookup, parseLookupName } from '../policy/compiled-lookup.ts'
import type { CompiledPolicy, CompiledRecord } from '../policy/compiled.ts'
import { FULL_BITS } from '../policy/record-lookups.ts'
import type { Keyspace, LookupKey } from '../storage/keyspace.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Key, Row, Store } from '../storage/store.ts'
import { type EarlierLookup, earlierLookup } from './earlier-lookup.ts'

/**
 * Blind indexes: a keyed digest of the normalised value, under a key of its own per lookup and generation. Storage
 * sees which records share a token, never the value.
 */
export interface Lookups {
  /** Number of a lookup in the catalogue. */
  numberOf(lookup: CompiledLookup): number
  /** Every lookup that these fields ever had: its rows go when the value does, whatever the policy says now. */
  numbersOf(record: string, fieldIds: ReadonlySet<string>): ReadonlySet<number>
  /** Generations of a lookup whose keys are there, the newest last. */
  generations(lookup: number): readonly number[]
  newest(lookup: number): number
  /** Lookups of earlier policies that answer the same question, as long as their keys are there. */
  earlier(record: CompiledRecord, lookup: CompiledLookup): readonly EarlierLookup[]
  /** The token of a text. @throws {@link key_unavailable} */
  token(slot: Slot, text: Uint8Array): LookupKey
  /** The row that would stand where another process had started a further generation. */
  ahead(lookup: CompiledLookup): Key
  /** Every key of a lookup there is. */
  slots(): readonly Slot[]
  /** The row of a new key for a lookup, of the generation behind the newest. */
  mint(lookup: number): Row
  /** Learns of generations that other processes started or dropped; tells whether there was anything to learn. */
  refresh(): Promise<boolean>
  /** Another number whenever a refresh, whoever asked for it, brought other generations. */
  readonly version: number
  /** Whether there are keys to search by, and all of every lookup are open. */
  isReady(lookup: CompiledLookup): boolean
  /** Rows that tell whether the newest key of this lookup is what it was. */
  watched(lookup: CompiledLookup): readonly Key[]
  /** Learns of what other processes did if these rows, or those that it reads, are not what they were; tells so. */
  follow(lookup: CompiledLookup, rows?: WatchedRows): Promise<boolean>
  /** Opens what is not open yet, with keys of epochs that were not met before. */
  open(): Promise<void>
}

/** One generation of one lookup. */
export interface Slot {
  readonly lookup: number
  readonly generation: number
}

/** Values of {@link Lookups.watched}. */
export type WatchedRows = readonly (Uint8Array | undefined)[]

/** What lookups need. */
export interface LookupsDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly keys: PersonKeys
  readonly catalogue: Catalogue
}

/** Wrapped keys by lookup and generation, as last read. */
type KeyRows = ReadonlyMap<number, ReadonlyMap<number, Uint8Array>>

interface State extends LookupsDeps {
  rows: KeyRows
  version: number
  /** Those of which every key is open. */
  open: KeyRows | undefined
  readonly macs: Map<string, OpenedMac>
}

/** A key, and the row that it was in. */
interface OpenedMac {
  readonly row: Uint8Array
  readonly mac: MacKey
}

const KEY_LENGTH = 32
const EPOCH_LENGTH = 4
const FIRST = 1
const PAGE = 1_000
const NO_ROWS: ReadonlyMap<number, Uint8Array> = new Map()

/** Finds the keys of all lookups; one whose class is withheld fails when it is used. */
export async function openLookups(deps: LookupsDeps): Promise<Lookups> {
  const { catalogue, keyspace } = deps
  const rows = await readKeys(deps)
  const state: State = { ...deps, rows, version: 0, open: undefined, macs: new Map() }
  await openAll(state)
  const numbers = new Map(catalogue.lookups.map(({ name }, lookup) => [name, lookup]))
  const names = catalogue.lookups.map(({ name }) => parseLookupName(name))
  const numberOf = ({ name }: CompiledLookup): number => numbers.get(name) ?? -1
  const newest = (lookup: number): number => newestOf(state, lookup)
  return {
    get version() {
      return state.version
    },
    numberOf,
    numbersOf: (record, fieldIds) =>
      new Set(
        names.flatMap((name, lookup) =>
          name?.record === record && name.fieldIds.some((id) => fieldIds.has(id)) ? [lookup] : [],
        ),
      ),
    generations: (lookup) => generationsOf(state, lookup),
    newest,
    earlier: (record, lookup) =>
      names.flatMap((name, number) => {
        if (name?.record !== record.name || state.rows.get(number) === undefined) return []
        if (number === numberOf(lookup)) return []
        return earlierLookup(lookup, name, number)
      }),
    token: (slot, text) => {
      const bits = names[slot.lookup]?.bits ?? FULL_BITS
      return { ...slot, token: toHex(firstBits(macOf(state, slot).mac(text), bits)) }
    },
    ahead: (lookup) => {
      const number = numberOf(lookup)
      return keyspace.lookupKey(number, newest(number) + 1)
    },
    slots: () => slotsOf(state.rows),
    mint: (lookup) => lookupKeyRow(deps, { lookup, generation: newest(lookup) + 1 }),
    refresh: () => refresh(state),
    isReady: (lookup) => state.open === state.rows && state.rows.has(numberOf(lookup)),
    watched: (lookup) => watchedKeys(state, numberOf(lookup)),
    follow: (lookup, rows) => follow(state, numberOf(lookup), rows),
    open: () => openAll(state),
  }
}

/** Whether the keys are others than in a version, whoever it was that learnt of them. */
export async function isOutrun(
  lookups: Pick<Lookups, 'refresh' | 'version'>,
  version: number,
): Promise<boolean> {
  return (await lookups.refresh()) || lookups.version !== version
}

/** Keys for the lookups of a policy that have none: they are new, or were dropped when no policy had them. */
export async function missingLookupKeys(
  deps: LookupsDeps,
  { records }: Pick<CompiledPolicy, 'records'>,
): Promise<readonly Row[]> {
  const rows = await readKeys(deps)
  const names = new Set(
    [...records.values()].flatMap(({ lookups }) => lookups.map(({ name }) => name)),
  )
  return deps.catalogue.lookups.flatMap(({ name }, lookup) =>
    names.has(name) && !rows.has(lookup) ? [lookupKeyRow(deps, { lookup, generation: FIRST })] : [],
  )
}

/** The row of a new lookup key: its epoch (u32), then the wrapped key. */
export function lookupKeyRow(
  { keyspace, keys, catalogue }: Omit<LookupsDeps, 'store'>,
  { lookup, generation }: Slot,
): Row {
  const accessClass = catalogue.lookups[lookup]?.accessClass ?? 0
  const slot = { epoch: keys.epoch, accessClass }
  const wrapped = keys.wrap(slot, labelOf({ lookup, generation }), randomBytes(KEY_LENGTH))
  const row = new Uint8Array(EPOCH_LENGTH + wrapped.length)
  new DataView(row.buffer).setUint32(0, keys.epoch)
  row.set(wrapped, EPOCH_LENGTH)
  return [keyspace.lookupKey(lookup, generation), row]
}

/** Every key of a lookup there is, in the order of generations. */
async function readKeys({
  store,
  keyspace,
}: Pick<LookupsDeps, 'store' | 'keyspace'>): Promise<KeyRows> {
  const rows = new Map<number, Map<number, Uint8Array>>()
  for await (const [key, row] of scanRows(store, keyspace.lookupKeys, { page: PAGE })) {
    const [lookup = 0, generation = 0] = key
      .slice(keyspace.lookupKeys.length)
      .split('/')
      .map((part) => Number.parseInt(part, 16))
    rows.set(lookup, (rows.get(lookup) ?? new Map()).set(generation, row))
  }
  return rows
}

async function refresh(state: State): Promise<boolean> {
  const before = namesOf(state.rows)
  const rows = await readKeys(state)
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
  await state.keys.load(closed.flatMap((slot) => wrappedOf(state, slot)?.under ?? []))
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
  const { row, under } = found
  const known = state.macs.get(label)
  if (known !== undefined && sameBytes(known.row, row)) return known.mac
  const key = state.keys.unwrap(under, label, row.subarray(EPOCH_LENGTH))
  const mac = createMacKey(key)
  key.fill(0)
  known?.mac.wipe()
  state.macs.set(label, { row, mac })
  return mac
}

/** The row of a key, and what it is wrapped under. */
function wrappedOf(
  { rows, catalogue }: State,
  { lookup, generation }: Slot,
): { readonly row: Uint8Array; readonly under: EpochClass } | undefined {
  const row = rows.get(lookup)?.get(generation)
  const accessClass = catalogue.lookups[lookup]?.accessClass
  if (row === undefined || accessClass === undefined) return undefined
  return { row, under: { epoch: epochOf(row), accessClass } }
}

function generationsOf({ rows }: State, lookup: number): readonly number[] {
  return [...(rows.get(lookup) ?? NO_ROWS).keys()]
}

function newestOf(state: State, lookup: number): number {
  return generationsOf(state, lookup).at(-1) ?? FIRST
}

/** The first bits of a digest, in as few bytes as hold them; the rest of the last byte is zero. */
function firstBits(digest: Uint8Array, bits: number): Uint8Array {
  const bytes = digest.slice(0, Math.ceil(bits / 8))
  const last = bytes.length - 1
  bytes[last] = (bytes[last] ?? 0) & (0xff << (8 * bytes.length - bits))
  return bytes
}

function slotsOf(rows: KeyRows): readonly Slot[] {
  return [...rows].flatMap(([lookup, keys]) =>
    [...keys.keys()].map((generation) => ({ lookup, generation })),
  )
}

function namesOf(rows: KeyRows): string {
  return slotsOf(rows).map(labelOf).join()
}

/** What the key of a lookup is bound to: filed as another one it does not unwrap. */
export function labelOf({ lookup, generation }: Slot): string {
  return `lookup/${lookup}/${generation}`
}
