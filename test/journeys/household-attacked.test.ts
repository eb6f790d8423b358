import { describe, expect, test } from 'vitest'
import { isPrivityError, type Key, type Row } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { verifyCertificate } from 'privity/verify'
import { collect, eagerClock, refusal, START } from '../support/acme.ts'
import { hookedStore } from '../support/hooked-store.ts'
import {
  addFamily,
  as,
  certified,
  erased,
  type Family,
  type Home,
  openHome,
  REASON,
} from '../support/household.ts'
import { scaled } from '../support/scale.ts'
import { itemOf, scriptedHook } from '../support/scripted-hook.ts'
import { setBack } from '../support/set-back.ts'
import { journey, JOURNEYS, leaveEngines, type Place } from '../support/stores.ts'

leaveEngines()

const UNREADABLE = { reason: REASON, unreadable: 'erase' } as const
const MEMORIES = ['memory', 'memory, keys apart'] as const
const DAY = 86_400_000
const SLOW = { timeout: 120_000 } as const
const groupsLeft = { code: 'erasure_incomplete', details: { failing: ['privity:groups'] } } as const

/** What an erasure came to: the id of one that is not at its end. */
async function erasing(erasure: Promise<string>): Promise<'done' | { readonly goOn: string }> {
  const told = await erasure.then(
    () => 'done' as const,
    (error: unknown) => error,
  )
  if (told === 'done') return told
  expect(told).toMatchObject(groupsLeft)
  const { details } = await refusal(Promise.reject(told))
  return { goOn: (details as { readonly erasureId: string }).erasureId }
}

interface Beside extends Family {
  readonly home: Home
  /** Another process on the same rows. */
  readonly other: Home
  /** How often the first one has read or changed the group since it began. */
  looks(): number
  begin(): void
}

/** Lets a test do something after each time that a process has read or changed a group. */
async function openBeside(
  place: Place,
  onLook: (beside: Omit<Beside, 'home'>, nth: number) => Promise<void>,
): Promise<Beside> {
  const other = await openHome(place.store())
  const family = await addFamily(other)
  let looks = 0
  let hasBegun = false
  const watched = {
    ...family,
    other,
    looks: () => looks,
    begin: () => {
      hasBegun = true
    },
  }
  async function look(keys: readonly Key[]): Promise<void> {
    if (!hasBegun || !keys.some((key) => key.includes(family.household))) return
    looks += 1
    await onLook(watched, looks)
  }
  const store = hookedStore(place.store(), {
    read: async (keys, next) => {
      const rows = await next()
      await look(keys)
      return rows
    },
    commit: async (batch, next) => {
      await next()
      await look(batch.put.map(([key]) => key))
    },
  })
  return { ...watched, home: await openHome(store) }
}

interface Turns {
  /** Whether a law keeps something of Ada. */
  readonly isClosed: boolean
  /** Whether the erasure of the household is requested before that of Ada begins. */
  readonly isRequested: boolean
  /** When it is requested, or taken back. */
  readonly at: number
  /** And back again. */
  readonly again: number
}

/** Whether the erasure came so far. */
async function turnBeside(
  place: Place,
  { isClosed, isRequested, at, again }: Turns,
): Promise<boolean> {
  let requested: string | undefined
  async function turn({ other, household }: Omit<Beside, 'home'>): Promise<void> {
    const erasureId = requested
    requested = undefined
    if (erasureId !== undefined) return other.erasure.cancel(erasureId)
    const request = { reason: 'mistake', grace: { days: 9 } } as const
    requested = (await other.erasure.request(household, request)).erasureId
  }
  const beside = await openBeside(place, async (it, nth) => {
    if (nth === at || nth === again) await turn(it)
  })
  const { home, other, ada, ben, household, looks, begin } = beside
  if (isClosed) await as(other).books.invoice.create(ada, { text: 'rent' })
  const plan = await home.erasure.plan(ada, { reason: REASON })
  if (isRequested) await turn(beside)
  begin()
  const outcome = await erasing(home.erasure.run(plan))
  const wasReached = looks() >= at
  if (requested !== undefined) await other.erasure.cancel(requested)
  if (outcome !== 'done') await other.erasure.resume(outcome.goOn)
  expect(await other.subjects.members(household)).toEqual([ben])
  expect(await as(other).home.household.read(household)).toMatchObject({ rent: 'marker-rent' })
  expect(await collect(other.erasure.pending())).toEqual([])
  await Promise.all([home.close(), other.close()])
  return wasReached
}

