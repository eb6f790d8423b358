import { expect, test } from 'vitest'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { accessorsOf, type Acme, ANNA, eagerClock, openAcme, refusal } from '../support/acme.ts'
import { type EpochKeys, epochKeys } from '../support/epoch-keys.ts'
import { opened } from '../support/hooked-store.ts'

const IN_USE = { code: 'key_in_use', details: { epoch: 1, people: 0, storedKeys: 0, tenants: 1 } }

function open(share: MemoryData, kms: EpochKeys, tenant: string): Promise<Acme> {
  return openAcme(memoryStore({ share }), { keys: kms.provider(), clock: eagerClock(), tenant })
}

async function addAnna(acme: Acme): Promise<string> {
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  return id
}

async function leave(acme: Acme): Promise<void> {
  await acme.keys.rotate()
  await acme.keys.rewrap()
}

test('an epoch that another tenant of the store shares is not destroyed', async () => {
  const [share, kms] = [memoryData(), epochKeys()]
  const [one, two] = [await open(share, kms, 'one'), await open(share, kms, 'two')]
  const id = await addAnna(two)
  await leave(one)
  expect(await refusal(one.keys.retire(1))).toMatchObject(IN_USE)
  expect(kms.destroyed.size).toBe(0)
  expect(await one.keys.epochs()).toMatchObject([{ state: 'superseded' }, { state: 'current' }])
  const again = await open(share, kms, 'two')
  expect(await accessorsOf(again).support.contact.read(id)).toMatchObject({ name: ANNA.name })
})

test('tenants with providers of their own retire epochs of the same number', async () => {
  const share = memoryData()
  const kms = { one: epochKeys(), two: epochKeys(), three: epochKeys() }
  for (const name of ['one', 'two', 'three'] as const) {
    await addAnna(await open(share, kms[name], name))
  }
  for (const name of ['two', 'one', 'three'] as const) {
    const acme = await open(share, kms[name], name)
    await leave(acme)
    await acme.keys.retire(1)
    expect([...kms[name].destroyed]).toEqual([1])
  }
})

test('a tenant that came while an epoch was on its way out keeps it alive', async () => {
  const [share, kms] = [memoryData(), epochKeys()]
  const one = await open(share, kms, 'one')
  const inner = kms.provider()
  let isOut = true
  const keys = {
    ...inner,
    destroy: (epoch: number) => (isOut ? Promise.reject(new Error('out')) : inner.destroy(epoch)),
  }
  const stopped = await openAcme(memoryStore({ share }), {
    keys,
    clock: eagerClock(),
    tenant: 'one',
  })
  await leave(one)
  expect((await refusal(stopped.keys.retire(1))).code).toBe('key_unavailable')
  expect(await one.keys.epochs()).toMatchObject([{ state: 'retiring' }, { state: 'current' }])
  isOut = false
  // It was made with an older copy of the same provider.
  const old = { ...inner, currentEpoch: async () => 1 }
  await openAcme(memoryStore({ share }), { keys: old, clock: eagerClock(), tenant: 'two' })
  expect(await refusal(one.keys.retire(1))).toMatchObject(IN_USE)
  expect(kms.destroyed.size).toBe(0)
})

test('where it cannot be told whose epoch it is, nothing is destroyed', async () => {
  const [share, kms] = [memoryData(), epochKeys()]
  const one = await open(share, kms, 'one')
  const before = new Set(share.rows.keys())
  await open(share, kms, 'two')
  await leave(one)
  const [row = ''] = [...share.rows.keys()].filter(
    (key) => !before.has(key) && key.endsWith('/k/store'),
  )
  share.rows.set(row, Uint8Array.of(1, 2, 3))
  expect(await refusal(one.keys.retire(1))).toMatchObject(IN_USE)
  const [wrapped = ''] = [...share.rows.keys()].filter(
    (key) => !before.has(key) && key.endsWith('/k/c/00000001'),
  )
  expect(wrapped.slice(0, 16)).toBe(row.slice(0, 16))
  const raw = await opened(memoryStore({ share }))
  await raw.commit({ checks: [], put: [], del: [wrapped] })
  expect(await refusal(one.keys.retire(1))).toMatchObject(IN_USE)
  expect(kms.destroyed.size).toBe(0)
})
