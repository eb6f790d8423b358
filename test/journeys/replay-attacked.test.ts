import { expect, test } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type ErasureHook,
  localKeys,
  type PrivityOptions,
  type Row,
  type Store,
} from 'privity'
import { memoryStore } from 'privity/memory'
import {
  accessorsOf,
  type Acme,
  ANNA,
  controller,
  eagerClock,
  openAcme,
  refusal,
  SECRET,
} from '../support/acme.ts'
import { addFamily, type Home, openHome } from '../support/household.ts'
import { copying, type Journaled, journaled, openJournaled, within } from '../support/journaled.ts'
import { type Seeded, seeded } from '../support/seeded.ts'
import { setBack } from '../support/set-back.ts'
import { JOURNEYS } from '../support/stores.ts'

const REASON = { reason: 'subject_request' } as const
const PART = { ...REASON, scope: { records: [{ record: 'contact' }] } } as const
const HELD = { matter: 'claim', reviewAt: '2036-01-01T00:00:00.000Z' } as const
const FORTNIGHT = { ...REASON, grace: { days: 14 } } as const
/** Steps behind which a run was stopped. */
const FENCED = 1
const TOLD = 2
const DESTROYED = 3

const SEED = 20_261_122
const SCHEDULES = 30

type Rows = readonly Row[]

async function addAnna(acme: Acme): Promise<string> {
  const { id } = await acme.subjects.register({ externalId: 'crm:anna' })
  await accessorsOf(acme).support.contact.create(id, ANNA)
  return id
}

/** A journal that hears of the next note, and then of nothing more. */
function deafAfterOne(stores: Journaled): { readonly journal: Store; readonly arm: () => void } {
  const journal = memoryStore({ share: stores.journal })
  let left = Number.POSITIVE_INFINITY
  return {
    arm: () => {
      left = 1
    },
    journal: {
      ...journal,
      commit: async (batch) => {
        left -= 1
        if (left < 0) throw new Error('gone')
        return journal.commit(batch)
      },
    },
  }
}

type Erasures = Pick<Acme | Home, 'erasure'>

async function interrupted({ erasure }: Erasures, plan: never, behind: number): Promise<void> {
  const stop = new AbortController()
  const onProgress = (done: number): void => {
    if (done === behind) stop.abort()
  }
  await expect(erasure.run(plan, { signal: stop.signal, onProgress })).rejects.toThrow()
}

async function contactOf(acme: Acme, id: string): Promise<string> {
  const { support } = accessorsOf(acme)
  return (await refusal(support.contact.read(id))).code
}

/** Opens once more behind a replay, and looks whether somebody is gone. */
async function expectReplayed(stores: Journaled, id: string, code: string): Promise<void> {
  await within(stores, async (closed) => {
    expect(await refusal(() => accessorsOf(closed))).toEqual({
      code: 'replay_required',
      details: { behind: 1 },
    })
    expect(await closed.erasure.replay()).toBeTypeOf('string')
  })
  await within(stores, async (again) => {
    expect(await contactOf(again, id)).toBe(code)
    expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    expect(await again.erasure.replay()).toBeUndefined()
  })
}

for (const [what, ask, code] of [
  ['a person', REASON, 'erased'],
  ['a part', PART, 'not_found'],
] as const) {
  test(`a backup that has no more than the plan of an erasure of ${what} that was interrupted opens only to erase again`, async () => {
    const stores = journaled()
    const acme = await openJournaled(stores)
    const id = await addAnna(acme)
    const plan = await acme.erasure.plan(id, ask)
    const copy = await stores.place.rows()
    await interrupted(acme, plan as never, DESTROYED)
    await acme.close()
    await setBack(stores.place, copy)
    await expectReplayed(stores, id, code)
  })

  test(`the same for ${what} where the journal never heard of the end`, async () => {
    const stores = journaled()
    const { journal, arm } = deafAfterOne(stores)
    const acme = await openJournaled(stores, { journal })
    const id = await addAnna(acme)
    const plan = await acme.erasure.plan(id, ask)
    const copy = await stores.place.rows()
    arm()
    await acme.erasure.run(plan)
    await acme.close()
    await setBack(stores.place, copy)
    await expectReplayed(stores, id, code)
  })
}