describe.each(MEMORIES)('a household beside the erasure of a member (%s)', (name) => {
  test.for([
    { isRequested: true, isClosed: false },
    { isRequested: true, isClosed: true },
    { isRequested: false, isClosed: false },
    { isRequested: false, isClosed: true },
  ])('stays, without them, however often its own is taken back (%o)', SLOW, async (kind) => {
    for (let at = 1, was = true; was; at += 1) {
      for (let again = at + 1; again < at + 5; again += 1)
        was = await turnBeside(await JOURNEYS[name](), { ...kind, at, again })
    }
  })
})

journey('nobody leaves a household behind a fence that can be lifted', async (place) => {
  const home = await openHome(place.store())
  const { ada, ben, household } = await addFamily(home)
  const request = { reason: 'mistake', grace: { days: 9 } } as const
  const { erasureId } = await home.erasure.request(household, request)
  expect(await refusal(home.subjects.leave(household, ada))).toEqual(erased)
  expect(await refusal(home.subjects.join(household, ada))).toEqual(erased)
  await home.erasure.cancel(erasureId)
  expect(await home.subjects.members(household)).toEqual([ada, ben])
  expect(await home.subjects.groups(ada)).toEqual([household])
  await certified(home, await home.erasure.erase(ada, { reason: REASON }))
  expect(await home.subjects.members(household)).toEqual([ben])
  await home.close()
})

