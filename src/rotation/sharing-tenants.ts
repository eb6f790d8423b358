import { fromHex } from '../base/bytes.ts'
import type { JsonObject } from '../base/canonical.ts'
import { isPrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import type { GuardedKeys } from '../keys/guarded-keys.ts'
import type { KeyContext } from '../keys/provider.ts'
import { createKeyspace, type Keyspace } from '../storage/keyspace.ts'
import type { Key, Store } from '../storage/store.ts'

/** What looking for other tenants needs. */
export interface SharingDeps {
  readonly store: Store
  /** Of the tenant that asks: it is not counted. */
  readonly keyspace: Keyspace
  readonly provider: GuardedKeys
}

const TENANT = /^([0-9a-f]{16})\//
/** Greater than every letter that a row of a tenant begins with. */
const BEHIND = '~'
const NOT_OURS = ['key_unreadable', 'key_unknown'] as const

/**
 * How many other tenants of the store have keys that this provider opens under an epoch: its destruction would take
 * all that they have along. Asks once or twice per tenant, however many people they have.
 *
 * @throws {@link key_unavailable} when the provider does not answer, so that it cannot be told
 */
export async function countSharing(deps: SharingDeps, epoch: number): Promise<number> {
  const { store, keyspace } = deps
  let sharing = 0
  let after: Key | undefined
  for (;;) {
    const [row] = await store.scan('', { after, limit: 1 })
    if (row === undefined) return sharing
    const [prefix = '', hash] = TENANT.exec(row[0]) ?? []
    const behind = `${prefix}${BEHIND}`
    after = hash !== undefined && row[0] < behind ? behind : row[0]
    if (hash === undefined || prefix === keyspace.prefix) continue
    sharing += (await isSharing(deps, createKeyspace(hash), epoch)) ? 1 : 0
  }
}

/** Tenants have epochs of the same numbers with providers of their own too: only the provider can tell. */
async function isSharing(
  { store, provider }: SharingDeps,
  tenant: Keyspace,
  epoch: number,
): Promise<boolean> {
  const [row, wrapped] = await store.read([tenant.store, tenant.controllerKey(epoch)])
  if (wrapped === undefined)
    return (await store.scan(tenant.epochKeys(epoch), { limit: 1 })).length > 0
  const context = contextOf(row, epoch)
  if (context === undefined) return true
  try {
    const key = await provider.unwrap(wrapped, context)
    key.fill(0)
    return true
  } catch (error) {
    if (NOT_OURS.some((code) => isPrivityError(error, code))) return false
    throw error
  }
}

/** Undefined for a row that is none that is known here. */
function contextOf(row: Uint8Array | undefined, epoch: number): KeyContext | undefined {
  const { storeId, salt } = ((row && parseCanonical(row)) ?? {}) as JsonObject
  const bytes = typeof salt === 'string' ? fromHex(salt) : undefined
  if (typeof storeId !== 'string' || bytes === undefined) return undefined
  return { storeId, salt: bytes, epoch, accessClass: 'controller' }
}
