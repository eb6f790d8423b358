import type { Clock } from '../base/time.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import { type Quarantine, quarantined } from '../ledger/quarantine.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { DurabilityLevel, Store } from '../storage/store.ts'
import { createKeyRows, type KeyRows } from '../subjects/key-rows.ts'

/** The stores of an instance: most have one. */
export interface Stores {
  readonly store: Store
  readonly keyStore: Store | undefined
  readonly journal: Store | undefined
}

/** What key rows stand on. */
export interface KeyRowParts {
  readonly keyStore: Store | undefined
  readonly keyspace: Keyspace
  readonly clock: Clock
  readonly quarantine: Quarantine
  readonly controller: Pick<ControllerKey, 'open'>
}

/** From the least on. */
const LEVELS: readonly DurabilityLevel[] = ['none', 'process-crash', 'power-loss']

/** Opens all of them; resolves to what a change survives: without its keys, nothing of it is left. */
export async function openStores(stores: Stores): Promise<DurabilityLevel> {
  const { durability } = await stores.store.open()
  try {
    const keys = await stores.keyStore?.open()
    await stores.journal?.open()
    return lesser(durability, keys?.durability ?? durability)
  } catch (error) {
    // What went wrong first is what the caller should hear of.
    await closeStores(stores).catch(() => undefined)
    throw error
  }
}

function lesser(a: DurabilityLevel, b: DurabilityLevel): DurabilityLevel {
  return LEVELS.indexOf(a) < LEVELS.indexOf(b) ? a : b
}

/** Closes all of them, also when one fails. */
export async function closeStores({ store, keyStore, journal }: Stores): Promise<void> {
  try {
    await store.close()
  } finally {
    try {
      await keyStore?.close()
    } finally {
      await journal?.close()
    }
  }
}

/** The key rings of a key store, which is closed to everybody while the store is in quarantine. */
export function openKeyRows({ keyStore, quarantine, ...deps }: KeyRowParts): KeyRows | undefined {
  if (keyStore === undefined) return undefined
  return createKeyRows({ ...deps, keyStore: quarantined(keyStore, quarantine) })
}