journey(
  'while a household is in its grace, a member is not certified to be gone',
  async (place) => {
    const clock = eagerClock()
    const home = await openHome(place.store(), { clock })
    const { ada, ben, household } = await addFamily(home)
    const request = { reason: 'moved_out', grace: { days: 10 } } as const
    const taken = await home.erasure.request(household, request)
    expect(await refusal(home.erasure.erase(ada, { reason: REASON }))).toMatchObject(groupsLeft)
    expect(await refusal(home.erasure.erase(ada, { reason: REASON }))).toMatchObject(groupsLeft)
    const rows = await place.rows()
    expect(rows.filter(([key]) => key.includes(`/p/${ada}/`))).not.toEqual([])
    await home.erasure.cancel(taken.erasureId)
    const refused = as(home).home.household.read(household)
    expect(await refusal(refused)).toMatchObject({
      code: 'not_permitted',
      details: { reasons: ['erased'] },
    })
    await certified(home, await home.erasure.erase(ada, { reason: REASON }))
    expect(await home.subjects.members(household)).toEqual([ben])
    await home.erasure.request(household, request)
    expect(await refusal(home.erasure.erase(ben, { reason: REASON }))).toMatchObject(groupsLeft)
    expect(await home.erasure.work()).toMatchObject({ completed: 0, failed: 0 })
    clock.advance(11 * DAY)
    await home.erasure.work()
    await home.erasure.work()
    expect(await collect(home.erasure.pending())).toEqual([])
    expect(await refusal(home.subjects.members(household))).toMatchObject(erased)
    expect(await refusal(home.subjects.groups(ben))).toMatchObject(erased)
    expect(await home.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await home.close()
  },
)

/** What becomes of another erasure of the household, that was requested beside that of the last member. */
const ENDS: {
  readonly [name: string]: (home: Home, requested: string, household: string) => Promise<unknown>
} = {
  'taken back': (home, requested) => home.erasure.cancel(requested),
  'carried out': (home, _, household) => home.erasure.erase(household, { reason: REASON }),
}

test.for(Object.keys(ENDS))(
  'the last member is not certified before the household is gone, behind whatever fence (%s)',
  SLOW,
  async (end) => {
    for (let at = 1, was = true; was; at += 1) was = await requestBeside(at, end)
  },
)

/** Whether the erasure came so far. */
async function requestBeside(requestAt: number, end: string): Promise<boolean> {
  let requested: string | undefined
  const place = await JOURNEYS.memory()
  const { home, other, ada, ben, household, looks, begin } = await openBeside(
    place,
    async ({ other, household }, nth) => {
      if (nth !== requestAt) return
      const request = { reason: 'mistake', grace: { days: 9 } } as const
      const told = await other.erasure.request(household, request).catch((error: unknown) => {
        expect(error).toMatchObject(erased)
      })
      requested = told?.erasureId
    },
  )
  await other.subjects.leave(household, ben)
  begin()
  const outcome = await erasing(home.erasure.erase(ada, { reason: REASON }))
  // A request that came too late did not come about.
  expect(outcome === 'done').toBe(requested === undefined)
  if (outcome !== 'done' && requested !== undefined) {
    expect(await refusal(other.erasure.resume(outcome.goOn))).toMatchObject(groupsLeft)
    await ENDS[end]?.(other, requested, household)
    await other.erasure.resume(outcome.goOn)
  }
  expect(await refusal(other.subjects.members(household))).toMatchObject(erased)
  const rows = await place.rows()
  expect(rows.filter(([key]) => key.includes(`/p/${household}/`))).toEqual([])
  const later = await openHome(place.store(), { clock: eagerClock(START + DAY) })
  await later.erasure.work()
  expect(await collect(later.erasure.pending())).toEqual([])
  await Promise.all([home.close(), other.close(), later.close()])
  return looks() >= requestAt
}

journey(
  'the last member is not certified while the household is not at its end elsewhere',
  async (place) => {
    let household = ''
    let isDown = true
    const mailing = scriptedHook({
      partial: true,
      plan: ({ subjectId }) => (subjectId === household ? [itemOf('row-1')] : []),
      execute: () => {
        if (isDown) throw new Error('down')
        return 'done'
      },
    })
    const clock = eagerClock()
    const home = await openHome(place.store(), { hooks: [mailing], clock })
    const family = await addFamily(home)
    household = family.household
    await as(home).books.bill.create(household, { text: 'water' })
    await home.subjects.leave(household, family.ben)
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const erasure = home.erasure.erase(family.ada, { reason: REASON })
      expect(await refusal(erasure)).toMatchObject(groupsLeft)
      const pending = await collect(home.erasure.pending())
      expect(pending.map(({ subjectId }) => subjectId).toSorted()).toEqual(
        [family.ada, household].toSorted(),
      )
    }
    isDown = false
    clock.advance(DAY)
    await home.erasure.work()
    await home.erasure.work()
    expect(await collect(home.erasure.pending())).toEqual([])
    expect(await refusal(home.subjects.groups(family.ada))).toMatchObject(erased)
    expect(await home.subjects.members(household)).toEqual([])
    await home.close()
  },
)

test(
  'a last member is certified once all of a large household is gone that no law keeps',
  SLOW,
  async () => {
    const place = await JOURNEYS.memory()
    const stop = new AbortController()
    let isArmed = false
    const store = hookedStore(place.store(), {
      commit: async (batch, next) => {
        await next()
        if (isArmed && batch.del.filter((key) => key.includes('/r/')).length >= 30) stop.abort()
      },
    })
    const home = await openHome(store)
    const { ada, ben, household } = await addFamily(home)
    await home.subjects.leave(household, ben)
    await as(home).books.bill.create(household, { text: 'water' })
    for (let photo = 0; photo < 150; photo += 1)
      await as(home).home.photo.create(household, { caption: `marker-${photo}` })
    const plan = await home.erasure.plan(ada, { reason: REASON })
    isArmed = true
    await expect(home.erasure.run(plan, { signal: stop.signal })).rejects.toThrow('abort')
    isArmed = false
    const kept = async (): Promise<number> => {
      const rows = await place.rows()
      return rows.filter(([key]) => key.includes(`/p/${household}/r/`)).length
    }
    expect(await kept()).toBeGreaterThan(1)
    await certified(home, await home.erasure.resume(plan.erasureId))
    expect(await kept()).toBe(1)
    expect(await collect(home.erasure.pending())).toEqual([])
    await home.close()
  },
)

