import { randomBytes } from '../crypto/random.ts'
import type { PersonKeys } from '../keys/person-keys.ts'
import { encodeStoredKey } from '../keys/stored-key.ts'
import type { Catalogue } from '../policy/catalogue.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Row, Store } from '../storage/store.ts'

/** One generation of one lookup. */
export interface Slot {
  readonly lookup: number
  readonly generation: number
}

/** What keys of lookups need. */
export interface LookupKeyDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly keys: PersonKeys
  readonly catalogue: Catalogue
}

/** Wrapped keys by lookup and generation, as last read. */
export type LookupKeyRows = ReadonlyMap<number, ReadonlyMap<number, Uint8Array>>

export const FIRST_GENERATION = 1
const KEY_LENGTH = 32
const PAGE = 1_000

/** The row of a new lookup key. */
export function lookupKeyRow(
  { keyspace, keys, catalogue }: Omit<LookupKeyDeps, 'store'>,
  slot: Slot,
): Row {
  const accessClass = catalogue.lookups[slot.lookup]?.accessClass ?? 0
  const bound = { accessClass, label: labelOf(slot) }
  const row = encodeStoredKey(keys, bound, randomBytes(KEY_LENGTH))
  return [keyspace.lookupKey(slot.lookup, slot.generation), row]
}

/** What the key of a lookup is bound to: filed as another one it does not unwrap. */
export function labelOf({ lookup, generation }: Slot): string {
  return `lookup/${lookup}/${generation}`
}

/** Every key of a lookup there is, in the order of generations. */
export async function readLookupKeys({
  store,
  keyspace,
}: Pick<LookupKeyDeps, 'store' | 'keyspace'>): Promise<LookupKeyRows> {
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

/** Keys for the lookups of a policy that have none: they are new, or were dropped when no policy had them. */
export async function missingLookupKeys(
  deps: LookupKeyDeps,
  { records }: Pick<CompiledPolicy, 'records'>,
): Promise<readonly Row[]> {
  const rows = await readLookupKeys(deps)
  const names = new Set(
    [...records.values()].flatMap(({ lookups }) => lookups.map(({ name }) => name)),
  )
  return deps.catalogue.lookups.flatMap(({ name }, lookup) =>
    names.has(name) && !rows.has(lookup)
      ? [lookupKeyRow(deps, { lookup, generation: FIRST_GENERATION })]
      : [],
  )
}
