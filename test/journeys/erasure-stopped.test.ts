import { expect, test } from 'vitest'
import { definePolicy, PrivityError, type Store, type SubjectId } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import {
  accessorsOf,
  type Acme,
  type AcmeOptions,
  ANNA,
  collect,
  eagerClock,
  type FakeClock,
  openAcme,
  policy,
  refusal,
  START,
} from '../support/acme.ts'
import { hookedStore } from '../support/hooked-store.ts'
import { journey, KEY_STORE, keyStoreOf, type Place, STORES } from '../support/stores.ts'

const ASK = { reason: 'subject_request' }
const TICKETS = { ...ASK, scope: { records: [{ record: 'ticket' }] } }
const GRACE = { ...ASK, grace: { days: 14 } } as const
const LATER = 5 * 60_000
const MONTH = 31 * 86_400_000
const MOST = 12

type Failure = 'store_full' | 'store_unavailable'

/** What fails from which call on, while it is armed. */
interface Faults {
  readonly where: 'store' | 'key store'
  readonly what: 'commit' | 'read'
  readonly code: Failure
  readonly nth: number
}

interface Faulty {
  readonly acme: Acme
  readonly id: SubjectId
  readonly clock: FakeClock
  /** Whether it came to the call that fails. */
  during(run: () => Promise<unknown>): Promise<{ readonly hit: boolean; readonly error: unknown }>
}

async function addAnna(acme: Acme): Promise<SubjectId> {
  const { id } = await acme.subjects.register({ externalId: 'crm-17' })
  const { support } = accessorsOf(acme)
  await support.contact.create(id, ANNA)
  await support.ticket.create(id, { text: 'help', channel: 'mail' })
  return id
}

async function openFaulty(
  place: Place,
  { where, what, code, nth }: Faults,
  options: AcmeOptions = {},
): Promise<Faulty> {
  let [isArmed, calls] = [false, 0]
  const failing = (store: Store): Store => {
    async function meet<T>(next: () => Promise<T>): Promise<T> {
      if (isArmed) calls += 1
      if (isArmed && calls >= nth) throw new PrivityError(code, { reason: 'busy' })
      return next()
    }
    return hookedStore(store, { [what]: (_: unknown, next: () => Promise<void>) => meet(next) })
  }
  const plain = place.store()
  const keyStore = keyStoreOf(plain)
  const store = where === 'store' ? failing(plain) : plain
  const keys = where === 'key store' && keyStore !== undefined ? failing(keyStore) : keyStore
  const clock = eagerClock()
  const stores = keys === undefined ? store : Object.assign(store, { [KEY_STORE]: keys })
  const acme = await openAcme(stores, { clock, ...options })
  const id = await addAnna(acme)
  return {
    acme,
    id,
    clock,
    during: async (run) => {
      ;[isArmed, calls] = [true, 0]
      const error = await run().then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      isArmed = false
      return { hit: calls >= nth, error }
    },
  }
}

async function isReadable(acme: Acme, id: SubjectId): Promise<boolean> {
  return accessorsOf(acme)
    .support.contact.read(id)
    .then(
      () => true,
      () => false,
    )
}

/** Either nothing was begun, or the error names what was, and that is gone on with. */
async function expectTold(
  { acme, id, clock }: Faulty,
  error: unknown,
  { code, after }: { readonly code: Failure; readonly after: number },
): Promise<'nothing' | 'begun'> {
  const told = error as PrivityError
  if (told.code === code) {
    expect(await collect(acme.erasure.pending())).toEqual([])
    expect(await isReadable(acme, id)).toBe(true)
    clock.advance(after)
    expect(await acme.erasure.work()).toMatchObject({ completed: 0, incomplete: 0, waiting: 0 })
    expect(await isReadable(acme, id)).toBe(true)
    return 'nothing'
  }
  expect(told).toMatchObject({
    code: 'erasure_incomplete',
    details: { erasureId: expect.any(String), failing: [`privity:${code}`] },
  })
  expect(told.message).not.toContain('nothing was written')
  const { erasureId } = told.details as { readonly erasureId: string }
  const known = await collect(acme.erasure.pending())
  if (known.length > 0) expect(known).toMatchObject([{ erasureId }])
  clock.advance(after)
  await acme.erasure.work()
  clock.advance(LATER)
  await acme.erasure.work()
  expect(await isReadable(acme, id)).toBe(false)
  expect(await acme.erasure.resume(erasureId)).toEqual(expect.any(String))
  expect(await collect(acme.erasure.certificates())).toMatchObject([{ erasureId }])
  return 'begun'
}

