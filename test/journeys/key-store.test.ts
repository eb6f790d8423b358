import { expect, test } from 'vitest'
import { exportStore, importStore } from 'privity'
import { memoryData, type MemoryData, memoryStore } from 'privity/memory'
import { SECTION } from '../../src/storage/container.ts'
import { accessorsOf, type Acme, ANNA, eagerClock, openAcme, refusal } from '../support/acme.ts'
import { epochKeys } from '../support/epoch-keys.ts'
import {
  acmeKeyspace as keyspace,
  copyOf,
  edit,
  faultsOf,
  kindsAt,
  openPair as open,
  pair,
  rowsOf,
  withAnna,
} from '../support/key-stores.ts'
import { createLanes } from '../support/lanes.ts'
import { scaled } from '../support/scale.ts'
import { seeded } from '../support/seeded.ts'
import { dyingStore } from '../support/stores.ts'

const REASON = { reason: 'subject_request' } as const

test('no key of a person is in the main store', async () => {
  const stores = pair()
  const { acme, id } = await withAnna(stores)
  expect(await kindsAt(stores.main, id)).not.toContain(SECTION.ring)
  expect(await kindsAt(stores.keys, id)).toEqual([SECTION.ring])
  expect(await faultsOf(acme)).toEqual([])
})

test('a key store is asked for where the store was made with one, and refused where it was not', async () => {
  const stores = pair()
  await (await withAnna(stores)).acme.close()
  const code = (issue: string): object => ({
    code: 'invalid_input',
    details: { issues: [{ path: ['keyStore'], code: issue }] },
  })
  expect(await refusal(openAcme(memoryStore({ share: stores.main })))).toEqual(code('required'))
  expect(await refusal(open({ ...stores, keys: memoryData() }))).toEqual(code('empty'))
  const others = pair()
  await (await withAnna(others)).acme.close()
  expect(await refusal(open({ main: stores.main, keys: others.keys }))).toEqual(
    code('of_another_store'),
  )
  expect(await refusal(open({ main: memoryData(), keys: stores.keys }))).toEqual(
    code('of_another_store'),
  )
  const plain = memoryData()
  await (await openAcme(memoryStore({ share: plain }))).close()
  expect(await refusal(open({ main: plain, keys: memoryData() }))).toEqual(code('not_used'))
  const same = memoryStore()
  expect(await refusal(openAcme(same, { keyStore: same }))).toEqual(code('same_as_store'))
})

test('an older copy of the store opens nothing of whoever was erased since', async () => {
  const stores = pair()
  const { acme, id } = await withAnna(stores)
  const backup = await copyOf(stores.main)
  await acme.erasure.erase(id as never, REASON)
  expect(await kindsAt(stores.keys, id)).toEqual([SECTION.fence])
  const restored = await open({ ...stores, main: backup })
  const read = accessorsOf(restored).support.contact.read(id as never)
  expect((await refusal(read)).code).toBe('erased')
  expect(await faultsOf(restored)).toContain('key_row_fenced')
})

test('an older copy of the key store brings nobody back, and is named', async () => {
  const stores = pair()
  const { acme, id } = await withAnna(stores)
  const backup = await copyOf(stores.keys)
  await acme.erasure.erase(id as never, REASON)
  const restored = await open({ ...stores, keys: backup })
  const read = accessorsOf(restored).support.contact.read(id as never)
  expect((await refusal(read)).code).toBe('erased')
  expect(await faultsOf(restored)).toEqual(['key_row_unexpected'])
})

test('what is wrong with a key row is told apart from an erasure, and named', async () => {
  const stores = pair()
  const { acme, id } = await withAnna(stores)
  const { id: other } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(other, ANNA)
  await acme.close()
  const key = keyspace.person(id)
  const cases = {
    missing: { code: 'key_unknown', fault: 'key_row_missing' },
    foreign: { code: 'key_unknown', fault: 'key_row_missing' },
    changed: { code: 'key_unreadable', fault: 'key_row_changed' },
  } as const
  for (const [name, { code, fault }] of Object.entries(cases)) {
    const keys = await copyOf(stores.keys)
    await edit(keys, async (store) => {
      const [own, foreign] = await store.read([key, keyspace.person(other)])
      const bad = own?.slice() ?? new Uint8Array()
      bad[bad.length - 1] = (bad.at(-1) ?? 0) ^ 1
      bad[200] = (bad[200] ?? 0) ^ 1
      bad[60] = (bad[60] ?? 0) ^ 1
      const value = name === 'foreign' ? foreign : bad
      await store.commit(
        name === 'missing' || value === undefined
          ? { checks: [], put: [], del: [key] }
          : { checks: [], put: [[key, value]], del: [] },
      )
    })
    const again = await open({ main: await copyOf(stores.main), keys })
    const read = accessorsOf(again).support.contact.read(id as never)
    expect([name, (await refusal(read)).code]).toEqual([name, code])
    expect(await faultsOf(again)).toContain(fault)
  }
})