async function joinBeside(
  place: Place,
  { joinAt, isClosed }: { readonly joinAt: number; readonly isClosed: boolean },
): Promise<boolean> {
  const other = await openHome(place.store())
  const { ada, ben } = await addFamily(other)
  const { id: second } = await other.subjects.group({ members: [ben] })
  await as(other).home.household.create(second, { address: 'marker-street 2' })
  if (isClosed) await as(other).books.invoice.create(ada, { text: 'rent' })
  let [commits, isArmed] = [0, false]
  const store = hookedStore(place.store(), {
    commit: async (_, next) => {
      if (isArmed) commits += 1
      if (isArmed && commits === joinAt) {
        isArmed = false
        await other.subjects.join(second, ada).catch((error: unknown) => {
          expect(error).toMatchObject(erased)
        })
      }
      return next()
    },
  })
  const home = await openHome(store)
  isArmed = true
  const outcome = await erasing(home.erasure.erase(ada, { reason: REASON }))
  if (outcome !== 'done') await other.erasure.resume(outcome.goOn)
  expect(await other.subjects.members(second)).toEqual([ben])
  expect(await as(other).home.household.read(second)).toEqual({ address: 'marker-street 2' })
  await Promise.all([home.close(), other.close()])
  return commits >= joinAt
}

test.for([false, true])(
  'whoever is being erased is in no household afterwards that they join meanwhile (closed: %s)',
  SLOW,
  async (isClosed) => {
    for (const name of MEMORIES)
      for (let joinAt = 1, was = true; was; joinAt += 1)
        was = await joinBeside(await JOURNEYS[name](), { joinAt, isClosed })
  },
)

interface Copied {
  /** After which commit of the erasure the copy is made. */
  readonly copyAt: number
  readonly isClosed: boolean
  readonly journal: MemoryData | undefined
}

interface Restored extends Family {
  readonly home: Home
  /** A group that Ada was alone in. */
  readonly alone: string
}

/** The store as it was while Ada was erased; the key store, where there is one, as it is since. Undefined: past the end. */
async function restoreCopy(
  place: Place,
  { copyAt, isClosed, journal }: Copied,
): Promise<Restored | undefined> {
  const clock = eagerClock()
  const options = {
    clock,
    ...(journal === undefined ? {} : { journal: memoryStore({ share: journal }) }),
  }
  const home = await openHome(place.store(), options)
  const family = await addFamily(home)
  const { id: alone } = await home.subjects.group({ members: [family.ada] })
  await as(home).home.household.create(alone, { address: 'marker-street 9' })
  if (isClosed) await as(home).books.invoice.create(family.ada, { text: 'rent' })
  await home.close()
  let commits = 0
  let copy: readonly Row[] | undefined
  const store = hookedStore(place.store(), {
    commit: async (_, next) => {
      await next()
      if (isArmed) commits += 1
      if (isArmed && commits === copyAt) copy = await place.rows()
    },
  })
  let isArmed = false
  const later = await openHome(store, options)
  isArmed = true
  await later.erasure.erase(family.ada, { reason: REASON })
  isArmed = false
  await later.close()
  if (copy === undefined) return undefined
  await setBack(place, copy)
  clock.advance(DAY)
  return { ...family, alone, home: await openHome(place.store(), options) }
}

const COPIES = scaled({ ci: 2, torture: 1 })

describe.each(MEMORIES)('a copy that was made while a member was erased (%s)', (name) => {
  test.for([false, true])(
    'is done again from the journal, groups and all (closed: %s)',
    SLOW,
    async (isClosed) => {
      for (let copyAt = 1; ; copyAt += COPIES) {
        const place = await JOURNEYS[name]()
        const journal = memoryData()
        const restored = await restoreCopy(place, { copyAt, isClosed, journal })
        if (restored === undefined) break
        const { home, alone, ada, ben, household } = restored
        await home.erasure.replay()
        await home.close()
        const again = await openHome(place.store(), {
          clock: eagerClock(START + DAY),
          journal: memoryStore({ share: journal }),
        })
        await again.erasure.work()
        expect(await again.subjects.members(household)).toEqual([ben])
        expect(await refusal(again.subjects.members(alone))).toMatchObject(erased)
        if (isClosed) expect(await again.subjects.groups(ada)).toEqual([])
        else expect(await refusal(again.subjects.groups(ada))).toMatchObject(erased)
        expect(await collect(again.erasure.pending())).toEqual([])
        await again.close()
      }
    },
  )
})

