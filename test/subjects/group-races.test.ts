import { expect, test } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  isPrivityError,
  localKeys,
} from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { controller, eagerClock, SECRET } from '../support/acme.ts'
import { createLanes } from '../support/lanes.ts'
import { scaled } from '../support/scale.ts'
import { type Seeded, seeded } from '../support/seeded.ts'

const SCHEDULES = scaled({ ci: 120, torture: 10_000 })
const SLOW = scaled({ ci: 300_000, torture: 3_600_000 })
const SEED = 20_261_122
const REASON = 'subject_request'
const AGENT = { id: 'ida', roles: ['agent'] } as const

const purposes = definePurposes({
  home: { basis: 'contract', description: 'Look after your home' },
  offers: { basis: 'consent', description: 'Send you offers', erasureGrace: { days: 0 } },
})

const policy = definePolicy({
  controller,
  purposes,
  records: {
    household: defineRecord(
      purposes,
      ({ field }) => ({ address: field(z.string(), { purposes: ['home', 'offers'] }) }),
      { sharedWith: { onErase: 'refcount' } },
    ),
    photo: defineRecord(
      purposes,
      ({ field }) => ({ caption: field(z.string(), { purposes: ['home'] }) }),
      { many: true, sharedWith: { onErase: 'refcount' } },
    ),
  },
  roles: { agent: { purposes: ['home', 'offers'] } },
})

function openOn(store: ReturnType<typeof memoryStore>) {
  // Several logs: a batch is conditional on one of them only.
  return createPrivity({ policy, store, keys: localKeys(SECRET), clock: eagerClock(), shards: 4 })
}

type Home = Awaited<ReturnType<typeof openOn>>

interface Town {
  readonly ids: readonly [ada: string, ben: string, cleo: string]
  readonly household: string
}

/** What goes on at the same time, each in a process of its own. */
const ACTS: { readonly [name: string]: (home: Home, town: Town) => Promise<unknown> } = {
  'erase ada': (home, { ids }) => home.erasure.erase(ids[0], { reason: REASON }),
  'erase ben': (home, { ids }) => home.erasure.erase(ids[1], { reason: REASON }),
  'erase cleo': (home, { ids }) => home.erasure.erase(ids[2], { reason: REASON }),
  'join cleo': (home, { ids, household }) => home.subjects.join(household, ids[2]),
  'leave cleo': (home, { ids, household }) => home.subjects.leave(household, ids[2]),
  'leave ben': (home, { ids, household }) => home.subjects.leave(household, ids[1]),
  'join ben': (home, { ids, household }) => home.subjects.join(household, ids[1]),
  'withdraw ada': (home, { ids }) => home.consent.withdraw(ids[0], { purposes: ['offers'] }),
  write: (home, { household }) => house(home).household.update(household, { address: 'marker 2' }),
  offer: (home, { household }) =>
    home.accessor({ purpose: 'offers', actor: AGENT }).household.update(household, {
      address: 'marker 3',
    }),
  photo: (home, { household }) => house(home).photo.create(household, { caption: 'marker' }),
  read: (home, { household }) => house(home).household.read(household),
  'erase household': (home, { household }) => home.erasure.erase(household, { reason: REASON }),
}

const MEMBERSHIP = ['erase ada', 'erase ben', 'erase cleo', 'join cleo', 'leave cleo', 'leave ben']

/** What may come of it for one of those who were too late. */
const LOST = ['erased', 'not_permitted', 'write_conflict', 'invalid_transition', 'not_found']

function house(home: Home) {
  return home.accessor({ purpose: 'home', actor: AGENT })
}

test('nobody who is gone is in a household, and whoever is in one is known to be', {
  timeout: SLOW,
}, async () => {
  for (let schedule = 0; schedule < SCHEDULES; schedule += 1)
    await runSchedule(seeded(SEED + schedule), SEED + schedule)
})

