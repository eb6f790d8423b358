import { canonicalBytes, type JsonObject } from '../base/canonical.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Store } from '../storage/store.ts'

/** A store beside the main one, and what its own row calls the store that it belongs to. */
export interface OwnedStore {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly member: 'keysOf' | 'journalOf'
}

/** What such a store says of itself. */
export interface Owner {
  readonly storeId: string
  /** Salt of the store that was made with it; absent until that was. */
  readonly made?: string
  /** As stored. */
  readonly row: Uint8Array
}

const VERSION = 1
const WHAT = { keysOf: 'key_store', journalOf: 'journal' } as const

/** Says whose a store is; resolves to what it says then, which may be what another process said first. */
export async function putOwner(owned: OwnedStore, storeId: string): Promise<string> {
  const { store, keyspace, member } = owned
  const row = canonicalBytes({ v: VERSION, [member]: storeId })
  try {
    const put = [[keyspace.store, row]] as const
    await store.commit({ checks: [[keyspace.store, null]], put, del: [] })
    return storeId
  } catch (error) {
    if (!isPrivityError(error, 'write_conflict') && !isPrivityError(error, 'outcome_unknown'))
      throw error
    const found = await readOwner(owned)
    if (found === undefined) throw error
    return found
  }
}

/**
 * Whose a store is; undefined when it is nobody's yet.
 *
 * @throws {@link unsupported_format} when the row is not of such a store
 */
export async function readOwner(owned: OwnedStore): Promise<string | undefined> {
  return (await readOwnerRow(owned))?.storeId
}

/**
 * The same, and whether that store was made; undefined when it is nobody's yet.
 *
 * @throws {@link unsupported_format} when the row is not of such a store
 */
export async function readOwnerRow({
  store,
  keyspace,
  member,
}: OwnedStore): Promise<Owner | undefined> {
  const [row] = await store.read([keyspace.store])
  if (row === undefined) return undefined
  const { v, [member]: owner, made } = (parseCanonical(row) ?? {}) as JsonObject
  if (v === VERSION && typeof owner === 'string')
    return { storeId: owner, row, ...(typeof made === 'string' ? { made } : {}) }
  const version = typeof v === 'number' ? v : 0
  throw new PrivityError('unsupported_format', { what: WHAT[member], version })
}

/** Says that the store that this one is of was made; resolves to the salt of the one that was. */
export async function markMade(owned: OwnedStore, made: string): Promise<string> {
  const { store, keyspace, member } = owned
  const found = await readOwnerRow(owned)
  if (found === undefined || found.made !== undefined) return found?.made ?? made
  const row = canonicalBytes({ v: VERSION, [member]: found.storeId, made })
  try {
    const put = [[keyspace.store, row]] as const
    await store.commit({ checks: [[keyspace.store, found.row]], put, del: [] })
    return made
  } catch (error) {
    const now = await readOwnerRow(owned)
    if (now?.made === undefined) throw error
    return now.made
  }
}