test(
  'without a journal, a member is certified once groups are gone whose keys are already',
  SLOW,
  async () => {
    for (const isClosed of [false, true]) {
      for (let copyAt = 1; ; copyAt += COPIES) {
        const place = await JOURNEYS['memory, keys apart']()
        const restored = await restoreCopy(place, { copyAt, isClosed, journal: undefined })
        if (restored === undefined) break
        const { home, alone, ada, ben, household } = restored
        await home.erasure.work()
        const erasure = home.erasure.erase(ada, UNREADABLE).catch((error: unknown) => {
          if (isPrivityError(error, 'erased')) return 'done'
          throw error
        })
        const outcome = await erasing(erasure)
        // Under another id than then: whose fence that is before the keys of the group, only its own erasure knows.
        if (outcome !== 'done') {
          expect(isClosed).toBe(true)
          await home.erasure.erase(alone, { reason: REASON })
          await home.erasure.resume(outcome.goOn)
        }
        expect(await home.subjects.members(household)).toEqual([ben])
        expect(await refusal(home.subjects.members(alone))).toMatchObject(erased)
        await home.close()
      }
    }
  },
)

journey('a hold on everything of a person keeps what is shared with them', async (place) => {
  const home = await openHome(place.store())
  const { ada, ben, household } = await addFamily(home)
  const { recordId } = await as(home).home.photo.create(household, { caption: 'marker-photo' })
  const { holdId } = await home.retention.hold(ada, {
    matter: 'claim-1',
    reviewAt: '2030-01-01T00:00:00Z',
  })
  const kept = { code: 'erasure_incomplete', details: { failing: ['privity:kept'] } }
  const grace = { reason: REASON, grace: { days: 3 } } as const
  const part = { reason: REASON, scope: { purpose: 'home' } } as const
  expect(await refusal(home.erasure.erase(household, { reason: REASON }))).toMatchObject(kept)
  expect(await refusal(home.erasure.request(household, grace))).toMatchObject(kept)
  expect(await refusal(home.erasure.erase(household, part))).toMatchObject(kept)
  expect(await as(home).home.photo.read(household, recordId)).toEqual({ caption: 'marker-photo' })
  const certificate = await home.erasure.erase(ada, { reason: REASON })
  expect(await verifyCertificate(certificate, home.ledger.publicKeys)).toMatchObject({
    ok: false,
    reason: 'not_completed',
  })
  expect(await home.subjects.members(household)).toEqual([ada, ben])
  expect(await home.subjects.groups(ada)).toEqual([household])
  expect(await refusal(as(home).home.photo.read(household, recordId))).toMatchObject({
    code: 'not_permitted',
    details: { reasons: ['erased'] },
  })
  await certified(home, await home.erasure.erase(ben, { reason: REASON }))
  expect(await home.subjects.members(household)).toEqual([ada])
  expect(await refusal(home.erasure.erase(household, { reason: REASON }))).toMatchObject(kept)
  await home.retention.releaseHold(ada, holdId)
  expect(await home.retention.sweep()).toMatchObject({ people: 1, erased: 1, failed: 0 })
  expect(await refusal(home.subjects.groups(ada))).toMatchObject(erased)
  expect(await refusal(home.subjects.members(household))).toMatchObject(erased)
  expect(await collect(home.erasure.pending())).toEqual([])
  await home.close()
})