test('a plan that does not open keeps nobody from being erased again', async () => {
  const stores = journaled()
  const acme = await openJournaled(stores)
  const id = await addAnna(acme)
  const plan = await acme.erasure.plan(id, REASON)
  const copy = await stores.place.rows()
  await acme.erasure.run(plan)
  await acme.close()
  const damaged = copy.map(([key, value]) =>
    key.endsWith(plan.erasureId)
      ? ([key, new Uint8Array([1, 2, 3])] as const)
      : ([key, value] as const),
  )
  expect(damaged.filter(([, { length }]) => length === 3)).toHaveLength(1)
  await setBack(stores.place, damaged)
  await expectReplayed(stores, id, 'erased')
})

test('who was erased in a grace that a backup is still in cannot be brought back by cancelling', async () => {
  const stores = journaled()
  const acme = await openJournaled(stores)
  const id = await addAnna(acme)
  const { erasureId } = await acme.erasure.request(id, FORTNIGHT)
  const copy = await stores.place.rows()
  await acme.erasure.erase(id, REASON)
  await acme.close()
  await setBack(stores.place, copy)
  await expectReplayed(stores, id, 'erased')
  await within(stores, async (again) => {
    expect((await refusal(again.erasure.cancel(erasureId))).code).toBe('invalid_transition')
  })
})

test('nor by cancelling another erasure, whose fence the backup has', async () => {
  const stores = journaled()
  const acme = await openJournaled(stores)
  const id = await addAnna(acme)
  const { erasureId } = await acme.erasure.request(id, FORTNIGHT)
  const copy = await stores.place.rows()
  await acme.erasure.cancel(erasureId)
  await acme.erasure.erase(id, REASON)
  await acme.close()
  await setBack(stores.place, copy)
  await expectReplayed(stores, id, 'erased')
})

test('hooks of an erasure in its grace are told again whose it is', async () => {
  const told: string[] = []
  const hooks: readonly ErasureHook[] = [
    {
      id: 'mailing',
      replay: 'skip',
      plan: async () => [{ id: 'list', description: 'an entry in a list', count: 1 }],
      execute: async (_, { externalId = 'nobody' }) => {
        told.push(externalId)
        return 'done'
      },
      verify: async () => 'absent',
    },
  ]
  const stores = journaled()
  const acme = await openJournaled(stores, { hooks })
  const id = await addAnna(acme)
  await acme.erasure.request(id, FORTNIGHT)
  const copy = await stores.place.rows()
  await acme.erasure.erase(id, REASON)
  await acme.close()
  await setBack(stores.place, copy)
  await within(stores, (closed) => closed.erasure.replay(), { hooks })
  expect(told).toEqual(['crm:anna', 'crm:anna'])
})

/** Ways to an erasure, each from its first word to its certificate. */
const WAYS: Readonly<Record<string, (acme: Acme, id: never) => Promise<unknown>>> = {
  'an erasure': (acme, id) => acme.erasure.erase(id, REASON),
  'a plan that is run': async (acme, id) => acme.erasure.run(await acme.erasure.plan(id, REASON)),
  'a request': async (acme, id) => {
    await acme.erasure.request(id, FORTNIGHT)
    await acme.erasure.erase(id, REASON)
  },
  'a request that is taken back first': async (acme, id) => {
    const { erasureId } = await acme.erasure.request(id, FORTNIGHT)
    await acme.erasure.cancel(erasureId)
    await acme.erasure.erase(id, REASON)
  },
}

/** Whatever can be cancelled is, all that is due is done, and somebody stays erased. */
async function expectNoWayBack(stores: Journaled, id: string): Promise<void> {
  const clock = eagerClock()
  const look = async (run: (acme: Acme) => Promise<unknown>): Promise<void> => {
    await within(stores, run, { clock })
  }
  await look((closed) => closed.erasure.replay())
  await look(async (again) => {
    for await (const { erasureId } of again.erasure.pending())
      await again.erasure.cancel(erasureId).catch(() => undefined)
    expect(await contactOf(again, id)).toBe('erased')
    clock.advance({ days: 20 })
    expect(await again.erasure.work()).toMatchObject({ incomplete: 0, waiting: 0, failed: 0 })
    expect(await contactOf(again, id)).toBe('erased')
    expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  })
}

