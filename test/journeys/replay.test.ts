import { expect, test } from 'vitest'
import { type ErasureHook, memoryAnchor, type Store } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { verifyCertificate } from 'privity/verify'
import {
  accessorsOf,
  type Acme,
  type AcmeOptions,
  ANNA,
  caught,
  collect,
  eagerClock,
  giveOnWeb,
  openAcme,
  refusal,
} from '../support/acme.ts'
import { setBack } from '../support/set-back.ts'
import { dyingStore, journey, type Place, STORES } from '../support/stores.ts'

const LOOK = 8
const REASON = { reason: 'subject_request' } as const

/** A place and its journal, which is in another one. */
interface Journaled {
  readonly place: Place
  readonly journal: MemoryData
}

function journaled(place: Place = STORES.memory()): Journaled {
  return { place, journal: memoryData() }
}

function open({ place, journal }: Journaled, options: AcmeOptions = {}): Promise<Acme> {
  return openAcme(place.store(), {
    journal: memoryStore({ share: journal }),
    clock: eagerClock(),
    ...options,
  })
}

async function addPerson(acme: Acme, name: string): Promise<string> {
  const { id } = await acme.subjects.register({ externalId: `crm:${name}` })
  await accessorsOf(acme).support.contact.create(id, { ...ANNA, email: `${name}@example.com` })
  return id
}

const erase = (acme: Acme, id: string): Promise<string> => acme.erasure.erase(id, REASON)

function erasureIdOf(details: object): string {
  return String(Object.entries(details).find(([name]) => name === 'erasureId')?.[1])
}

async function expectGone(acme: Acme, id: string): Promise<void> {
  const { support } = accessorsOf(acme)
  expect(await refusal(support.contact.read(id))).toMatchObject({ code: 'erased' })
}

/** Anna is erased after the copy, Cleo before it, Bo never. */
interface Restored extends Journaled {
  readonly copy: Awaited<ReturnType<Place['rows']>>
  readonly anna: string
  readonly bo: string
  readonly cleo: string
}

async function withBackup(stores: Journaled, options: AcmeOptions = {}): Promise<Restored> {
  const acme = await open(stores, options)
  const [anna, bo, cleo] = [
    await addPerson(acme, 'anna'),
    await addPerson(acme, 'bo'),
    await addPerson(acme, 'cleo'),
  ]
  await erase(acme, cleo)
  await acme.close()
  const copy = await stores.place.rows()
  const later = await open(stores, options)
  await erase(later, anna)
  await later.close()
  return { ...stores, copy, anna, bo, cleo }
}

journey(
  'a backup that brings an erased person back opens only to erase them again',
  async (place) => {
    const stores = await withBackup(journaled(place))
    const { anna, bo, cleo } = stores
    await setBack(place, stores.copy)

    const closed = await open(stores)
    const required = { code: 'replay_required', details: { behind: 1 } }
    expect(await refusal(() => accessorsOf(closed))).toEqual(required)
    expect(await refusal(closed.subjects.find({ externalId: 'crm:anna' }))).toEqual(required)
    expect(await refusal(closed.ledger.verify({ deep: true }))).toEqual(required)
    expect(await refusal(closed.ledger.rotateKeys())).toEqual(required)
    expect(await closed.ledger.verify()).toMatchObject({ ok: true })
    const certificate = await closed.erasure.replay()
    expect(await verifyCertificate(certificate ?? '', closed.ledger.publicKeys)).toMatchObject({
      ok: true,
      certificate: { schemaVersion: 'privity.replay/1', totals: { replayed: 1 } },
    })
    await closed.close()

    const again = await open(stores)
    await expectGone(again, anna)
    await expectGone(again, cleo)
    expect(await accessorsOf(again).support.contact.read(bo)).toMatchObject({ name: ANNA.name })
    expect(await again.subjects.find({ externalId: 'crm:anna' })).toBeUndefined()
    expect(await refusal(again.subjects.register({ externalId: 'crm:anna' }))).toMatchObject({
      code: 'suppressed',
    })
    expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    expect(await again.erasure.replay()).toBeUndefined()
    await again.close()
  },
)

