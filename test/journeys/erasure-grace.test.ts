import { expect, test } from 'vitest'
import type { ErasureHook, Row, Store } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { verifyCertificate } from 'privity/verify'
import {
  accessorsOf,
  type Acme,
  ANNA,
  collect,
  eagerClock,
  type FakeClock,
  fakeClock,
  giveOnWeb,
  openAcme,
  refusal,
  START,
} from '../support/acme.ts'
import { itemOf, scriptedHook } from '../support/scripted-hook.ts'
import {
  type DyingStore,
  dyingStore,
  journey,
  JOURNEYS,
  KEY_STORE,
  keyStoreOf,
  type Place,
  PLACES,
} from '../support/stores.ts'

const DAY = 86_400_000
const LEASE = 120_000
const ASK = { reason: 'subject_request', grace: { days: 14 } } as const
const ERASED = { code: 'erased', details: { kind: 'subject' } }

async function addAnna(acme: Acme): Promise<string> {
  const { id } = await acme.subjects.register({ externalId: 'crm-17' })
  const { support } = accessorsOf(acme)
  await support.contact.create(id, ANNA)
  await giveOnWeb(acme, id, ['marketing'])
  await support.ticket.create(id, { text: 'help', channel: 'mail' })
  return id
}

interface Opened {
  readonly acme: Acme
  readonly id: string
  readonly clock: FakeClock
}

async function openWithAnna(place: Place, hooks: readonly ErasureHook[] = []): Promise<Opened> {
  const clock = fakeClock()
  const acme = await openAcme(place.store(), { hooks, clock })
  return { acme, id: await addAnna(acme), clock }
}

function tooLate(from: string): object {
  return {
    code: 'invalid_transition',
    details: { machine: 'erasure', from, event: 'cancel' },
  }
}

/** Rows of a person, and the row of their keys where there is a key store, without logs and queues. */
async function rowsOf(place: Place, id: string): Promise<readonly (readonly [string, string])[]> {
  const rows = (await place.rows()).filter(([key]) => key.includes(id))
  const keyStore = keyStoreOf(place.store())
  await keyStore?.open()
  const keys = (await keyStore?.scan('', { limit: 1_000 })) ?? []
  await keyStore?.close()
  const text = ([key, value]: Row): readonly [string, string] => [
    key,
    Buffer.from(value).toString('hex'),
  ]
  return [...rows, ...keys.filter(([key]) => key.includes(id))].map(text)
}

async function expectVerified(acme: Acme): Promise<void> {
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
}

journey(
  'nobody reads or writes who is to be erased, and nothing is destroyed yet',
  async (place) => {
    const mailing = scriptedHook()
    const { acme, id, clock } = await openWithAnna(place, [mailing])
    const before = await rowsOf(place, id)
    const { erasureId, dueAt } = await acme.erasure.request(id, ASK)
    expect(dueAt).toBe(new Date(START + 14 * DAY).toISOString())
    const { support } = accessorsOf(acme)
    for (const attempt of [
      () => support.contact.read(id),
      () => support.contact.update(id, { name: 'x' }),
      () => support.ticket.create(id, { text: 'x' }),
      () => acme.consent.withdraw(id, { purposes: ['marketing'] }),
      () => acme.erasure.request(id, ASK),
      () => acme.erasure.plan(id, { reason: 'x' }),
    ])
      expect(await refusal(attempt)).toEqual(ERASED)
    expect(await collect(support.contact.find({ email: ANNA.email }))).toEqual([])
    clock.advance(14 * DAY - 1)
    expect(await acme.erasure.work()).toMatchObject({ waiting: 1, completed: 0 })
    expect(await refusal(acme.erasure.resume(erasureId))).toEqual({
      code: 'invalid_transition',
      details: { machine: 'erasure', from: 'grace', event: 'resume' },
    })
    expect(mailing.calls).toEqual(['plan'])
    expect((await rowsOf(place, id)).length).toBe(before.length)
    expect(await collect(acme.erasure.pending())).toMatchObject([
      { erasureId, subjectId: id, step: 'grace', graceUntil: dueAt },
    ])
    await expectVerified(acme)
    await acme.close()
  },
)