journey(
  'what a hook could not plan of a household is forgotten once a member has to keep it',
  async (place) => {
    let isDown = true
    const plan = (): unknown => {
      if (isDown) throw new Error('down')
      return []
    }
    const clock = eagerClock()
    const home = await openHome(place.store(), { hooks: [scriptedHook({ plan })], clock })
    const { ada, household } = await addFamily(home)
    expect(await refusal(home.erasure.erase(household, { reason: REASON }))).toMatchObject({
      code: 'erasure_incomplete',
      details: { failing: ['mailing'] },
    })
    const hold = { matter: 'claim-1', reviewAt: '2030-01-01T00:00:00Z' }
    const { holdId } = await home.retention.hold(ada, hold)
    isDown = false
    clock.advance(DAY)
    expect(await home.erasure.work()).toMatchObject({ completed: 0, incomplete: 1 })
    expect(await collect(home.erasure.pending())).toEqual([])
    await home.retention.releaseHold(ada, holdId)
    clock.advance(DAY)
    expect(await home.erasure.work()).toMatchObject({ completed: 0, incomplete: 0 })
    expect(await as(home).home.household.read(household)).toMatchObject({
      address: 'marker-street 1',
    })
    await home.close()
  },
)

journey(
  'a part of a household that another purpose may need stays, whatever members said',
  async (place) => {
    const home = await openHome(place.store())
    const { ada, household } = await addFamily(home)
    await home.consent.withdraw(ada, { purposes: ['offers'] })
    const erasure = home.erasure.erase(household, { reason: REASON, scope: { purpose: 'home' } })
    expect(await certified(home, await erasure)).toMatchObject({
      scope: 'partial',
      exclusions: [{ what: 'household.address', ground: 'purpose:offers', count: 1, until: null }],
    })
    expect(await as(home).home.household.read(household)).toEqual({ address: 'marker-street 1' })
    await home.close()
  },
)

journey('what did not come about leaves nobody linked to it', async (place) => {
  const home = await openHome(place.store())
  const { ada, household } = await addFamily(home)
  const cleo = (await home.subjects.register()).id
  const dan = (await home.subjects.register()).id
  const gone = await home.subjects.group({ members: [dan], externalId: 'home-1' })
  await home.erasure.erase(gone.id, { reason: REASON })
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const back = home.subjects.group({ members: [cleo], externalId: 'home-1' })
    expect(await refusal(back)).toEqual({ code: 'suppressed', details: { kind: 'subject' } })
  }
  expect(await home.subjects.groups(cleo)).toEqual([])
  expect(await home.subjects.groups(dan)).toEqual([gone.id])
  await home.subjects.leave(gone.id, dan)
  expect(await home.subjects.groups(dan)).toEqual([])
  expect(await refusal(home.subjects.leave(gone.id, dan))).toMatchObject(erased)

  const once = { operationId: 'join' } as const
  await home.subjects.join(household, cleo, once)
  await home.subjects.leave(household, cleo)
  await home.subjects.join(household, cleo, once)
  expect(await home.subjects.members(household)).not.toContain(cleo)
  expect(await home.subjects.groups(cleo)).toEqual([])
  expect(await refusal(home.subjects.join(household, dan, once))).toMatchObject({
    code: 'invalid_input',
    details: { issues: [{ path: ['operationId'], code: 'reused' }] },
  })
  const stopped = home.subjects.join(household, dan, { signal: AbortSignal.abort() })
  await expect(stopped).rejects.toThrow('abort')
  expect(await home.subjects.groups(dan)).toEqual([])
  expect(await home.subjects.groups(ada)).toEqual([household])
  await home.close()
})

/** Overwrites the document of somebody, or of a group, past the library. */
async function lose(place: Place, id: string): Promise<void> {
  const [[key] = ['']] = (await place.rows()).filter(([key]) => key.endsWith(`/p/${id}`))
  expect(key).not.toBe('')
  const store = place.store()
  await store.open()
  await store.commit({ checks: [], put: [[key, new Uint8Array([9, 9, 9])]], del: [] })
  await store.close()
}

