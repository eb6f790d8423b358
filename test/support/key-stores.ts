import type { Store } from 'privity'
import { memoryData, type MemoryData, memoryStore } from 'privity/memory'
import { toHex, utf8 } from '../../src/base/bytes.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import { decodeContainer } from '../../src/storage/container.ts'
import { createKeyspace, type Keyspace } from '../../src/storage/keyspace.ts'
import type { Key, Row } from '../../src/storage/store.ts'
import { accessorsOf, type Acme, type AcmeOptions, ANNA, eagerClock, openAcme } from './acme.ts'

/** The rows of an instance with a key store, in memory. */
export interface Pair {
  readonly main: MemoryData
  readonly keys: MemoryData
}

/** Where the rows of Acme are. */
export const acmeKeyspace: Keyspace = createKeyspace(toHex(sha256(utf8('acme'))).slice(0, 16))

export function pair(): Pair {
  return { main: memoryData(), keys: memoryData() }
}

export function openPair({ main, keys }: Pair, options: AcmeOptions = {}): Promise<Acme> {
  return openAcme(memoryStore({ share: main }), {
    keyStore: memoryStore({ share: keys }),
    clock: eagerClock(),
    ...options,
  })
}

/** An instance with somebody who has a contact. */
export async function withAnna(
  stores: Pair,
  options: AcmeOptions = {},
): Promise<{ readonly acme: Acme; readonly id: string }> {
  const acme = await openPair(stores, options)
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  return { acme, id }
}

export async function rowsOf(share: MemoryData): Promise<readonly Row[]> {
  const store = memoryStore({ share })
  await store.open()
  return store.scan('', { limit: 10_000 })
}

export async function copyOf(share: MemoryData): Promise<MemoryData> {
  const copy = memoryData()
  const store = memoryStore({ share: copy })
  await store.open()
  const put = await rowsOf(share)
  await store.commit({ checks: [], put, del: [] })
  return copy
}

export async function edit(
  share: MemoryData,
  change: (store: Store) => Promise<void>,
): Promise<void> {
  const store = memoryStore({ share })
  await store.open()
  await change(store)
}

/** Writes one row past the library; undefined deletes it. */
export function setRow(share: MemoryData, key: Key, value: Uint8Array | undefined): Promise<void> {
  return edit(share, (store) =>
    store.commit({
      checks: [],
      put: value === undefined ? [] : [[key, value]],
      del: value === undefined ? [key] : [],
    }),
  )
}

export async function rowAt(share: MemoryData, id: string): Promise<Uint8Array | undefined> {
  const store = memoryStore({ share })
  await store.open()
  const [row] = await store.read([acmeKeyspace.person(id)])
  return row
}

/** Kinds of the sections in the row of a person. */
export async function kindsAt(share: MemoryData, id: string): Promise<readonly number[]> {
  const row = await rowAt(share, id)
  return row === undefined ? [] : (decodeContainer(row) ?? []).map(({ kind }) => kind)
}

export async function faultsOf(acme: Acme): Promise<readonly string[]> {
  const { faults } = await acme.ledger.verify({ deep: true })
  return faults.map(({ kind }) => kind)
}
