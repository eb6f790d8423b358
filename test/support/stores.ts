import { afterAll, test } from 'vitest'
import { memoryData, memoryStore } from 'privity/memory'
import { sqliteStore } from 'privity/sqlite'
import type { Batch, Row, Store, StoreInfo } from 'privity'
import { type Connection, createFolder, DRIVERS } from './sqlite-drivers.ts'

/** Rows that several stores are opened on, one after the other or together, as processes would. */
export interface Place {
  readonly name: PlaceName
  /** One more store on the same rows: another process, or the same one started again. */
  store(): Store
  /** Every row there is, in order. */
  rows(): Promise<readonly Row[]>
  /** Every byte that is on disk, where the files are in reach; nothing for a store in memory. */
  files(): readonly Uint8Array[]
  dispose(): void | Promise<void>
}

/** The stores that are there at once. */
export type StoreName = 'memory' | 'better-sqlite3' | 'node:sqlite'

/** And those of an engine, which is asked for first. */
export type PlaceName = StoreName | 'PostgreSQL' | 'IndexedDB'

/** Places that a test makes by itself. */
export const STORES: { readonly [N in StoreName]: () => Place } = {
  memory: memoryPlace,
  'better-sqlite3': () => sqlitePlace('better-sqlite3'),
  'node:sqlite': () => sqlitePlace('node:sqlite'),
}

/** One place of each kind of store. */
export const PLACES: { readonly [N in PlaceName]: () => Place | Promise<Place> } = {
  ...STORES,
  PostgreSQL: async () => (await import('./postgres-place.ts')).postgresPlace(),
  IndexedDB: async () => (await import('./browser/browser-place.ts')).browserPlace(),
}

/** What every journey runs over; once more with the keys of people in a store of their own. */
export const JOURNEYS: {
  readonly [N in PlaceName | 'memory, keys apart']: () => Place | Promise<Place>
} = { ...PLACES, 'memory, keys apart': keysApartPlace }

/** Journeys that die at every call of IndexedDB take a minute on a busy machine. */
const SLOW = 180_000
const PAGE = 1_000

let isLeaving = false

/** Lets go of the engines that tests of this file used, when all have run. */
export function leaveEngines(): void {
  if (isLeaving) return
  isLeaving = true
  afterAll(async () => {
    await (await import('./postgres-place.ts')).leavePostgres()
    await (await import('./browser/browser-place.ts')).leaveBrowser()
  })
}

/** One test per store of the table. */
export function journey(title: string, run: (place: Place) => Promise<void>): void {
  leaveEngines()
  for (const [name, open] of Object.entries(JOURNEYS)) {
    test(`${title} [${name}]`, { timeout: SLOW }, async () => {
      const place = await open()
      try {
        await run(place)
      } finally {
        await place.dispose()
      }
    })
  }
}

function memoryPlace(): Place {
  const share = memoryData()
  const store = (): Store => memoryStore({ share })
  return {
    name: 'memory',
    store,
    rows: () => allRows(store()),
    files: () => [],
    dispose: () => undefined,
  }
}

/** Instances of Acme find the key store at the store, also at one that a test put its own calls before. */
export const KEY_STORE: unique symbol = Symbol('key store')

/** The key store of a place where the keys are apart. */
export function keyStoreOf(store: Store): Store | undefined {
  return (store as { readonly [KEY_STORE]?: Store })[KEY_STORE]
}

/** The stores of a place, as options of an instance. */
export function storesOf(store: Store): { readonly store: Store; readonly keyStore?: Store } {
  const keyStore = keyStoreOf(store)
  return { store, ...(keyStore === undefined ? {} : { keyStore }) }
}

function keysApartPlace(): Place {
  const place = memoryPlace()
  const share = memoryData()
  return {
    ...place,
    store: () => Object.assign(place.store(), { [KEY_STORE]: memoryStore({ share }) }),
  }
}

function sqlitePlace(name: 'better-sqlite3' | 'node:sqlite'): Place {
  const folder = createFolder()
  const connections: Connection[] = []
  function store(): Store {
    const connection = DRIVERS[name].connect(folder.file)
    connections.push(connection)
    return sqliteStore(connection)
  }
  return {
    name,
    store,
    rows: () => allRows(store()),
    files: () => folder.contents(),
    dispose: () => {
      for (const connection of connections) connection.close()
      folder.remove()
    },
  }
}

/** What the store of a place says that a commit survives. */
export async function durabilityOf(place: Place): Promise<StoreInfo['durability']> {
  const store = place.store()
  const { durability } = await store.open()
  await store.close()
  return durability
}

/** Every row of a store that is not open yet. */
export async function allRows(store: Store): Promise<readonly Row[]> {
  await store.open()
  const rows: Row[] = []
  for (;;) {
    const after = rows.at(-1)?.[0]
    const page = await store.scan('', { ...(after === undefined ? {} : { after }), limit: PAGE })
    rows.push(...page)
    if (page.length < PAGE) break
  }
  await store.close()
  return rows
}

/** What passed between Privity and a store. */
export interface Traffic {
  readonly keys: Set<string>
  readonly values: Uint8Array[]
}

/** Records every key and every value that goes to or comes from a store. */
export function spyStore(store: Store): { readonly store: Store; readonly traffic: Traffic } {
  const traffic: Traffic = { keys: new Set(), values: [] }
  function note(key: string, value: Uint8Array | null | undefined): void {
    traffic.keys.add(key)
    if (value !== undefined && value !== null) traffic.values.push(value.slice())
  }
  const spied: Store = {
    ...store,
    read: async (keys) => {
      const values = await store.read(keys)
      keys.forEach((key, index) => {
        note(key, values[index])
      })
      return values
    },
    scan: async (prefix, options) => {
      const rows = await store.scan(prefix, options)
      note(prefix, undefined)
      for (const [key, value] of rows) note(key, value)
      return rows
    },
    commit: async (batch) => {
      for (const [key, value] of [...batch.checks, ...batch.put]) note(key, value)
      for (const key of batch.del) note(key, undefined)
      return store.commit(batch)
    },
  }
  return { store: spied, traffic }
}

/** A store whose process dies: from one call on, nothing it is asked ever answers. */
export interface DyingStore {
  readonly store: Store
  /** Resolves when the process is dead. */
  readonly dead: Promise<'dead'>
  readonly calls: () => number
}

/**
 * Dies at the nth call after {@link DyingStore.store} was armed: `before` it had any effect, or `after`,
 * with only the answer lost.
 */
export function dyingStore(
  store: Store,
  death: { readonly nth: number; readonly when: 'before' | 'after'; readonly armed: () => boolean },
): DyingStore {
  let calls = 0
  let isDead = false
  let die: (dead: 'dead') => void = () => undefined
  const dead = new Promise<'dead'>((resolve) => {
    die = resolve
  })
  async function meet<T>(run: () => Promise<T>): Promise<T> {
    if (isDead) return never()
    if (!death.armed()) return run()
    calls += 1
    if (calls < death.nth) return run()
    isDead = true
    if (death.when === 'after') await run()
    die('dead')
    return never()
  }
  const { scrub } = store
  return {
    dead,
    calls: () => calls,
    store: {
      ...store,
      read: (keys) => meet(() => store.read(keys)),
      scan: (prefix, options) => meet(() => store.scan(prefix, options)),
      commit: (batch: Batch) => meet(() => store.commit(batch)),
      ...(scrub === undefined ? {} : { scrub: () => meet(() => scrub()) }),
    },
  }
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined)
}