async function failEach(
  place: () => Place | Promise<Place>,
  { where, what, code }: Omit<Faults, 'nth'>,
  run: (faulty: Faulty) => Promise<unknown>,
): Promise<ReadonlySet<string>> {
  const met = new Set<string>()
  for (let nth = 1; nth <= MOST * (what === 'read' ? 4 : 1); nth += 1) {
    const fresh = await place()
    const faulty = await openFaulty(fresh, { where, what, code, nth })
    const { hit, error } = await faulty.during(() => run(faulty))
    if (hit && error !== undefined) met.add(await expectTold(faulty, error, { code, after: MONTH }))
    await faulty.acme.close()
    await fresh.dispose()
    if (!hit) break
  }
  return met
}

const apart = (): Place => {
  const share = memoryData()
  const inner = STORES.memory()
  return {
    ...inner,
    store: () => Object.assign(inner.store(), { [KEY_STORE]: memoryStore({ share }) }),
  }
}

const CALLS: { readonly [name: string]: (faulty: Faulty) => Promise<unknown> } = {
  erase: ({ acme, id }) => acme.erasure.erase(id, ASK),
  request: ({ acme, id }) => acme.erasure.request(id, GRACE),
}

for (const [name, run] of Object.entries(CALLS))
  for (const code of ['store_full', 'store_unavailable'] as const)
    for (const what of ['commit', 'read'] as const) {
      test(`after ${name}, ${code} at any ${what} says nothing was written only where that is so`, async () => {
        const met = await failEach(STORES.memory, { where: 'store', what, code }, run)
        expect([...met].sort()).toEqual(['begun', 'nothing'])
      })

      test(`the same with keys apart, at any ${what} of either store: ${name}, ${code}`, async () => {
        const met = await failEach(apart, { where: 'store', what, code }, run)
        expect([...met].sort()).toEqual(['begun', 'nothing'])
        const keys = await failEach(apart, { where: 'key store', what, code }, run)
        expect([...keys]).toContain('begun')
      })
    }

journey(
  'a store without room stops an erasure that goes on later, under the id in the error',
  async (place) => {
    const clock = eagerClock()
    let isFull = false
    const plain = place.store()
    const keyStore = keyStoreOf(plain)
    const store = hookedStore(plain, {
      commit: async ({ del }, next) => {
        if (isFull && del.length > 3) throw new PrivityError('store_full', { reason: 'disk_full' })
        await next()
      },
    })
    if (keyStore !== undefined) Object.assign(store, { [KEY_STORE]: keyStore })
    const acme = await openAcme(store, { clock })
    const id = await addAnna(acme)
    isFull = true
    const { code, details } = await refusal(acme.erasure.erase(id, ASK))
    expect([code, details]).toMatchObject([
      'erasure_incomplete',
      { failing: ['privity:store_full'] },
    ])
    const { erasureId } = details as { readonly erasureId: string }
    expect(await collect(acme.erasure.pending())).toMatchObject([{ erasureId, subjectId: id }])
    expect(await refusal(acme.erasure.resume(erasureId))).toEqual({ code, details })
    expect(await isReadable(acme, id)).toBe(false)
    await acme.close()
    isFull = false
    const later = await openAcme(place.store(), { clock: eagerClock(clock.now() + LATER) })
    expect(await later.erasure.work()).toMatchObject({ completed: 1 })
    expect(await collect(later.erasure.certificates())).toMatchObject([{ erasureId }])
    await later.close()
  },
)

const { controller, purposes, records, roles } = policy
const newer = definePolicy({ controller, purposes, records, roles, version: 'newer' })