journey('what was cancelled is as if nothing had been asked for', async (place) => {
  // Two instances note what they logged, and contend for the log.
  const clock = eagerClock()
  const [acme, other] = [
    await openAcme(place.store(), { clock }),
    await openAcme(place.store(), { clock }),
  ]
  const id = await addAnna(acme)
  await accessorsOf(other).support.contact.read(id)
  const before = await rowsOf(place, id)
  const { erasureId } = await acme.erasure.request(id, ASK)
  expect(await rowsOf(place, id)).not.toEqual(before)
  await expectVerified(acme)
  clock.advance(3 * DAY)
  await other.erasure.cancel(erasureId)
  expect(await rowsOf(place, id)).toEqual(before)
  for (const instance of [acme, other]) {
    const { support } = accessorsOf(instance)
    expect(await support.contact.read(id)).toMatchObject({ name: 'Anna' })
    expect(await collect(support.ticket.find({ channel: 'mail' }))).toHaveLength(1)
    expect(await instance.subjects.find({ externalId: 'crm-17' })).toEqual({ id })
    expect(await instance.consent.status(id, 'marketing')).toMatchObject({ state: 'given' })
    await support.contact.update(id, { address: `Herengracht ${clock.now()}` })
    await expectVerified(instance)
  }
  expect(await collect(acme.erasure.pending())).toEqual([])
  const missing = { code: 'not_found', details: { kind: 'erasure' } }
  expect(await refusal(acme.erasure.cancel(erasureId))).toEqual(missing)
  expect(await refusal(acme.erasure.resume(erasureId))).toEqual(missing)
  expect(await refusal(acme.erasure.cancel('x'))).toEqual(missing)
  expect(await refusal(acme.erasure.cancel(7 as never))).toMatchObject({ code: 'invalid_input' })
  clock.advance(30 * DAY)
  expect(await acme.erasure.work()).toMatchObject({ completed: 0, waiting: 0 })
  // And again, to the end.
  await acme.erasure.erase(id, { reason: 'subject_request' })
  await expectVerified(other)
  await other.close()
  await acme.close()
})

journey(
  'when the time is over another process carries it out, with what was found meanwhile',
  async (place) => {
    const rows = new Map([['row-1', id17]])
    const hookOf = (needsPlaintext: boolean): ErasureHook =>
      scriptedHook({
        id: needsPlaintext ? 'reader' : 'mailing',
        needsPlaintext,
        plan: async ({ read }) => {
          if (needsPlaintext) expect(await read('contact', ['name'])).toEqual({ name: 'Anna' })
          return needsPlaintext ? [] : [...rows.keys()].map(itemOf)
        },
        execute: (item) => (rows.delete(item.id) ? 'done' : 'already_done'),
        verify: (item) => (rows.has(item.id) ? { residual: 1 } : 'absent'),
      })
    const hooks = [hookOf(false), hookOf(true)]
    const { acme, id, clock } = await openWithAnna(place, hooks)
    const { erasureId } = await acme.erasure.request(id, ASK)
    await acme.close()
    rows.set('row-2', id17)
    clock.advance(14 * DAY)
    const later = await openAcme(place.store(), { hooks, clock })
    expect(await refusal(later.erasure.cancel(erasureId))).toEqual(tooLate('fenced'))
    expect(await later.erasure.work()).toMatchObject({ completed: 1 })
    expect(rows.size).toBe(0)
    const certificate = await later.erasure.resume(erasureId)
    expect(await verifyCertificate(certificate, later.ledger.publicKeys)).toMatchObject({
      ok: true,
      certificate: { subject: { ref: id }, plannedAt: new Date(START).toISOString() },
    })
    expect(await refusal(later.erasure.cancel(erasureId))).toEqual(tooLate('completed'))
    await expectVerified(later)
    await later.close()
  },
)

const id17 = 'crm-17'

journey('erase goes on at once with what was requested', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { erasureId } = await acme.erasure.request(id, ASK)
  const certificate = await acme.erasure.erase(id, { reason: 'subject_request' })
  expect(await acme.erasure.resume(erasureId)).toBe(certificate)
  expect(await refusal(acme.erasure.cancel(erasureId))).toEqual(tooLate('completed'))
  await expectVerified(acme)
  await acme.close()
})

