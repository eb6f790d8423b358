import { expect, test } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type Privity,
  PrivityError,
  type Store,
} from 'privity'
import { memoryStore } from 'privity/memory'
import { decodeContainer, SECTION } from '../../src/storage/container.ts'
import { decodeKeyRow } from '../../src/subjects/key-row.ts'
import { accessorsOf, collect, controller, eagerClock, openAcme, refusal } from '../support/acme.ts'
import { type EpochKeys, epochKeys } from '../support/epoch-keys.ts'
import {
  acmeKeyspace as keyspace,
  faultsOf,
  kindsAt,
  openPair,
  type Pair,
  pair,
  rowAt,
  withAnna,
} from '../support/key-stores.ts'

const REASON = { reason: 'subject_request' } as const
const PURPOSES = ['support', 'marketing', 'billing'] as const
type Purpose = (typeof PURPOSES)[number]
type Fields = { readonly [name: string]: readonly Purpose[] }
type Instance = Privity<never, never>

/** Each set of purposes is a class of keys of its own. */
const FIRST: Fields = { name: PURPOSES, old: ['support'] }
const SECOND: Fields = { ...FIRST, offer: ['marketing'] }
const WITHOUT: Fields = { name: PURPOSES }

interface Contact {
  create(id: string, value: object): Promise<unknown>
  update(id: string, value: object, options?: object): Promise<unknown>
  read(id: string): Promise<object>
}

interface Stores {
  readonly store: Store
  readonly keyStore: Store
}

const plain = ({ main, keys }: Pair): Stores => ({
  store: memoryStore({ share: main }),
  keyStore: memoryStore({ share: keys }),
})

function deploy(stores: Stores, fields: Fields, keys: EpochKeys = epochKeys()): Promise<Instance> {
  const basis = 'contract' as const
  const purposes = definePurposes({
    support: { basis, description: 'Help' },
    marketing: { basis, description: 'Offers' },
    billing: { basis, description: 'Bills' },
  })
  const contact = defineRecord(purposes, ({ field }) =>
    Object.fromEntries(
      Object.entries(fields).map(([name, named]) => [
        name,
        field(z.string().exactOptional(), { purposes: named as never }),
      ]),
    ),
  )
  const roles = { all: { purposes: PURPOSES } }
  const policy = definePolicy({ controller, purposes, records: { contact }, roles } as never)
  return createPrivity({
    policy,
    ...stores,
    keys: keys.provider(),
    clock: eagerClock(),
  }) as unknown as Promise<Instance>
}

function contactOf(instance: Instance, purpose: Purpose): Contact {
  const ask = { purpose, actor: { id: 'staff:ida', roles: ['all'] } }
  return (instance.accessor(ask as never) as unknown as { contact: Contact }).contact
}

interface Gate {
  /** Resolves when somebody came to it. */
  readonly reached: Promise<void>
  pass(): Promise<void>
  open(): void
}

/** Holds the first that comes to it until it is opened. */
function gate(): Gate {
  let [reach, open]: (() => void)[] = []
  const reached = new Promise<void>((resolve) => {
    reach = resolve
  })
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return {
    reached,
    pass: () => {
      reach?.()
      return opened
    },
    open: () => open?.(),
  }
}

