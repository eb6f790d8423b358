import type { Clock } from '../base/time.ts'
import { type Quarantine, quarantined } from '../ledger/quarantine.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { DurabilityLevel, Store } from '../storage/store.ts'
import { createKeyRows, type KeyRows } from '../subjects/key-rows.ts'

/** The stores of an instance: most have no key store. */
export interface Stores {
  readonly store: Store
  readonly keyStore: Store | undefined
}

/** What key rows stand on. */
export interface KeyRowParts {
  readonly keyStore: Store | undefined
  readonly keyspace: Keyspace
  readonly clock: Clock
  readonly quarantine: Quarantine
}

/** Opens both; resolves to what a commit to the main one survives. */
export async function openStores(stores: Stores): Promise<DurabilityLevel> {
  const { durability } = await stores.store.open()
  try {
    await stores.keyStore?.open()
    return durability
  } catch (error) {
    // What went wrong first is what the caller should hear of.
    await closeStores(stores).catch(() => undefined)
    throw error
  }
}

/** Closes both, also when one of them fails. */
export async function closeStores({ store, keyStore }: Stores): Promise<void> {
  try {
    await store.close()
  } finally {
    await keyStore?.close()
  }
}

/** The key rings of a key store, which is closed to everybody while the store is in quarantine. */
export function openKeyRows({ keyStore, quarantine, ...deps }: KeyRowParts): KeyRows | undefined {
  if (keyStore === undefined) return undefined
  return createKeyRows({ ...deps, keyStore: quarantined(keyStore, quarantine) })
}
