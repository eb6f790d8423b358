import { describe, expect, test } from 'vitest'
import { memoryData, memoryStore } from 'privity/memory'
import { eagerClock, refusal } from '../support/acme.ts'
import { epochKeys } from '../support/epoch-keys.ts'
import { hookedStore } from '../support/hooked-store.ts'
import { type Desk, type DeskPlan, openDesk } from '../support/lookup-desk.ts'

const PLAIN: DeskPlan = { fields: { name: {}, email: { lookup: 'email' } } }
const UNIQUE: DeskPlan = {
  fields: { name: {}, email: { lookup: { by: 'email', unique: true } } },
}
const WITHOUT: DeskPlan = { fields: { name: {}, email: {} } }
const ANNA = { email: 'anna@example.com' }
const BRAM = { email: 'bram@example.com' }
const NOBODY = { email: 'nobody@example.com' }

interface Two {
  readonly one: Desk
  readonly other: Desk
  /** Withholds every key from the other process, until told otherwise. */
  withhold(isWithheld: boolean): void
  /** Past the time for which a refusal of the provider counts. */
  later(): void
}

/** Two processes on one store. */
async function openTwo(plan: DeskPlan): Promise<Two> {
  const share = memoryData()
  const kms = epochKeys()
  const clock = eagerClock()
  let isWithheld = false
  const one = await openDesk(memoryStore({ share }), plan, { keys: kms.provider() })
  const keys = kms.provider(() => isWithheld)
  const other = await openDesk(memoryStore({ share }), plan, { keys, clock })
  return {
    one,
    other,
    withhold: (now) => {
      isWithheld = now
    },
    later: () => clock.advance(61_000),
  }
}

describe('a process that another one has gone ahead of, to a new epoch and new keys of lookups,', () => {
  test('finds', async () => {
    const { one, other } = await openTwo(PLAIN)
    const anna = await one.add(ANNA)
    await goOn(one)
    expect(await other.ids(ANNA)).toEqual([anna])
  })

  test('finds what was written under them next to what it knew of, and logs each once', async () => {
    const { one, other } = await openTwo(PLAIN)
    const anna = await one.add(ANNA)
    expect(await other.ids(ANNA)).toEqual([anna])
    await one.privity.keys.rotateLookups()
    const namesake = await one.add(ANNA)
    const bram = await one.add(BRAM)
    expect(await other.ids(ANNA)).toEqual([anna, namesake].sort())
    expect(await other.ids(BRAM)).toEqual([bram])
    expect(await timesFound(other, anna)).toBe(2)
    expect(await timesFound(other, namesake)).toBe(1)
  })

  test('keeps values unique, also when the provider was down as it learnt of that', async () => {
    const { one, other, withhold, later } = await openTwo(UNIQUE)
    await one.add(ANNA)
    const { id } = await other.privity.subjects.register()
    await goOn(one)
    withhold(true)
    expect(await refusal(other.ids(ANNA))).toMatchObject({ code: 'key_unavailable' })
    withhold(false)
    later()
    expect(await refusal(other.support.create(id, ANNA))).toMatchObject({ code: 'already_exists' })
    await other.support.create(id, BRAM)
    expect(await one.ids(BRAM)).toEqual([id])
  })

  test('goes on under the keys it has while the provider is down, and under the new ones after', async () => {
    const { one, other, withhold, later } = await openTwo(PLAIN)
    const anna = await one.add(ANNA)
    expect(await other.ids(ANNA)).toEqual([anna])
    withhold(true)
    await one.privity.keys.rotate()
    await one.privity.keys.rewrap()
    expect(await other.ids(ANNA)).toEqual([anna])
    await one.privity.keys.rotateLookups()
    const code = 'key_unavailable'
    expect(await refusal(other.ids(ANNA))).toMatchObject({ code })
    withhold(false)
    later()
    expect(await other.ids(ANNA)).toEqual([anna])
  })

  test('writes as many as there are at once', async () => {
    const { one, other } = await openTwo(UNIQUE)
    await one.privity.keys.rotateLookups()
    const adding = Array.from({ length: 20 }, (_, at) => other.add({ email: `u${at}@example.com` }))
    expect(new Set(await Promise.all(adding)).size).toBe(20)
  })
})

