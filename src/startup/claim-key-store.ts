import { canonicalBytes, type JsonObject } from '../base/canonical.ts'
import { invalidInput, isPrivityError, PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Store } from '../storage/store.ts'

/** A key store, and where in it. */
export interface KeyStoreDeps {
  readonly store: Store
  readonly keyStore: Store | undefined
  readonly keyspace: Keyspace
}

const VERSION = 1

/**
 * Refuses a key store that is not the one that a store was made with: one that is missing, empty or another's would
 * look as if everybody's keys were gone.
 *
 * @throws {@link invalid_input}
 */
export async function requireKeyStore(
  { keyStore, keyspace }: Omit<KeyStoreDeps, 'store'>,
  { storeId, hasKeyStore }: { readonly storeId: string; readonly hasKeyStore: boolean },
): Promise<void> {
  if (!hasKeyStore) {
    if (keyStore === undefined) return
    throw invalidInput(['keyStore'], 'not_used')
  }
  if (keyStore === undefined) throw invalidInput(['keyStore'], 'required')
  const found = await readOwner(keyStore, keyspace)
  if (found === undefined) throw invalidInput(['keyStore'], 'empty')
  if (found !== storeId) throw invalidInput(['keyStore'], 'of_another_store')
}

/**
 * Says in a new key store whose it is, before the store itself says that it has one; resolves to the id of the store
 * that both are, which may be one that another process began with, or that a crash left behind.
 *
 * @throws {@link invalid_input} when somebody's keys are there already
 */
export async function claimKeyStore(
  { store, keyStore, keyspace }: KeyStoreDeps,
  storeId: string,
): Promise<string> {
  if (keyStore === undefined) return storeId
  const found = await readOwner(keyStore, keyspace)
  if (found === undefined) return putOwner(keyStore, keyspace, storeId)
  const [first] = await keyStore.scan(keyspace.person(''), { limit: 1 })
  const [made] = await store.read([keyspace.store])
  // Somebody counts on these keys, and it is not this store, unless another process has just made it.
  if (first !== undefined && made === undefined)
    throw invalidInput(['keyStore'], 'of_another_store')
  return found
}

async function putOwner(keyStore: Store, keyspace: Keyspace, storeId: string): Promise<string> {
  const row = canonicalBytes({ v: VERSION, keysOf: storeId })
  try {
    const put = [[keyspace.store, row]] as const
    await keyStore.commit({ checks: [[keyspace.store, null]], put, del: [] })
    return storeId
  } catch (error) {
    if (!isPrivityError(error, 'write_conflict') && !isPrivityError(error, 'outcome_unknown'))
      throw error
    const found = await readOwner(keyStore, keyspace)
    if (found === undefined) throw error
    return found
  }
}

/** @throws {@link unsupported_format} when the row is not that of a key store */
async function readOwner(keyStore: Store, keyspace: Keyspace): Promise<string | undefined> {
  const [row] = await keyStore.read([keyspace.store])
  if (row === undefined) return undefined
  const { v, keysOf } = (parseCanonical(row) ?? {}) as JsonObject
  if (v === VERSION && typeof keysOf === 'string') return keysOf
  const version = typeof v === 'number' ? v : 0
  throw new PrivityError('unsupported_format', { what: 'key_store', version })
}