test('a write about two people does not outrun the withdrawal of one, in whatever log that is', async () => {
  const data = memoryData()
  const other = await openOn(memoryStore({ share: data }))
  const inner = memoryStore({ share: data })
  let beside: (() => Promise<unknown>) | undefined
  const home = await openOn({
    ...inner,
    commit: async (batch) => {
      const first = beside
      beside = undefined
      await first?.()
      return inner.commit(batch)
    },
  })
  for (let town = 0; town < 12; town += 1) {
    const { ids, household } = await build(home)
    const offers = home.accessor({ purpose: 'offers', actor: AGENT }).household
    beside = () => other.consent.withdraw(ids[1], { purposes: ['offers'] })
    await expect(offers.update(household, { address: 'marker 4' })).rejects.toMatchObject({
      code: 'not_permitted',
      details: { reasons: ['withdrawn'] },
    })
    beside = () => other.subjects.join(household, ids[2])
    await house(home).household.update(household, { address: 'marker 5' })
    beside = () => other.erasure.erase(ids[0], { reason: REASON })
    await house(home).household.update(household, { address: 'marker 6' })
    expect(await home.subjects.members(household)).toEqual([ids[1], ids[2]])
  }
  await Promise.all([home.close(), other.close()])
})

async function runSchedule(random: Seeded, seed: number): Promise<void> {
  const data = memoryData()
  const lanes = createLanes()
  const first = await openOn(memoryStore({ share: data }))
  const town = await build(first)
  const names = Object.keys(ACTS)
  // Two that change who is in it, and anything.
  const among = [MEMBERSHIP, MEMBERSHIP, names]
  const chosen = among.map((some) => some[random.below(some.length)] ?? 'read')
  const homes = await Promise.all(
    chosen.map(() => openOn(lanes.lane(memoryStore({ share: data })).store)),
  )
  lanes.start(random)
  const outcomes = await Promise.allSettled(
    chosen.map((name, at) => ACTS[name]?.(homes[at] as Home, town)),
  )
  lanes.stop()
  const label = `seed ${seed}: ${chosen.join(', ')}`
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') continue
    expect(isPrivityError(outcome.reason) ? outcome.reason.code : outcome.reason, label).toSatisfy(
      (code) => LOST.includes(code) || code === 'erasure_incomplete',
    )
  }
  const last = await openOn(memoryStore({ share: data }))
  await last.erasure.work()
  await checkTown(last, town, label)
  for (const home of [first, ...homes, last]) await home.close()
}

async function build(home: Home): Promise<Town> {
  const [ada, ben, cleo] = [
    await home.subjects.register(),
    await home.subjects.register(),
    await home.subjects.register(),
  ]
  const household = await home.subjects.group({ members: [ada.id, ben.id] })
  const notice = await home.notices.publish({ id: 'p', version: '1', texts: { en: 'p' } })
  for (const { id } of [ada, ben, cleo])
    await home.consent.give(id, { purposes: ['offers'], notice, method: { channel: 'paper' } })
  await house(home).household.create(household.id, { address: 'marker 1' })
  return { ids: [ada.id, ben.id, cleo.id], household: household.id }
}

async function checkTown(home: Home, { ids, household }: Town, label: string): Promise<void> {
  const members = await orGone(home.subjects.members(household))
  const groups = new Map<string, readonly string[] | 'gone'>()
  for (const id of ids) groups.set(id, await orGone(home.subjects.groups(id)))
  if (members === 'gone') return
  expect(members.length, label).toBeGreaterThan(0)
  for (const id of members) expect(groups.get(id), label).toContain(household)
  const seen = await house(home).household.read(household)
  expect(seen.address, label).toContain('marker')
}

async function orGone<T>(reading: Promise<T>): Promise<T | 'gone'> {
  try {
    return await reading
  } catch (error) {
    if (isPrivityError(error, 'erased')) return 'gone'
    throw error
  }
}