test('who was registered and erased after the backup has a fence again', async () => {
  const stores = journaled()
  const acme = await open(stores)
  await acme.close()
  const copy = await stores.place.rows()
  const later = await open(stores)
  const anna = await addPerson(later, 'anna')
  await erase(later, anna)
  await later.close()
  await setBack(stores.place, copy)
  const closed = await open(stores)
  expect(await refusal(() => accessorsOf(closed))).toMatchObject({ details: { behind: 1 } })
  await closed.erasure.replay()
  await closed.close()
  const again = await open(stores)
  await expectGone(again, anna)
  expect(await refusal(again.subjects.register({ externalId: 'crm:anna' }))).toMatchObject({
    code: 'suppressed',
  })
  expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await again.close()
})

test('hooks run again, but for those that say that theirs is not restored', async () => {
  const told: string[] = []
  const hook = (id: string, replay?: 'skip'): ErasureHook => ({
    id,
    ...(replay === undefined ? {} : { replay }),
    plan: async () => [{ id: 'list', description: 'an entry in a list', count: 1 }],
    execute: async (_, { externalId = 'nobody' }) => {
      told.push(`${id} ${externalId}`)
      return 'done'
    },
    verify: async () => 'absent',
  })
  const hooks = [hook('mailing'), hook('archive', 'skip')]
  const stores = await withBackup(journaled(), { hooks })
  told.length = 0
  await setBack(stores.place, stores.copy)
  const closed = await open(stores, { hooks })
  await closed.erasure.replay()
  expect(told).toEqual(['mailing crm:anna'])
  await closed.close()
})

test('a hook that fails keeps the store closed to nobody but the person behind the fence', async () => {
  let isDown = false
  const hooks: readonly ErasureHook[] = [
    {
      id: 'mailing',
      plan: async () => [{ id: 'list', description: 'an entry in a list', count: 1 }],
      execute: async () => (isDown ? { blocked: 'down' } : 'done'),
      verify: async () => 'absent',
    },
  ]
  const stores = await withBackup(journaled(), { hooks })
  await setBack(stores.place, stores.copy)
  isDown = true
  const closed = await open(stores, { hooks })
  const { code, details } = await refusal(closed.erasure.replay())
  expect(code).toBe('erasure_incomplete')
  await closed.close()
  const again = await open(stores, { hooks })
  await expectGone(again, stores.anna)
  expect(await accessorsOf(again).support.contact.read(stores.bo)).toMatchObject({})
  isDown = false
  await again.erasure.retry(erasureIdOf(details), { hook: 'mailing' })
  await erase(again, stores.anna)
  expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await again.close()
})

test('a withdrawal is recorded at once, whatever is to be replayed', async () => {
  const stores = journaled()
  const acme = await open(stores)
  const [anna, bo] = [await addPerson(acme, 'anna'), await addPerson(acme, 'bo')]
  await giveOnWeb(acme, bo, ['marketing'])
  await acme.close()
  const copy = await stores.place.rows()
  const later = await open(stores)
  await erase(later, anna)
  await later.close()
  await setBack(stores.place, copy)
  const closed = await open(stores)
  const { outcomes } = await closed.consent.withdraw(bo, { purposes: ['marketing'] })
  expect(outcomes).toMatchObject([{ purpose: 'marketing' }])
  await closed.erasure.replay()
  await closed.close()
  const again = await open(stores)
  expect(await again.consent.status(bo, 'marketing')).toMatchObject({ state: 'withdrawn' })
  await again.close()
})

test('what the anchor found is accepted first, then the erasures are replayed', async () => {
  const anchor = memoryAnchor()
  const stores = await withBackup(journaled(), { anchor })
  await setBack(stores.place, stores.copy)
  const first = await open(stores, { anchor })
  expect(first.ledger.contradiction).toMatchObject({ kind: 'anchor_ahead' })
  expect(await refusal(first.erasure.replay())).toMatchObject({ code: 'ledger_inconsistent' })
  await first.ledger.accept(first.ledger.contradiction?.anchored ?? '')
  await first.close()
  const second = await open(stores, { anchor })
  expect(await refusal(() => accessorsOf(second))).toMatchObject({ code: 'replay_required' })
  await second.erasure.replay()
  await second.close()
  const third = await open(stores, { anchor })
  await expectGone(third, stores.anna)
  await third.close()
})

