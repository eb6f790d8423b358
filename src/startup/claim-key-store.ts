import { sameBytes, toHex } from '../base/bytes.ts'
import { invalidInput } from '../base/errors.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Store } from '../storage/store.ts'
import { markMade, type OwnedStore, putOwner, readOwnerRow } from './owner-row.ts'

/** A key store, and where in it. */
export interface KeyStoreDeps {
  readonly store: Store
  readonly keyStore: Store | undefined
  readonly keyspace: Keyspace
}

/** A store that was made. */
export interface MadeStore {
  readonly storeId: string
  readonly salt: Uint8Array
  readonly hasKeyStore: boolean
}

/**
 * Refuses a key store that is not the one that a store was made with: one that is missing, empty or another's would
 * look as if everybody's keys were gone.
 *
 * @throws {@link invalid_input}
 */
export async function requireKeyStore(
  { keyStore, keyspace }: Omit<KeyStoreDeps, 'store'>,
  { storeId, salt, hasKeyStore }: MadeStore,
): Promise<void> {
  if (!hasKeyStore) {
    if (keyStore === undefined) return
    throw invalidInput(['keyStore'], 'not_used')
  }
  if (keyStore === undefined) throw invalidInput(['keyStore'], 'required')
  const found = await readOwnerRow(owned(keyStore, keyspace))
  if (found === undefined) throw invalidInput(['keyStore'], 'empty')
  if (found.storeId !== storeId) throw invalidInput(['keyStore'], 'of_another_store')
  // Two stores that were made over one key store at once are of one id: the salt tells them apart.
  const made = found.made ?? (await markMade(owned(keyStore, keyspace), toHex(salt)))
  if (made !== toHex(salt)) throw invalidInput(['keyStore'], 'of_another_store')
}

/**
 * Says in a new key store whose it is, before the store itself says that it has one; resolves to the id of the store
 * that both are, which may be one that another process began with, or that a crash left behind.
 *
 * @throws {@link invalid_input} when another store was made with it, or somebody's keys are there already, or both
 * are one database
 */
export async function claimKeyStore(
  { store, keyStore, keyspace }: KeyStoreDeps,
  storeId: string,
): Promise<string> {
  if (keyStore === undefined) return storeId
  const own = owned(keyStore, keyspace)
  const found = await readOwnerRow(own)
  if (found === undefined) {
    const owner = await putOwner(own, storeId)
    await requireApart({ store, keyStore, keyspace })
    return owner
  }
  const [first] = await keyStore.scan(keyspace.person(''), { limit: 1 })
  const [made] = await store.read([keyspace.store])
  // Somebody counts on these keys, and it is not this store, unless another process has just made it.
  const isUsed = first !== undefined || found.made !== undefined
  if (isUsed && made === undefined) throw invalidInput(['keyStore'], 'of_another_store')
  return found.storeId
}

/** One database given as both would have the row of a key store where its own has to be. */
async function requireApart({
  store,
  keyStore,
  keyspace,
}: KeyStoreDeps & { readonly keyStore: Store }): Promise<void> {
  const key = keyspace.store
  const [row] = await store.read([key])
  const [own] = await keyStore.read([key])
  if (row === undefined || own === undefined || !sameBytes(row, own)) return
  await keyStore.commit({ checks: [[key, own]], put: [], del: [key] })
  throw invalidInput(['keyStore'], 'same_as_store')
}

function owned(store: Store, keyspace: Keyspace): OwnedStore {
  return { store, keyspace, member: 'keysOf' }
}