journey('a member whom nobody can open is taken out, or goes with the household', async (place) => {
  const home = await openHome(place.store())
  const { ada, ben, household } = await addFamily(home)
  const { id: alone } = await home.subjects.group({ members: [ada] })
  await home.close()
  await lose(place, ada)
  const later = await openHome(place.store())
  await certified(later, await later.erasure.erase(ada, UNREADABLE))
  expect(await later.subjects.members(household)).toEqual([ada, ben])
  expect(await refusal(as(later).home.household.read(household))).toMatchObject({
    code: 'not_permitted',
    details: { reasons: ['erased'] },
  })
  await later.subjects.leave(household, ada)
  expect(await later.subjects.members(household)).toEqual([ben])
  expect(await as(later).home.household.read(household)).toMatchObject({ rent: 'marker-rent' })
  expect(await refusal(later.subjects.leave(alone, ada))).toMatchObject({
    code: 'invalid_transition',
    details: { machine: 'group', from: 'one_member', event: 'leave' },
  })
  await certified(later, await later.erasure.erase(alone, { reason: REASON }))
  expect(await refusal(later.subjects.members(alone))).toMatchObject(erased)
  await later.close()
})

test('a household of which a member cannot be opened goes once somebody asks for that', async () => {
  const place = await JOURNEYS.memory()
  const home = await openHome(place.store())
  const { ada, ben, household } = await addFamily(home)
  await home.close()
  await lose(place, ada)
  const later = await openHome(place.store())
  expect(await refusal(later.erasure.erase(household, { reason: REASON }))).toMatchObject({
    code: 'erasure_incomplete',
    details: { failing: ['privity:unreadable'] },
  })
  expect(await later.subjects.members(household)).toEqual([ada, ben])
  await certified(later, await later.erasure.erase(household, UNREADABLE))
  expect(await refusal(later.subjects.members(household))).toMatchObject(erased)
  await certified(later, await later.erasure.erase(ben, { reason: REASON }))
  await later.close()
})

journey(
  'a household that nobody can open keeps the certificate of a member back until it is gone',
  async (place) => {
    const home = await openHome(place.store())
    const { ada, household } = await addFamily(home)
    await home.close()
    await lose(place, household)
    const later = await openHome(place.store())
    expect(await refusal(later.erasure.erase(ada, { reason: REASON }))).toMatchObject(groupsLeft)
    await certified(later, await later.erasure.erase(household, UNREADABLE))
    await certified(later, await later.erasure.erase(ada, { reason: REASON }))
    expect(await collect(later.erasure.pending())).toEqual([])
    await later.close()
  },
)

journey(
  'what was written under an operation id is answered as before once a member is going',
  async (place) => {
    const home = await openHome(place.store())
    const { ada, household } = await addFamily(home)
    const { home: house } = as(home)
    await house.household.update(household, { rent: 'marker-2' }, { operationId: 'once' })
    await home.erasure.request(ada, { reason: REASON, grace: { days: 3 } })
    await house.household.update(household, { rent: 'marker-2' }, { operationId: 'once' })
    expect(await refusal(house.household.update(household, { rent: 'marker-3' }))).toMatchObject({
      code: 'not_permitted',
      details: { reasons: ['erased'] },
    })
    await home.close()
  },
)

journey('whoever may not see anybody is not told who is a household', async (place) => {
  const home = await openHome(place.store())
  const { ada, household } = await addFamily(home)
  const nobody = home.accessor({ purpose: 'home', actor: { id: 'ida', roles: [] } })
  const recordId = 'f'.repeat(32)
  for (const id of [ada, household]) {
    const attempts = [
      () => nobody.profile.read(id),
      () => nobody.profile.create(id, { name: 'x' }),
      () => nobody.profile.update(id, { name: 'x' }),
      () => nobody.household.read(id),
      () => nobody.household.create(id, { address: 'x' }),
      () => nobody.household.update(id, { address: 'x' }),
      () => nobody.photo.create(id, { caption: 'x' }),
      () => nobody.photo.remove(id, recordId),
    ]
    for (const attempt of attempts)
      expect(await refusal(attempt())).toEqual({
        code: 'not_permitted',
        details: { purpose: 'home', reason: 'role', reasons: ['role'] },
      })
  }
  await home.close()
})

