import { expect, test } from 'vitest'
import type { Store, StoreInfo } from 'privity'
import { memoryData, type MemoryData, memoryStore } from 'privity/memory'
import { verifyReceipt } from 'privity/verify'
import { fromUtf8 } from '../../src/base/bytes.ts'
import { accessorsOf, ANNA, eagerClock, giveOnWeb, openAcme, refusal } from '../support/acme.ts'
import {
  acmeKeyspace as keyspace,
  copyOf,
  faultsOf,
  openPair as open,
  pair,
  rowsOf,
  setRow,
  withAnna,
} from '../support/key-stores.ts'

function refused(code: string): object {
  return {
    code: 'invalid_input',
    details: { issues: [{ path: ['keyStore'], code }] },
  }
}

async function ownerOf(share: MemoryData): Promise<unknown> {
  const row = (await rowsOf(share)).find(([key]) => key === keyspace.store)?.[1]
  return row === undefined ? undefined : JSON.parse(fromUtf8(row) ?? '')
}

test('one database given as both stores is refused, and is as it was', async () => {
  const share = memoryData()
  const both = openAcme(memoryStore({ share }), { keyStore: memoryStore({ share }) })
  expect(await refusal(both)).toEqual(refused('same_as_store'))
  expect(await rowsOf(share)).toEqual([])
  await (await openAcme(memoryStore({ share }))).close()
})

test('a key store that a store was made with is no other store’s, though nobody is in it yet', async () => {
  const stores = pair()
  await (await open(stores)).close()
  const main = memoryData()
  expect(await refusal(open({ ...stores, main }))).toEqual(refused('of_another_store'))
  expect(await rowsOf(main)).toEqual([])
  expect(await faultsOf(await open(stores))).toEqual([])
})

test('of two stores that are made over one key store at once, one can be opened', async () => {
  const stores = pair()
  const late = memoryData()
  const keyStore = memoryStore({ share: stores.keys })
  let marks = 0
  const slow: Store = {
    ...keyStore,
    commit: async (batch) => {
      const [, row] = batch.put.find(([key]) => key === keyspace.store) ?? []
      if (row !== undefined && (fromUtf8(row) ?? '').includes('made')) {
        marks += 1
        // The other one is made right before this one says that it is.
        if (marks === 1) await (await open({ main: late, keys: stores.keys })).close()
      }
      return keyStore.commit(batch)
    },
  }
  const first = openAcme(memoryStore({ share: stores.main }), { keyStore: slow })
  expect(await refusal(first)).toEqual(refused('of_another_store'))
  expect(await refusal(open(stores))).toEqual(refused('of_another_store'))
  expect(await faultsOf(await open({ main: late, keys: stores.keys }))).toEqual([])
})

test('a key store of which a crash left open whether its store was made says so when it is opened', async () => {
  const stores = pair()
  const { acme, id } = await withAnna(stores)
  await acme.close()
  const { made, ...unmade } = (await ownerOf(stores.keys)) as { made: string }
  expect(made).toMatch(/^[0-9a-f]{64}$/)
  const older = { ...stores, keys: await copyOf(stores.keys) }
  await setRow(older.keys, keyspace.store, new TextEncoder().encode(JSON.stringify(unmade)))
  const again = await open(older)
  expect(await accessorsOf(again).support.contact.read(id as never)).toMatchObject({
    name: ANNA.name,
  })
  expect(await ownerOf(older.keys)).toEqual({ ...unmade, made })
})

test('a receipt promises no more than the key store keeps', async () => {
  const stores = pair()
  const sure = (share: MemoryData): Store => {
    const store = memoryStore({ share })
    const open = async (): Promise<StoreInfo> => ({
      ...(await store.open()),
      durability: 'power-loss',
    })
    return { ...store, open }
  }
  const levels: unknown[] = []
  for (const keyStore of [memoryStore({ share: stores.keys }), sure(stores.keys)]) {
    const acme = await openAcme(sure(stores.main), { keyStore, clock: eagerClock() })
    const { id } = await acme.subjects.register()
    const { receipt } = await giveOnWeb(acme, id, ['marketing'])
    const { record } = await verifyReceipt(receipt, acme.ledger.publicKeys)
    levels.push(record?.['durability'])
    await acme.close()
  }
  expect(levels).toEqual(['none', 'power-loss'])
})