test('an erasure that a crash interrupted is no restored backup', async () => {
  const stores = journaled()
  const acme = await open(stores)
  const anna = await addPerson(acme, 'anna')
  let isDown = true
  await acme.close()
  const hooks: readonly ErasureHook[] = [
    {
      id: 'mailing',
      needsPlaintext: true,
      plan: async () => [{ id: 'list', description: 'an entry in a list', count: 1 }],
      execute: async () => (isDown ? { blocked: 'down' } : 'done'),
      verify: async () => 'absent',
    },
  ]
  const other = await open(stores, { hooks })
  const { code, details } = await refusal(erase(other, anna))
  expect(code).toBe('erasure_incomplete')
  await other.close()
  const again = await open(stores, { hooks })
  await expectGone(again, anna)
  isDown = false
  await again.erasure.retry(erasureIdOf(details), { hook: 'mailing' })
  await erase(again, anna)
  await again.close()
})

test('nothing is destroyed while the journal does not answer', async () => {
  const stores = journaled()
  let isDown = false
  const journal = memoryStore({ share: stores.journal })
  const flaky: Store = {
    ...journal,
    commit: async (batch) => {
      if (isDown) throw new Error('gone')
      return journal.commit(batch)
    },
  }
  const acme = await open(stores, { journal: flaky })
  const anna = await addPerson(acme, 'anna')
  const before = (await stores.place.rows()).length
  isDown = true
  expect(await refusal(erase(acme, anna))).toMatchObject({
    code: 'erasure_incomplete',
    details: { failing: ['privity:journal'] },
  })
  await expectGone(acme, anna)
  expect((await stores.place.rows()).length).toBeGreaterThanOrEqual(before)
  isDown = false
  const certificate = await erase(acme, anna)
  expect(await verifyCertificate(certificate, acme.ledger.publicKeys)).toMatchObject({ ok: true })
  await acme.close()
})

for (const when of ['before', 'after'] as const) {
  test(`a replay whose process dies ${when} any call to the store is replayed again`, async () => {
    const stores = await withBackup(journaled())
    let isOver = false
    for (let nth = 1; !isOver; nth += 1) {
      await setBack(stores.place, stores.copy)
      let isArmed = false
      const dying = dyingStore(stores.place.store(), { nth, when, armed: () => isArmed })
      const closed = await openAcme(dying.store, {
        journal: memoryStore({ share: stores.journal }),
        clock: eagerClock(),
      })
      isArmed = true
      const end = await Promise.race([closed.erasure.replay(), dying.dead])
      isOver = end !== 'dead'
      const next = await open(stores)
      await next.erasure.replay()
      await next.close()
      const again = await open(stores)
      await expectGone(again, stores.anna)
      if (nth % LOOK === 0)
        expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
      await again.close()
    }
  }, 120_000)
}

test('a store that was used with a journal opens with that one only', async () => {
  const stores = journaled()
  const acme = await open(stores)
  await acme.close()
  const store = (): Store => stores.place.store()
  const issue = (code: string): object => ({ details: { issues: [{ path: ['journal'], code }] } })
  expect(await refusal(openAcme(store()))).toMatchObject(issue('required'))
  expect(await refusal(openAcme(store(), { journal: memoryStore() }))).toMatchObject(issue('empty'))
  const other = journaled()
  await (await open(other)).close()
  expect(await refusal(open({ ...stores, journal: other.journal }))).toMatchObject(
    issue('of_another_store'),
  )
  const same = store()
  expect(await refusal(openAcme(same, { journal: same }))).toMatchObject(issue('same_as_store'))
})

const HEAD = /\/j\/head$/
const CUTS: Readonly<Record<string, (rows: Store) => Promise<void>>> = {
  'lost its head': (rows) => change(rows, (key) => HEAD.test(key), undefined),
  'lost an entry': (rows) => change(rows, (key) => key.endsWith('/j/000000000003'), undefined),
  'has a forged entry': (rows) =>
    change(rows, (key) => key.endsWith('/j/000000000003'), new Uint8Array([1, 2, 3])),
  'has a forged head': (rows) => change(rows, (key) => HEAD.test(key), new Uint8Array([1, 2, 3])),
}

