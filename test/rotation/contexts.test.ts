import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toHex } from '../../src/base/bytes.ts'
import { memoryStore } from '../../src/adapters/memory.ts'
import { watchEpochs } from '../../src/keys/epoch-watch.ts'
import {
  decodeRing,
  encodeRing,
  type RingEntry,
  type RingOwner,
  unwrapPersonKey,
  wrapPersonKey,
} from '../../src/keys/key-ring.ts'
import { createPersonKeys, type PersonKeys } from '../../src/keys/person-keys.ts'
import { decodeStoredKey, encodeStoredKey } from '../../src/keys/stored-key.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import type { Store } from '../../src/storage/store.ts'
import { fakeClock, refusal } from '../support/acme.ts'
import { type EpochKeys, epochKeys } from '../support/epoch-keys.ts'
import { opened } from '../support/hooked-store.ts'

const KEYSPACE = createKeyspace('0123456789abcdef')
const CLASSES = ['core', 'contact:support', 'contact:care!health']
const ANNA = '11'.repeat(16)
const BEN = '22'.repeat(16)
const id = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(toHex)
const slot = fc.record({
  storeId: id,
  personId: id,
  accessClass: fc.nat({ max: 0xffff }),
  generation: fc.nat({ max: 0xffff_ffff }),
  epoch: fc.integer({ min: 1, max: 0xffff_ffff }),
  keyId: fc.uint8Array({ minLength: 8, maxLength: 8 }),
})
const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 })

type Slot = RingOwner & Omit<RingEntry, 'wrapped'>

test('a wrapped key opens in its own context, and in no other that differs in one part', () => {
  const parts = ['storeId', 'personId', 'accessClass', 'generation', 'epoch', 'keyId'] as const
  fc.assert(
    fc.property(slot, slot, bytes, bytes, (own: Slot, other: Slot, kek, key) => {
      const entry = { ...own, ...wrapPersonKey(key, kek, own) }
      expect(unwrapPersonKey(kek, entry)).toEqual(key)
      for (const part of parts) {
        const swapped = { ...entry, [part]: other[part] }
        const isSame = String(other[part]) === String(own[part])
        expect(unwrapPersonKey(kek, swapped)).toEqual(isSame ? key : undefined)
      }
      const [read] = decodeRing(encodeRing([entry])) ?? []
      expect({ ...own, ...read }).toEqual(entry)
    }),
    { numRuns: 300 },
  )
})

interface Process {
  readonly keys: PersonKeys
  advance(epoch: number): Promise<void>
}

function openKeys(store: Store, kms: EpochKeys, storeId = '00'.repeat(16)): Process {
  const epochs = watchEpochs(1)
  const keys = createPersonKeys({
    store,
    keyspace: KEYSPACE,
    provider: kms.provider(),
    storeId,
    salt: new Uint8Array(32),
    epochs,
    clock: fakeClock(),
    names: { nameOf: (accessClass) => CLASSES[accessClass], refresh: async () => undefined },
  })
  return { keys, advance: epochs.advance }
}

function slotsOf(epoch: number): readonly { epoch: number; accessClass: number }[] {
  return CLASSES.map((_, accessClass) => ({ epoch, accessClass }))
}

async function withTwoEpochs(): Promise<{ readonly store: Store; readonly kms: EpochKeys }> {
  const [store, kms] = [await opened(memoryStore()), epochKeys()]
  const { keys } = openKeys(store, kms)
  kms.rotate()
  const put = [...(await keys.mint(slotsOf(1))), ...(await keys.mint(slotsOf(2)))]
  await store.commit({ checks: [], put, del: [] })
  return { store, kms }
}