test('resealing under an older policy leaves a key that a newer one is about to count on', async () => {
  const keys = epochKeys()
  const stores = pair()
  const before = plain(stores)
  const [resealing, writing] = [gate(), gate()]
  let isResealing = false
  const one = await deploy(
    {
      ...before,
      keyStore: {
        ...before.keyStore,
        read: async (names) => {
          if (isResealing) await resealing.pass()
          return before.keyStore.read(names)
        },
      },
    },
    FIRST,
    keys,
  )
  const { id } = await one.subjects.register()
  await contactOf(one, 'support').create(id, { name: 'Anna', old: 'x' })
  isResealing = true
  const resealed = one.keys.reseal()
  await resealing.reached
  let isWriting = false
  const after = plain(stores)
  const two = await deploy(
    {
      ...after,
      store: {
        ...after.store,
        commit: async (batch) => {
          if (isWriting) await writing.pass()
          return after.store.commit(batch)
        },
      },
    },
    SECOND,
    keys,
  )
  isWriting = true
  const written = contactOf(two, 'marketing').update(id, { offer: 'An offer' })
  await writing.reached
  resealing.open()
  expect(await resealed).toMatchObject({ keysDestroyed: 0 })
  writing.open()
  await written
  const third = await deploy(plain(stores), SECOND, keys)
  expect(await contactOf(third, 'marketing').read(id)).toMatchObject({ offer: 'An offer' })
  expect(await faultsOf(third as never)).toEqual([])
})

/** Somebody with a key of a class that the next policy has not, after a reseal that broke off before it was destroyed. */
async function brokenReseal(
  stores: Pair,
  { keys, hasOffer }: { readonly keys: EpochKeys; readonly hasOffer: boolean },
): Promise<string> {
  const one = await deploy(plain(stores), SECOND, keys)
  const { id } = await one.subjects.register()
  await contactOf(one, 'support').create(id, { name: 'Anna', old: 'x' })
  if (hasOffer) await contactOf(one, 'marketing').update(id, { offer: 'An offer' })
  await contactOf(one, 'support').update(id, {}, { unset: ['old'] })
  await one.close()
  const { store, keyStore } = plain(stores)
  let isDown = false
  const failing: Store = {
    ...keyStore,
    commit: (batch) =>
      isDown
        ? Promise.reject(new PrivityError('store_unavailable', { reason: 'down' }))
        : keyStore.commit(batch),
  }
  const two = await deploy({ store, keyStore: failing }, WITHOUT, keys)
  isDown = true
  expect((await refusal(two.keys.reseal())).code).toBe('store_unavailable')
  return id
}

for (const hasOffer of [false, true]) {
  test(`what a reseal that broke off left in the key store is destroyed by the next, ${
    hasOffer ? 'beside a key that is in use' : 'and counted once'
  }`, async () => {
    const keys = epochKeys()
    const stores = pair()
    const kept = hasOffer ? 1 : 0
    const id = await brokenReseal(stores, { keys, hasOffer })
    const left = decodeKeyRow(await rowAt(stores.keys, id))?.entries.length ?? 0
    const again = await deploy(plain(stores), WITHOUT, keys)
    expect(await again.keys.reseal()).toMatchObject({ keysDestroyed: 1, left: { keys: kept } })
    expect(decodeKeyRow(await rowAt(stores.keys, id))?.entries).toHaveLength(left - 1)
    expect(await again.keys.reseal()).toMatchObject({ keysDestroyed: 0, left: { keys: kept } })
    expect(await contactOf(again, 'billing').read(id)).toMatchObject({ name: 'Anna' })
    expect(await faultsOf(again as never)).toEqual([])
  })
}

test('wrapping anew in a process that is behind never costs a key: the epoch stays, and it catches up', async () => {
  const keys = epochKeys()
  const stores = pair()
  const { store, keyStore } = plain(stores)
  const wrapping = gate()
  let isWrapping = false
  const slow: Store = {
    ...keyStore,
    read: async (names) => {
      if (isWrapping) await wrapping.pass()
      return keyStore.read(names)
    },
  }
  const one = await deploy({ store, keyStore: slow }, FIRST, keys)
  const { id } = await one.subjects.register()
  await contactOf(one, 'support').create(id, { name: 'Anna' })
  await one.keys.rotate()
  isWrapping = true
  const wrapped = one.keys.rewrap()
  await wrapping.reached
  const two = await deploy(plain(stores), FIRST, keys)
  expect(await two.keys.rotate()).toBe(3)
  expect(await two.keys.usage(2)).toMatchObject({ people: 0, personKeys: 0 })
  expect(await refusal(two.keys.retire(2))).toMatchObject({
    code: 'key_in_use',
    details: { epoch: 2, current: false, people: 1 },
  })
  wrapping.open()
  expect(await wrapped).toMatchObject({ epoch: 3, people: 1, left: { unavailable: 0 } })
  await two.keys.retire(1)
  await two.keys.retire(2)
  const three = await deploy(plain(stores), FIRST, keys)
  expect(await contactOf(three, 'support').read(id)).toMatchObject({ name: 'Anna' })
})