for (const place of ['memory', 'memory, keys apart'] as const)
  for (const [way, erase] of Object.entries(WAYS))
    for (const isHeard of [true, false]) {
      const end = isHeard ? '' : ', whose end the journal never heard of,'
      test(`of whatever moment of ${way}${end} a backup is, nothing of it comes back [${place}]`, async () => {
        const stores = journaled(await JOURNEYS[place]())
        const { store, copies } = copying(stores.place)
        const deaf = deafAfterOne(stores)
        const source = { ...stores, place: { ...stores.place, store: () => store } }
        const acme = await openJournaled(source, { journal: deaf.journal })
        const id = await addAnna(acme)
        const first = copies.length - 1
        if (!isHeard) deaf.arm()
        await erase(acme, id as never)
        await acme.close()
        expect(copies.length - first).toBeGreaterThan(3)
        for (const copy of copies.slice(first)) {
          await setBack(stores.place, copy as Rows)
          await expectNoWayBack(stores, id)
        }
      }, 60_000)
    }

function openFamily(
  stores: Journaled,
  options: Partial<PrivityOptions<never, never>>,
): Promise<Home> {
  return openHome(stores.place.store(), options as never)
}

test('an erasure that a journal was told of is not called off any more for what came to be held', async () => {
  const stores = journaled()
  const clock = eagerClock()
  const open = (): Promise<Home> =>
    openFamily(stores, { clock, journal: memoryStore({ share: stores.journal }) })
  const home = await open()
  const { ben, household } = await addFamily(home)
  const plan = await home.erasure.plan(household as never, REASON)
  await interrupted(home, plan as never, TOLD)
  await home.retention.hold(ben as never, HELD as never)
  clock.advance({ hours: 1 })
  expect(await home.erasure.work()).toMatchObject({ completed: 1 })
  await home.close()
  const again = await open()
  expect((await refusal(again.subjects.members(household as never))).code).toBe('erased')
  await again.close()
})

/** A shop that keeps papers by law, or does not yet. */
function openPapers(store: Store, options: object, law: object) {
  const purposes = definePurposes({ home: { basis: 'contract', description: 'Look after you' } })
  const paper = defineRecord(purposes, ({ field }) => ({
    text: field(z.string(), { purposes: ['home'], ...law }),
  }))
  const policy = definePolicy({
    controller,
    purposes,
    records: { paper },
    roles: { agent: { purposes: ['home'] } },
  })
  return createPrivity({ policy, store, keys: localKeys(SECRET), ...options })
}

for (const [what, hasJournal] of [
  ['a journal was told of', true],
  ['takes somebody out of a group', false],
] as const)
  test(`an erasure that ${what} is not called off any more for a law that came since`, async () => {
    const stores = journaled()
    const clock = eagerClock()
    const journal = (): object =>
      hasJournal ? { journal: memoryStore({ share: stores.journal }) } : {}
    const open = (law: object): ReturnType<typeof openPapers> =>
      openPapers(stores.place.store(), { clock, ...journal() }, law)
    const before = await open({})
    const { id } = await before.subjects.register()
    await before.subjects.group({ members: [id, (await before.subjects.register()).id] })
    const asked = { purpose: 'home', actor: { id: 'ida', roles: ['agent'] } } as const
    await before.accessor(asked).paper.create(id, { text: 'one' })
    const plan = await before.erasure.plan(id, REASON)
    await interrupted(before as never, plan as never, TOLD)
    await before.close()
    const floor = { keep: { years: 7 }, from: 'created', ground: 'AWR art. 52(4)' } as const
    const after = await open({ floor })
    clock.advance({ hours: 1 })
    expect(await after.erasure.work()).toMatchObject({ completed: 1 })
    expect((await refusal(after.accessor(asked).paper.read(id))).code).toBe('erased')
    await after.close()
  })