test('a rewrapped key is the same key under another epoch, and only for its own person', async () => {
  const { store, kms } = await withTwoEpochs()
  const { keys, advance } = openKeys(store, kms)
  await keys.loadAll()
  const made = CLASSES.map((_, accessClass) => keys.create(ANNA, accessClass))
  await advance(2)
  for (const [accessClass, { entry, key }] of made.entries()) {
    const rewrapped = keys.rewrap(ANNA, entry)
    expect(rewrapped).toMatchObject({ accessClass, generation: 1, epoch: 2, keyId: entry.keyId })
    expect(rewrapped.wrapped).not.toEqual(entry.wrapped)
    const other = openKeys(store, kms)
    await other.keys.loadAll()
    expect(other.keys.open(ANNA, rewrapped).tagKey()).toEqual(key.tagKey())
    const moved: readonly (readonly [string, RingEntry])[] = [
      [BEN, rewrapped],
      [ANNA, { ...rewrapped, accessClass: (accessClass + 1) % CLASSES.length }],
      [ANNA, { ...rewrapped, epoch: 1 }],
      [ANNA, { ...rewrapped, generation: 2 }],
      [ANNA, { ...rewrapped, wrapped: entry.wrapped }],
    ]
    for (const [personId, wrong] of moved) {
      const fresh = openKeys(store, kms)
      await fresh.keys.loadAll()
      expect((await refusal(() => fresh.keys.open(personId, wrong))).code).toBe('key_unreadable')
      expect((await refusal(() => fresh.keys.rewrap(personId, wrong))).code).toBe('key_unreadable')
    }
    const elsewhere = openKeys(store, kms, 'ff'.repeat(16))
    await elsewhere.keys.loadAll()
    expect((await refusal(() => elsewhere.keys.open(ANNA, rewrapped))).code).toMatch(/^key_un/)
  }
})

test('a stored key opens as the one it was filed as, and as no other', async () => {
  const { store, kms } = await withTwoEpochs()
  const { keys } = openKeys(store, kms)
  await keys.loadAll()
  const own = { accessClass: 1, label: 'lookup/3/1' }
  const key = new Uint8Array(32).fill(9)
  const row = encodeStoredKey(keys, own, key)
  expect(decodeStoredKey(keys, own, row)).toEqual(key)
  const others = [
    { ...own, accessClass: 2 },
    { ...own, label: 'lookup/3/2' },
    { ...own, label: 'pseudonym/3' },
  ]
  for (const other of others)
    expect((await refusal(() => decodeStoredKey(keys, other, row))).code).toBe('key_unreadable')
  const moved = row.slice()
  new DataView(moved.buffer).setUint32(0, 2)
  expect((await refusal(() => decodeStoredKey(keys, own, moved))).code).toBe('key_unreadable')
})

test('keys of an epoch that was not met are fetched once, for everybody who waits', async () => {
  const { store, kms } = await withTwoEpochs()
  const writer = openKeys(store, kms)
  await writer.keys.loadAll()
  await writer.advance(2)
  const { entry } = writer.keys.create(ANNA, 1)
  let reads = 0
  const counted: Store = {
    ...store,
    read: (keys) => {
      reads += 1
      return store.read(keys)
    },
  }
  const reader = openKeys(counted, kms)
  await reader.keys.load(slotsOf(1))
  reads = 0
  const open = (): unknown => reader.keys.open(ANNA, entry)
  const found = await Promise.all([1, 2, 3].map(() => reader.keys.meet(open)))
  expect(found).toHaveLength(3)
  expect(reads).toBe(1)
  const missing = { ...entry, epoch: 7 }
  const never = (): unknown => reader.keys.open(BEN, missing)
  expect((await refusal(reader.keys.meet(never))).code).toBe('key_unavailable')
})

test('what is kept of an epoch that was destroyed is overwritten', async () => {
  const { store, kms } = await withTwoEpochs()
  const { keys } = openKeys(store, kms)
  await keys.loadAll()
  const { entry } = keys.create(ANNA, 1)
  keys.drop(1)
  keys.forget(ANNA, entry)
  expect((await refusal(() => keys.open(ANNA, entry))).code).toBe('key_unavailable')
  expect(() => keys.wrap({ epoch: 2, accessClass: 1 }, 'x', new Uint8Array(32))).not.toThrow()
})

test('an epoch never goes back', async () => {
  const watch = watchEpochs(3)
  const asked: number[] = []
  watch.follow({ loadEpoch: async (epoch) => void asked.push(epoch), meet: async (run) => run() })
  await watch.advance(2)
  expect([watch.epoch, asked]).toEqual([3, []])
  await Promise.all([watch.advance(5), watch.advance(4)])
  expect([watch.epoch, asked]).toEqual([5, [5, 4]])
})