/** An instance under the policy of before, and one under the newest. */
async function openBoth(store: Store, other: Store): Promise<readonly [Acme, Acme, SubjectId]> {
  const old = await openAcme(store, { clock: eagerClock() })
  const id = await addAnna(old)
  return [old, await openAcme(other, { policy: newer, clock: eagerClock() }), id]
}

journey(
  'what is refused to an outdated process is carried out by no other, asked once or twice',
  async (place) => {
    const [old, acme, id] = await openBoth(place.store(), place.store())
    for (let times = 1; times <= 2; times += 1)
      expect(await refusal(old.erasure.erase(id, TICKETS))).toMatchObject({
        code: 'policy_outdated',
      })
    expect(await collect(acme.erasure.pending())).toEqual([])
    await old.close()
    await acme.close()
    const clock = eagerClock(START + LATER)
    const later = await openAcme(place.store(), { policy: newer, clock })
    const none = { completed: 0, cancelled: 0, incomplete: 0, waiting: 0, failed: 0 }
    expect(await later.erasure.work()).toEqual(none)
    const { ticket } = accessorsOf(later).support
    expect(await collect(ticket.list({ subjectId: id }))).toHaveLength(1)
    await later.close()
  },
)

test('what was refused and cannot be forgotten is told with its id', async () => {
  const share = memoryData()
  let isArmed = false
  const store = hookedStore(memoryStore({ share }), {
    commit: async ({ put, del }, next) => {
      if (isArmed && put.length === 0 && del.length === 1)
        throw new PrivityError('store_unavailable', { reason: 'busy' })
      await next()
    },
  })
  const [old, acme, id] = await openBoth(store, memoryStore({ share }))
  isArmed = true
  const { code, details } = await refusal(old.erasure.erase(id, TICKETS))
  expect([code, details]).toMatchObject([
    'erasure_incomplete',
    { failing: ['privity:policy_outdated'] },
  ])
  const { erasureId } = details as { readonly erasureId: string }
  expect(await collect(acme.erasure.pending())).toMatchObject([{ erasureId }])
  await old.close()
  await acme.close()
})

test('a plan that an outdated process does not run is still a plan', async () => {
  const share = memoryData()
  const [old, acme, id] = await openBoth(memoryStore({ share }), memoryStore({ share }))
  const plan = await old.erasure.plan(id, TICKETS)
  expect(await refusal(old.erasure.run(plan))).toMatchObject({ code: 'policy_outdated' })
  expect(await collect(acme.erasure.pending())).toEqual([])
  expect(await acme.erasure.run(plan)).toEqual(expect.any(String))
  await old.close()
  await acme.close()
})

test('an abort is told as it was, and not as a part that failed', async () => {
  const acme = await openAcme(memoryStore(), { clock: eagerClock() })
  const id = await addAnna(acme)
  const plan = await acme.erasure.plan(id, ASK)
  const reason = new Error('enough')
  const aborting = new AbortController()
  const onProgress = (): void => aborting.abort(reason)
  const { signal } = aborting
  await expect(acme.erasure.run(plan, { signal, onProgress })).rejects.toBe(reason)
  await acme.close()
})

test('a plan of which nobody knows whether it was stored is told with its id', async () => {
  let isArmed = false
  const store = hookedStore(memoryStore(), {
    commit: async (_, next) => {
      await next()
      if (isArmed) throw new PrivityError('outcome_unknown', {})
    },
  })
  Object.assign(store, { [KEY_STORE]: memoryStore() })
  const acme = await openAcme(store, { clock: eagerClock() })
  const id = await addAnna(acme)
  isArmed = true
  const { code, details } = await refusal(acme.erasure.erase(id, ASK))
  isArmed = false
  expect([code, details]).toMatchObject([
    'erasure_incomplete',
    { failing: ['privity:outcome_unknown'] },
  ])
  const { erasureId } = details as { readonly erasureId: string }
  expect(await collect(acme.erasure.pending())).toMatchObject([{ erasureId }])
  expect(await acme.erasure.resume(erasureId)).toEqual(expect.any(String))
  await acme.close()
})