journey('what is at work cannot be cancelled, even while a hook fails', async (place) => {
  const hook = scriptedHook({
    needsPlaintext: true,
    execute: () => ({ retryAfter: { hours: 1 }, why: 'down' }),
  })
  const { acme, id, clock } = await openWithAnna(place, [hook])
  const { erasureId } = await acme.erasure.request(id, ASK)
  clock.advance(14 * DAY)
  expect(await acme.erasure.work()).toMatchObject({ incomplete: 1 })
  // A clock that is set back brings no grace period back.
  clock.set(START)
  expect(await refusal(acme.erasure.cancel(erasureId))).toEqual(tooLate('fenced'))
  await acme.close()
})

journey('only what was requested can be cancelled', async (place) => {
  const { acme, id } = await openWithAnna(place, [
    scriptedHook({ execute: () => ({ blocked: 'x' }) }),
  ])
  const { erasureId } = await acme.erasure.plan(id, { reason: 'subject_request' })
  expect(await refusal(acme.erasure.cancel(erasureId))).toEqual(tooLate('planned'))
  await refusal(acme.erasure.resume(erasureId))
  expect(await refusal(acme.erasure.cancel(erasureId))).toEqual(tooLate('destroyed'))
  await acme.close()
})

journey('a grace period is a duration of at most 30 days', async (place) => {
  const { acme, id } = await openWithAnna(place)
  for (const grace of [{ days: 31 }, { months: 2 }, { years: 1 }, { hours: 721 }])
    expect(await refusal(acme.erasure.request(id, { ...ASK, grace }))).toEqual({
      code: 'invalid_input',
      details: { issues: [{ path: ['grace'], code: 'too_big' }] },
    })
  for (const grace of [undefined, 14, { days: -1 }, { weeks: 2 }, {}])
    expect(await refusal(acme.erasure.request(id, { ...ASK, grace } as never))).toMatchObject({
      code: 'invalid_input',
    })
  expect(await accessorsOf(acme).support.contact.read(id)).toMatchObject({ name: 'Anna' })
  const { dueAt } = await acme.erasure.request(id, { ...ASK, grace: { days: 30 } })
  expect(dueAt).toBe(new Date(START + 30 * DAY).toISOString())
  await acme.close()
})

journey('of a cancellation and the end of the time one wins', async (place) => {
  for (const turns of [0, 1, 2, 3, 5, 8, 13, 21]) {
    const clock = eagerClock()
    const acme = await openAcme(place.store(), { clock })
    const { id } = await acme.subjects.register()
    await accessorsOf(acme).support.contact.create(id, ANNA)
    // The other's clock is ahead: to it, the time is over.
    const other = await openAcme(place.store(), { clock: eagerClock(START + 15 * DAY) })
    const { erasureId } = await acme.erasure.request(id, ASK)
    const working = other.erasure.work()
    for (let turn = 0; turn < turns; turn += 1)
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    const [cancelled] = await Promise.allSettled([acme.erasure.cancel(erasureId), working])
    await other.erasure.work()
    const read = accessorsOf(acme).support.contact.read(id)
    if (cancelled.status === 'fulfilled') expect(await read).toMatchObject({ name: 'Anna' })
    else expect(await refusal(read)).toEqual(ERASED)
    await expectVerified(acme)
    await other.close()
    await acme.close()
  }
})

journey('fences that come and go while all is verified are no faults', async (place) => {
  const clock = eagerClock()
  const acme = await openAcme(place.store(), { clock })
  const other = await openAcme(place.store(), { clock: eagerClock() })
  const ids = await Promise.all(Array.from({ length: 4 }, () => acme.subjects.register()))
  for (const { id } of ids) await accessorsOf(acme).support.contact.create(id, ANNA)
  let isOver = false
  async function askAndCancel(id: string): Promise<void> {
    while (!isOver) {
      const { erasureId } = await acme.erasure.request(id, ASK)
      await acme.erasure.cancel(erasureId)
      await accessorsOf(acme).support.contact.update(id, { name: 'Bo' })
    }
  }
  const asking = ids.map(({ id }) => askAndCancel(id))
  for (let round = 0; round < 5; round += 1) await expectVerified(other)
  isOver = true
  await Promise.all(asking)
  await expectVerified(other)
  await other.close()
  await acme.close()
})