journey('a household that was closed is for the law alone, as a person is', async (place) => {
  const home = await openHome(place.store())
  const { ada, ben, household } = await addFamily(home)
  const { books, home: house } = as(home)
  const bill = await books.bill.create(household, { text: 'water' })
  const paper = await books.paper.create(ada, { text: 'deed' })
  await home.erasure.erase(household, { reason: REASON })
  expect(await refusal(house.photo.create(household, { caption: 'x' }))).toMatchObject({
    code: 'not_permitted',
    details: { reasons: ['no_basis', 'erased'] },
  })
  expect(await books.bill.read(household, bill.recordId)).toEqual({ text: 'water' })
  await books.bill.update(household, bill.recordId, { text: 'gas' })
  const { id: cleo } = await home.subjects.register()
  expect(await refusal(home.subjects.join(household, cleo))).toMatchObject(erased)
  expect(await home.subjects.groups(cleo)).toEqual([])
  await home.erasure.erase(ada, { reason: REASON })
  expect(await home.subjects.members(household)).toEqual([ben])
  await books.paper.update(ada, paper.recordId, { text: 'will' })
  // A note that there was would be for the contract, which is over.
  const no = { code: 'not_permitted', details: { reasons: ['no_basis'] } }
  expect(await refusal(books.bill.remove(household, bill.recordId))).toMatchObject(no)
  expect(await refusal(books.paper.remove(ada, paper.recordId))).toMatchObject(no)
  expect(await home.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await home.close()
})

test('sixty-four people share a record, and a sixty-fifth does not join', async () => {
  const home = await openHome((await JOURNEYS.memory()).store(), { shards: 4 })
  const members: string[] = []
  for (let nth = 0; nth < 64; nth += 1) members.push((await home.subjects.register()).id)
  const { id } = await home.subjects.group({ members })
  await as(home).home.household.create(id, { address: 'marker-street 1' })
  expect(await as(home).home.household.read(id)).toEqual({ address: 'marker-street 1' })
  const { id: late } = await home.subjects.register()
  expect(await refusal(home.subjects.join(id, late))).toMatchObject({
    code: 'invalid_input',
    details: { issues: [{ path: ['members'], code: 'too_many' }] },
  })
  expect(await home.subjects.groups(late)).toEqual([])
  await home.close()
})

const WORDS = ['', '__proto__', 'constructor', 'f'.repeat(32)]

const HOSTILE: readonly unknown[] = [
  null,
  3,
  {},
  [],
  Symbol('x'),
  new Proxy(
    {},
    {
      get: () => {
        throw new RangeError('boom')
      },
    },
  ),
  {
    toString: () => {
      throw new RangeError('boom')
    },
  },
]

const CALLS: Readonly<
  Record<string, (home: Home, family: Family, value: never) => Promise<unknown>>
> = {
  'what a group is made of': ({ subjects }, _, value) => subjects.group(value),
  'a list of members': ({ subjects }, _, value) => subjects.group({ members: value }),
  'a member of a new group': ({ subjects }, _, value) => subjects.group({ members: [value] }),
  'a group that somebody joins': ({ subjects }, { ada }, value) => subjects.join(value, ada),
  'somebody who joins': ({ subjects }, { household }, value) => subjects.join(household, value),
  'a group that somebody leaves': ({ subjects }, { ada }, value) => subjects.leave(value, ada),
  'somebody who leaves': ({ subjects }, { household }, value) => subjects.leave(household, value),
  'a group whose members are asked for': ({ subjects }, _, value) => subjects.members(value),
  'somebody whose groups are asked for': ({ subjects }, _, value) => subjects.groups(value),
  'a group that is read': (home, _, value) => as(home).home.household.read(value),
  'a group that is written': (home, _, value) =>
    as(home).home.household.create(value, { address: 'x' }),
}

test.for(Object.entries(CALLS))('%s is refused where it is anything else', async ([name, call]) => {
  const home = await openHome((await JOURNEYS.memory()).store())
  const family = await addFamily(home)
  // Whoever is not in a group has left it.
  const values = name === 'somebody who leaves' ? HOSTILE : [...HOSTILE, ...WORDS]
  for (const value of values) {
    const { code } = await refusal(call(home, family, value as never))
    expect(['invalid_input', 'not_found']).toContain(code)
  }
  for (const word of WORDS) await home.subjects.leave(family.household, word)
  expect(await home.subjects.members(family.household)).toEqual([family.ada, family.ben])
  await home.close()
})