test('a search learns of keys that others started in the read of what it finds', async () => {
  const store = hookedStore(memoryStore())
  const desk = await openDesk(store, PLAIN)
  const anna = await desk.add(ANNA)
  const before = store.reads.length
  expect(await desk.ids(ANNA)).toEqual([anna])
  const families = store.reads.slice(before).map((keys) => keys.map((key) => key.split('/')[1]))
  expect(families.filter(([family]) => family === 'p' || family === 'k')).toEqual([['p', 'k', 'k']])
})

describe('a write that is under way when its process learns of new keys of lookups', () => {
  test.each([
    ['plain', PLAIN],
    ['unique', UNIQUE],
  ])('is done under the new ones: %s', async (_, plan) => {
    const { one, other, during } = await openHooked(plan)
    const { id } = await other.privity.subjects.register()
    during(() => learn(one, other))
    await other.support.create(id, ANNA)
    expect(await one.ids(ANNA)).toEqual([id])
    expect(await one.privity.keys.lookupsDue()).toBe(0)
  })

  test('takes no value that another record has', async () => {
    const { one, other, during } = await openHooked(UNIQUE)
    const anna = await one.add(ANNA)
    const { id } = await other.privity.subjects.register()
    const { id: waiting } = await other.privity.subjects.register()
    let second: Promise<unknown> = Promise.resolve()
    during(async () => {
      second = refusal(other.support.create(waiting, ANNA))
      await learn(one, other)
    })
    await other.support.create(id, BRAM)
    expect(await second).toMatchObject({ code: 'already_exists' })
    expect(await one.ids(ANNA)).toEqual([anna])
    expect(await one.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  })

  test('is a reseal that is done again', async () => {
    const { one, other, during } = await openHooked(UNIQUE)
    await one.add(ANNA)
    await one.privity.keys.rotateLookups()
    during(async () => {
      await one.privity.keys.rotateLookups()
      await other.ids(NOBODY)
    })
    expect(await other.privity.keys.reseal()).toMatchObject({ records: 1 })
    expect(await one.privity.keys.lookupsDue()).toBe(0)
  })
})

test('a process whose lookup a newer policy dropped says so instead of finding nobody', async () => {
  const share = memoryData()
  const older = await openDesk(memoryStore({ share }), PLAIN)
  const anna = await older.add(ANNA)
  const newer = await openDesk(memoryStore({ share }), WITHOUT)
  expect(await older.ids(ANNA)).toEqual([anna])
  await newer.privity.keys.reseal()
  expect(await newer.privity.keys.dropLookups()).toEqual({ dropped: 1, used: 0 })
  const dropped = { code: 'key_unknown', details: { what: 'lookup' } }
  expect(await refusal(older.ids(ANNA))).toMatchObject(dropped)
  const again = await openDesk(memoryStore({ share }), PLAIN)
  expect(await refusal(again.ids(ANNA))).toMatchObject(dropped)
})

async function timesFound({ privity }: Desk, subjectId: string): Promise<number> {
  let times = 0
  for await (const _ of privity.audit.query({ subjectId, action: 'find' })) times += 1
  return times
}

/** A new epoch, everything wrapped under it, and new keys of lookups. */
async function goOn({ privity }: Desk): Promise<void> {
  await privity.keys.rotate()
  await privity.keys.rewrap()
  await privity.keys.rotateLookups()
}

/** One starts new keys and brings everybody over; the other searches, and so learns of them. */
async function learn(one: Desk, other: Desk): Promise<void> {
  await one.privity.keys.rotateLookups()
  await one.privity.keys.reseal()
  await other.ids(NOBODY)
}

interface Hooked extends Pick<Two, 'one' | 'other'> {
  /** Runs once, while the next commit of the other process is on its way. */
  during(run: () => Promise<void>): void
}

async function openHooked(plan: DeskPlan): Promise<Hooked> {
  const share = memoryData()
  let meanwhile: (() => Promise<void>) | undefined
  const store = hookedStore(memoryStore({ share }), {
    commit: async (_, next) => {
      const run = meanwhile
      meanwhile = undefined
      await run?.()
      await next()
    },
  })
  const one = await openDesk(memoryStore({ share }), plan)
  const other = await openDesk(store, plan)
  return {
    one,
    other,
    during: (run) => {
      meanwhile = run
    },
  }
}