async function change(
  rows: Store,
  isIt: (key: string) => boolean,
  value: Uint8Array | undefined,
): Promise<void> {
  await rows.open()
  const keys = (await rows.scan('', { limit: 1_000 })).map(([key]) => key).filter(isIt)
  expect(keys).toHaveLength(1)
  await rows.commit({
    checks: [],
    put: value === undefined ? [] : keys.map((key) => [key, value] as const),
    del: value === undefined ? keys : [],
  })
}

for (const [name, cut] of Object.entries(CUTS)) {
  test(`a store does not open with a journal that ${name}`, async () => {
    const stores = await withBackup(journaled())
    await setBack(stores.place, stores.copy)
    await cut(memoryStore({ share: stores.journal }))
    expect(await refusal(open(stores))).toMatchObject({ code: 'journal_diverged' })
  })
}

test('a journal that was set back does not open the store that it is behind', async () => {
  const stores = journaled()
  const acme = await open(stores)
  const [anna, bo] = [await addPerson(acme, 'anna'), await addPerson(acme, 'bo')]
  await erase(acme, anna)
  const early = memoryStore({ share: stores.journal })
  await early.open()
  const copy = await early.scan('', { limit: 1_000 })
  await erase(acme, bo)
  await acme.close()
  const kept = new Set(copy.map(([key]) => key))
  const del = (await early.scan('', { limit: 1_000 }))
    .map(([key]) => key)
    .filter((key) => !kept.has(key))
  await early.commit({ checks: [], put: copy, del })
  expect(await refusal(open(stores))).toEqual({
    code: 'journal_diverged',
    details: { reason: 'behind', seq: 2 },
  })
})

test('a mark that was taken over from the later store hides nothing', async () => {
  const stores = await withBackup(journaled())
  const later = await stores.place.rows()
  const mark = later.filter(([key]) => key.endsWith('/c/j'))
  expect(mark).toHaveLength(1)
  await setBack(stores.place, [...stores.copy.filter(([key]) => !key.endsWith('/c/j')), ...mark])
  const closed = await open(stores)
  expect(await refusal(() => accessorsOf(closed))).toMatchObject({ code: 'replay_required' })
  await closed.close()
})

test('opening costs what is new in the journal, and not all of it', async () => {
  const stores = journaled()
  const acme = await open(stores)
  for (let nth = 0; nth < 5; nth += 1) await erase(acme, await addPerson(acme, `p${nth}`))
  await acme.close()
  const journal = memoryStore({ share: stores.journal })
  const asked: string[] = []
  const spied: Store = {
    ...journal,
    read: async (keys) => {
      asked.push(...keys.filter((key) => /\/j\/[0-9a-f]{12}$/.test(key)))
      return journal.read(keys)
    },
  }
  await (await open(stores, { journal: spied })).close()
  expect(new Set(asked).size).toBe(1)
})

test('every room but the ways out is closed while erasures are lacking', async () => {
  const stores = await withBackup(journaled())
  await setBack(stores.place, stores.copy)
  const closed = await open(stores)
  const { consent, erasure, ...rooms } = closed
  const { withdraw: _, ...decisions } = consent
  const { replay: __, ...erasures } = erasure
  const { subjects, notices, audit, blobs, forms, pseudonyms, keys, retention } = rooms
  const methods = [
    ...[subjects, notices, audit, blobs, forms, pseudonyms, keys, retention, decisions, erasures],
    { may: closed.may, accessor: closed.accessor },
  ].flatMap((room) => Object.entries<unknown>(room as never))
  expect(methods.length).toBeGreaterThan(40)
  for (const [name, method] of methods) {
    if (typeof method !== 'function') throw new TypeError(name)
    const code = await codeOf(() => Reflect.apply(method, undefined, []))
    expect([name, code]).toEqual([name, 'replay_required'])
  }
  await closed.close()
})

async function codeOf(call: () => unknown): Promise<string> {
  const { code } = await caught(async () => {
    const answer = call()
    const isIterable =
      typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer
    return isIterable ? collect(answer as AsyncIterable<unknown>) : answer
  })
  return code
}