test('a key that was added for a write that failed stays, and is no fault', async () => {
  const stores = pair()
  const { acme, id } = await withAnna(stores)
  await acme.close()
  const { store, keyStore } = plain(stores)
  const failing: Store = {
    ...store,
    commit: (batch) =>
      batch.put.some(([key]) => key === keyspace.person(id))
        ? Promise.reject(new PrivityError('store_unavailable', { reason: 'down' }))
        : store.commit(batch),
  }
  const doomed = await openAcme(failing, { keyStore, clock: eagerClock() })
  const before = decodeKeyRow(await rowAt(stores.keys, id))?.entries.length ?? 0
  const { ticket } = accessorsOf(doomed).support
  const writing = ticket.create(id as never, { text: 'Help' })
  expect((await refusal(writing)).code).toBe('store_unavailable')
  expect(decodeKeyRow(await rowAt(stores.keys, id))?.entries).toHaveLength(before + 1)
  const again = await openPair(stores)
  expect(await faultsOf(again)).toEqual([])
  await accessorsOf(again).support.ticket.create(id as never, { text: 'Help' })
  const tickets = accessorsOf(again).support.ticket.list({ subjectId: id as never })
  expect(await collect(tickets)).toHaveLength(1)
  await again.erasure.erase(id as never, REASON)
  expect(await kindsAt(stores.keys, id)).toEqual([SECTION.fence])
})

test('a key that nobody counts on, under an epoch that is gone, is missed by nobody', async () => {
  const stores = pair()
  const keys = epochKeys()
  const { acme, id } = await withAnna(stores, { keys: keys.provider() })
  await acme.close()
  const { store, keyStore } = plain(stores)
  let isDown = false
  const failing: Store = {
    ...store,
    commit: (batch) =>
      isDown
        ? Promise.reject(new PrivityError('store_unavailable', { reason: 'down' }))
        : store.commit(batch),
  }
  const doomed = await openAcme(failing, { keyStore, keys: keys.provider(), clock: eagerClock() })
  const late = await openPair(stores, { keys: keys.provider() })
  await late.keys.rotate()
  await late.keys.rewrap()
  isDown = true
  const { ticket } = accessorsOf(doomed).support
  expect((await refusal(ticket.create(id as never, { text: 'Help' }))).code).toBe(
    'store_unavailable',
  )
  await late.keys.retire(1)
  await late.keys.rotate()
  expect(await late.keys.rewrap()).toMatchObject({ people: 1, left: { unavailable: 0 } })
  expect(await faultsOf(late)).toEqual([])
})

test('verification finds no fault between the last commit of an erasure and its keys', async () => {
  const stores = pair()
  const { store, keyStore } = plain(stores)
  const destroying = gate()
  const slow: Store = {
    ...keyStore,
    commit: async (batch) => {
      const kinds = batch.put.flatMap(([, row]) => decodeContainer(row) ?? [])
      if (kinds.length === 1 && kinds[0]?.kind === SECTION.fence) await destroying.pass()
      return keyStore.commit(batch)
    },
  }
  const acme = await openAcme(store, { keyStore: slow, clock: eagerClock() })
  const { id } = await acme.subjects.register()
  const erasing = acme.erasure.erase(id, REASON)
  await destroying.reached
  expect(await kindsAt(stores.main, id)).toEqual([SECTION.fence])
  const other = await openPair(stores)
  expect(await faultsOf(other)).toEqual([])
  destroying.open()
  await erasing
  expect(await faultsOf(other)).toEqual([])
})