test('both stores can be moved, and open together only', async () => {
  const stores = pair()
  const { acme, id } = await withAnna(stores)
  await acme.close()
  const move = async (share: MemoryData): Promise<MemoryData> => {
    const copy = memoryData()
    const stream = exportStore(memoryStore({ share }), { tenant: 'acme' })
    await importStore(memoryStore({ share: copy }), stream, { tenant: 'acme' })
    return copy
  }
  const moved = { main: await move(stores.main), keys: await move(stores.keys) }
  expect(await rowsOf(moved.keys)).toEqual(await rowsOf(stores.keys))
  const again = await open(moved)
  const view = await accessorsOf(again).support.contact.read(id as never)
  expect(view).toMatchObject({ name: ANNA.name, email: ANNA.email })
  expect(await faultsOf(again)).toEqual([])
  await again.close()
  expect((await refusal(openAcme(memoryStore({ share: moved.main })))).code).toBe('invalid_input')
})

test('a row of nobody is named unless it is what a registration left', async () => {
  const stores = pair()
  const { acme } = await withAnna(stores)
  await edit(stores.keys, (store) =>
    store.commit({
      checks: [],
      put: [[keyspace.person('0'.repeat(32)), new Uint8Array([1, 2, 3])]],
      del: [],
    }),
  )
  expect(await faultsOf(acme)).toEqual(['key_row_unexpected'])
})

test('keys in a store of their own are wrapped anew, and the old epoch can go', async () => {
  const stores = pair()
  const keys = epochKeys().provider()
  const { acme, id } = await withAnna(stores, { keys })
  await acme.keys.rotate()
  const report = await acme.keys.rewrap()
  expect(report).toMatchObject({ people: 1, left: { unavailable: 0, erasing: 0, unreadable: 0 } })
  await acme.keys.retire(1)
  const read = await accessorsOf(acme).support.contact.read(id as never)
  expect(read).toMatchObject({ name: 'Anna' })
  expect(await faultsOf(acme)).toEqual([])
})

type Act = (acme: Acme, id: string) => Promise<unknown>

const ACTS: Readonly<Record<string, Act>> = {
  registration: (acme) => acme.subjects.register(),
  'a new class key': (acme, id) =>
    accessorsOf(acme).support.ticket.create(id as never, { text: 'Help' }),
  erasure: (acme, id) => acme.erasure.erase(id as never, REASON),
  'wrapping anew': async (acme) => {
    await acme.keys.rotate()
    await acme.keys.rewrap()
  },
}

for (const [name, act] of Object.entries(ACTS)) {
  for (const which of ['main', 'keys'] as const) {
    test(`a crash at any call of the ${which} store leaves ${name} done or undone`, {
      timeout: 60_000,
    }, async () => {
      for (let nth = 1; ; nth += 1) {
        const stores = pair()
        const keys = epochKeys().provider()
        const { acme, id } = await withAnna(stores, { keys })
        await acme.close()
        let armed = false
        const dying = dyingStore(memoryStore({ share: stores[which] }), {
          nth,
          when: nth % 2 === 0 ? 'before' : 'after',
          armed: () => armed,
        })
        const own = which === 'main' ? dying.store : memoryStore({ share: stores.main })
        const keyStore = which === 'keys' ? dying.store : memoryStore({ share: stores.keys })
        const doomed = await openAcme(own, { keyStore, keys, clock: eagerClock() })
        armed = true
        const end = await Promise.race([act(doomed, id).then(() => 'done'), dying.dead])
        const again = await open(stores, { keys })
        if (name === 'erasure') {
          const outcome = await again.erasure.erase(id as never, REASON).then(
            () => 'erased',
            (error: { readonly code?: string }) => error.code,
          )
          expect(outcome).toBe('erased')
          expect(await kindsAt(stores.keys, id)).toEqual([SECTION.fence])
        } else await accessorsOf(again).support.ticket.create(id as never, { text: 'Again' })
        expect(await faultsOf(again)).toEqual([])
        if (end === 'done') return
      }
    })
  }
}

const RACES: Readonly<Record<string, Act>> = {
  'a new class key': ACTS['a new class key'] as Act,
  'wrapping anew': (acme) => acme.keys.rewrap(),
}
const SCHEDULES = scaled({ ci: 40, torture: 4_000 })

for (const [name, act] of Object.entries(RACES)) {
  test(`an erasure beside ${name} leaves no key, in any order`, { timeout: 120_000 }, async () => {
    for (let run = 0; run < SCHEDULES; run += 1) {
      const stores = pair()
      const keys = epochKeys().provider()
      const { acme, id } = await withAnna(stores, { keys })
      if (name === 'wrapping anew') await acme.keys.rotate()
      await acme.close()
      const lanes = createLanes()
      const [one, two] = await Promise.all(
        [0, 1].map(() =>
          openAcme(lanes.lane(memoryStore({ share: stores.main })).store, {
            keyStore: lanes.lane(memoryStore({ share: stores.keys })).store,
            keys,
            clock: eagerClock(),
          }),
        ),
      )
      if (one === undefined || two === undefined) throw new TypeError('two instances')
      lanes.start(seeded(run))
      const [erased] = await Promise.allSettled([
        one.erasure.erase(id as never, REASON),
        act(two, id),
      ])
      lanes.stop()
      expect(erased.status).toBe('fulfilled')
      expect(await kindsAt(stores.keys, id)).toEqual([SECTION.fence])
      expect(await faultsOf(one)).toEqual([])
    }
  })
}