test('two processes that go on with one erasure at once end as one does', async () => {
  for (let seed = 0; seed < SCHEDULES; seed += 1) {
    const stores = journaled()
    const random = seeded(SEED + seed)
    const late = (): Promise<Acme> =>
      openAcme(chancy(stores.place.store(), random), {
        journal: chancy(memoryStore({ share: stores.journal }), random),
        clock: eagerClock(),
      })
    const [one, other] = [await late(), await late()]
    const id = await addAnna(one)
    await one.subjects.group({ members: [id, (await one.subjects.register()).id] })
    const plan = await one.erasure.plan(id, REASON)
    const ends = await Promise.all([one.erasure.run(plan), other.erasure.run(plan)])
    expect(ends[0]).toBe(ends[1])
    await Promise.all([one.close(), other.close()])
    await within(stores, async (again) => {
      expect(await contactOf(again, id)).toBe('erased')
    })
  }
}, 60_000)

/** Answers late by chance. */
function chancy(store: Store, random: Seeded): Store {
  async function late<T>(run: () => Promise<T>): Promise<T> {
    for (let left = random.below(4); left > 0; left -= 1)
      await new Promise<void>((resolve) => setImmediate(resolve))
    return run()
  }
  return {
    ...store,
    read: (keys) => late(() => store.read(keys)),
    commit: (batch) => late(() => store.commit(batch)),
  }
}

test('an erasure that nobody was told of is called off for what came to be kept, and no replay does it', async () => {
  const stores = journaled()
  const clock = eagerClock()
  const open = (): Promise<Home> =>
    openFamily(stores, { clock, journal: memoryStore({ share: stores.journal }) })
  const home = await open()
  const { ben, household } = await addFamily(home)
  const plan = await home.erasure.plan(household as never, REASON)
  await interrupted(home, plan as never, FENCED)
  await home.retention.hold(ben as never, HELD as never)
  clock.advance({ hours: 1 })
  expect(await home.erasure.work()).toMatchObject({ incomplete: 1 })
  expect(await home.subjects.members(household as never)).toHaveLength(2)
  await home.close()
  const again = await open()
  expect(await again.erasure.replay()).toBeUndefined()
  expect(await again.subjects.members(household as never)).toHaveLength(2)
  await again.close()
})

test('what is only under way is looked at whenever the store is opened, until it is at its end', async () => {
  let isDown = true
  const hooks: readonly ErasureHook[] = [
    {
      id: 'mailing',
      needsPlaintext: true,
      plan: async () => [{ id: 'list', description: 'an entry in a list', count: 1 }],
      execute: async () => (isDown ? { blocked: 'down' } : 'done'),
      verify: async () => 'absent',
    },
  ]
  const stores = journaled()
  const acme = await openJournaled(stores, { hooks })
  const id = await addAnna(acme)
  const { details } = await refusal(acme.erasure.erase(id, REASON))
  const { erasureId } = details as { readonly erasureId: string }
  const other = await acme.subjects.register()
  await acme.erasure.erase(other.id, REASON).catch(() => undefined)
  await acme.close()
  const [first, second] = [await entriesRead(stores, hooks), await entriesRead(stores, hooks)]
  expect(first).toContain(1)
  expect(second).toEqual(first)
  isDown = false
  await within(
    stores,
    async (again) => {
      for await (const pending of again.erasure.pending()) {
        await again.erasure.retry(pending.erasureId, { hook: 'mailing' })
        await again.erasure.resume(pending.erasureId)
      }
      expect(await again.erasure.resume(erasureId)).toBeTypeOf('string')
    },
    { hooks },
  )
  await entriesRead(stores, hooks)
  expect(await entriesRead(stores, hooks)).not.toContain(1)
})

/** Numbers of the entries that opening a store reads. */
async function entriesRead(
  stores: Journaled,
  hooks: readonly ErasureHook[],
): Promise<readonly number[]> {
  const journal = memoryStore({ share: stores.journal })
  const numbers = new Set<number>()
  const spied: Store = {
    ...journal,
    read: async (keys) => {
      for (const key of keys) {
        const [, number] = /\/j\/([0-9a-f]{12})$/.exec(key) ?? []
        if (number !== undefined) numbers.add(Number.parseInt(number, 16))
      }
      return journal.read(keys)
    },
  }
  await within(stores, async () => undefined, { hooks, journal: spied })
  return [...numbers].toSorted((a, b) => a - b)
}