journey(
  'the journal hears of what was requested only when it cannot be cancelled any more',
  async (place) => {
    const data = memoryData()
    const rows = (): unknown => [...data.rows].map(([key, value]) => [key, value.length])
    const clock = fakeClock()
    const open = (): Promise<Acme> =>
      openAcme(place.store(), { clock, journal: memoryStore({ share: data }) })
    const acme = await open()
    const id = await addAnna(acme)
    const before = rows()
    const { erasureId } = await acme.erasure.request(id, ASK)
    await acme.erasure.cancel(erasureId)
    expect(rows()).toEqual(before)
    await acme.close()
    const later = await open()
    expect(await accessorsOf(later).support.contact.read(id)).toMatchObject({ name: 'Anna' })
    await later.erasure.request(id, ASK)
    clock.advance(14 * DAY)
    expect(await later.erasure.work()).toMatchObject({ completed: 1 })
    expect(rows()).not.toEqual(before)
    await later.close()
    const again = await open()
    expect(await refusal(accessorsOf(again).support.contact.read(id))).toEqual(ERASED)
    await expectVerified(again)
    await again.close()
  },
)

interface Death {
  readonly nth: number
  readonly when: 'before' | 'after'
}

type Which = 'store' | 'key store'

interface Scene {
  readonly open: () => Place | Promise<Place>
  readonly what: 'request' | 'cancel'
  /** Which of its stores stops answering. */
  readonly which: Which
}

/** One of the stores of a process dies with it. */
function dyingAt(
  place: Place,
  which: Which,
  death: Death & { readonly armed: () => boolean },
): DyingStore {
  const store = place.store()
  const keyStore = keyStoreOf(store)
  if (which === 'store' || keyStore === undefined) return dyingStore(store, death)
  const dying = dyingStore(keyStore, death)
  return { ...dying, calls: dying.calls, store: { ...store, [KEY_STORE]: dying.store } as Store }
}

/** Dies at a call while an erasure is requested or cancelled; how many calls there are. */
async function dieAndSettle({ open, what, which }: Scene, death: Death): Promise<number> {
  const place = await open()
  try {
    let armed = false
    const dying = dyingAt(place, which, { ...death, armed: () => armed })
    const acme = await openAcme(dying.store, { clock: eagerClock() })
    const id = await addAnna(acme)
    const before = await rowsOf(place, id)
    const requested = what === 'cancel' ? await acme.erasure.request(id, ASK) : undefined
    armed = true
    const running =
      requested === undefined
        ? acme.erasure.request(id, ASK)
        : acme.erasure.cancel(requested.erasureId)
    const outcome = await Promise.race([dying.dead, running])
    const calls = dying.calls()

    const later = await openAcme(place.store(), { clock: eagerClock(START + LEASE) })
    await later.erasure.work()
    const [pending] = await collect(later.erasure.pending())
    await expectVerified(later)
    if (pending !== undefined) await later.erasure.cancel(pending.erasureId)
    expect(await rowsOf(place, id)).toEqual(before)
    const { support } = accessorsOf(later)
    expect(await support.contact.read(id)).toMatchObject({ name: 'Anna' })
    const jobs = (await place.rows()).filter(([key]) => key.includes('/c/q/'))
    expect(jobs).toEqual([])
    await expectVerified(later)
    await later.close()
    return outcome === 'dead' ? death.nth : calls
  } finally {
    await place.dispose()
  }
}

async function dieAtEach(scene: Scene, when: Death['when']): Promise<void> {
  const calls = await dieAndSettle(scene, { nth: Number.POSITIVE_INFINITY, when })
  expect(calls).toBeGreaterThan(1)
  for (let nth = 1; nth <= calls; nth += 1) await dieAndSettle(scene, { nth, when })
}

for (const what of ['request', 'cancel'] as const) {
  for (const when of ['before', 'after'] as const) {
    journey(`a process that dies ${when} any call of a ${what} leaves nobody half way`, (place) =>
      dieAtEach({ open: PLACES[place.name], what, which: 'store' }, when),
    )
    for (const which of ['store', 'key store'] as const) {
      test(`a process that dies ${when} any call of a ${what} to the ${which}, with the keys apart, leaves nobody half way`, () =>
        dieAtEach({ open: JOURNEYS['memory, keys apart'], what, which }, when))
    }
  }
}
