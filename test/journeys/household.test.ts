import { expect, test } from 'vitest'
import type { NoticeRef } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { collect, eagerClock, refusal, START } from '../support/acme.ts'
import {
  addFamily,
  AGENT,
  as,
  certified,
  erased,
  type Home,
  openHome,
  REASON,
} from '../support/household.ts'
import { scaled } from '../support/scale.ts'
import { setBack } from '../support/set-back.ts'
import { dyingStore, journey, JOURNEYS, leaveEngines } from '../support/stores.ts'

function publish(home: Home): Promise<NoticeRef> {
  return home.notices.publish({ id: 'privacy', version: '1', texts: { en: 'what we do' } })
}

async function agree(home: Home, id: string): Promise<void> {
  const notice = await publish(home)
  await home.consent.give(id, { purposes: ['offers'], notice, method: { channel: 'paper' } })
}

journey('what is about two people needs the consent of both', async (place) => {
  const home = await openHome(place.store())
  const { ada, ben, household } = await addFamily(home)
  const { offers, home: house } = as(home)
  expect(await house.household.read(household)).toEqual({
    address: 'marker-street 1',
    rent: 'marker-rent',
  })
  await agree(home, ada)
  const ask = { subjectId: household, purpose: 'offers', actor: AGENT } as const
  expect(await home.may(ask)).toEqual({ allowed: false, reasons: ['not_asked'] })
  expect(await refusal(offers.household.read(household))).toMatchObject({
    code: 'not_permitted',
    details: { purpose: 'offers', reason: 'not_asked', reasons: ['not_asked'] },
  })
  expect(await collect(offers.household.list())).toEqual([])
  await agree(home, ben)
  expect(await home.may(ask)).toEqual({ allowed: true, reasons: [] })
  expect(await offers.household.read(household)).toEqual({ address: 'marker-street 1' })
  expect(await collect(offers.household.find({ address: 'MARKER-street 1' }))).toMatchObject([
    { subjectId: household, view: { address: 'marker-street 1' } },
  ])
  await home.consent.withdraw(ada, { purposes: ['offers'] })
  expect(await refusal(offers.household.read(household))).toMatchObject({
    details: { reasons: ['withdrawn'] },
  })
  const change = offers.household.update(household, { address: 'elsewhere' })
  expect(await refusal(change)).toMatchObject({ details: { reasons: ['withdrawn'] } })
  expect(await house.household.read(household)).toMatchObject({ rent: 'marker-rent' })
  await house.household.update(household, { address: 'marker-street 2' })
  expect(await house.household.read(household)).toMatchObject({ address: 'marker-street 2' })
  await home.close()
})

journey('each member finds in their own trail who looked at what is about them', async (place) => {
  const home = await openHome(place.store())
  const { ada, ben, household } = await addFamily(home)
  await as(home).home.household.read(household)
  await refusal(as(home).offers.household.read(household))
  for (const subjectId of [ada, ben, household]) {
    const accesses = await collect(home.audit.query({ subjectId }))
    expect(accesses.map(({ record, action }) => [record, action])).toEqual([
      ['household', 'read'],
      ['household', 'refused'],
    ])
  }
  await home.close()
})

journey('the app is asked whether the actor may see each of the members', async (place) => {
  const asked: string[] = []
  let hidden = ''
  const home = await openHome(place.store(), {
    relationship: ({ subjectId }) => {
      asked.push(subjectId)
      return subjectId !== hidden
    },
  })
  const { ada, ben, household } = await addFamily(home)
  asked.length = 0
  await as(home).home.household.read(household)
  expect(asked).toEqual([ada, ben])
  hidden = ben
  const no = { code: 'not_permitted', details: { reasons: ['no_relationship'] } }
  expect(await refusal(as(home).home.household.read(household))).toMatchObject(no)
  const change = as(home).home.household.update(household, { rent: 'none' })
  expect(await refusal(change)).toMatchObject(no)
  await home.close()
})

journey('erasing one member leaves the household to the other', async (place) => {
  const home = await openHome(place.store())
  const { ada, ben, household } = await addFamily(home)
  const { home: house } = as(home)
  const { recordId } = await house.photo.create(household, { caption: 'marker-photo' })
  const plan = await home.erasure.plan(ada, { reason: REASON })
  expect(plan.items).toContainEqual({ what: 'groups', count: 1, action: 'leave' })
  const certificate = await home.erasure.run(plan)
  expect(await certified(home, certificate)).toMatchObject({
    scope: 'all',
    method: expect.arrayContaining([{ kind: 'leave_groups', groups: 1 }]),
  })
  expect(await home.subjects.members(household)).toEqual([ben])
  expect(await house.household.read(household)).toMatchObject({ rent: 'marker-rent' })
  expect(await house.photo.read(household, recordId)).toEqual({ caption: 'marker-photo' })
  expect(await refusal(house.profile.read(ada))).toMatchObject(erased)
  expect(await home.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await home.close()
})

journey('with the last member goes the household', async (place) => {
  const home = await openHome(place.store())
  const { ada, ben, household } = await addFamily(home)
  await home.erasure.erase(ada, { reason: REASON })
  await home.erasure.erase(ben, { reason: REASON })
  expect(await refusal(as(home).home.household.read(household))).toMatchObject(erased)
  expect(await refusal(home.subjects.members(household))).toMatchObject(erased)
  expect(await refusal(home.subjects.join(household, ada))).toMatchObject(erased)
  const rows = await place.rows()
  expect(rows.filter(([key]) => key.includes(`/p/${household}/`))).toEqual([])
  expect(await collect(home.erasure.pending())).toEqual([])
  expect(await home.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await home.close()
})

journey('of the last member stays what the law keeps, and closes the household', async (place) => {
  const clock = eagerClock()
  const home = await openHome(place.store(), { clock })
  const { ada, ben, household } = await addFamily(home)
  const { books, home: house } = as(home)
  const { recordId } = await books.bill.create(household, { text: 'water' })
  await home.erasure.erase(ada, { reason: REASON })
  await home.erasure.erase(ben, { reason: REASON })
  expect(await refusal(house.household.read(household))).toMatchObject({ code: 'not_permitted' })
  expect(await books.bill.read(household, recordId)).toEqual({ text: 'water' })
  const another = books.bill.create(household, { text: 'gas' })
  expect(await refusal(another)).toMatchObject({ details: { reasons: ['erased'] } })
  clock.set(START + 8 * 365.25 * 86_400_000)
  await home.retention.sweep()
  expect(await refusal(books.bill.read(household, recordId))).toMatchObject(erased)
  await home.close()
})

journey('who is closed, because of an invoice, keeps nobody from the household', async (place) => {
  const home = await openHome(place.store())
  const { ada, ben, household } = await addFamily(home)
  await as(home).books.invoice.create(ada, { text: 'rent' })
  const certificate = await home.erasure.erase(ada, { reason: REASON })
  expect(await certified(home, certificate)).toMatchObject({
    closed: true,
    method: expect.arrayContaining([{ kind: 'leave_groups', groups: 1 }]),
  })
  expect(await home.subjects.members(household)).toEqual([ben])
  expect(await home.subjects.groups(ada)).toEqual([])
  expect(await as(home).home.household.read(household)).toMatchObject({ rent: 'marker-rent' })
  expect(await refusal(home.subjects.join(household, ada))).toMatchObject(erased)
  await home.close()
})

journey('members come and go, but for the last', async (place) => {
  const home = await openHome(place.store())
  const { ada, ben, household } = await addFamily(home)
  const { id: cleo } = await home.subjects.register()
  await home.subjects.join(household, cleo, { operationId: 'in' })
  await home.subjects.join(household, cleo, { operationId: 'in' })
  expect(await home.subjects.members(household)).toEqual([ada, ben, cleo])
  expect(await home.subjects.groups(cleo)).toEqual([household])
  await home.subjects.leave(household, ada)
  await home.subjects.leave(household, ada)
  await home.subjects.leave(household, ben)
  expect(await refusal(home.subjects.leave(household, cleo))).toMatchObject({
    code: 'invalid_transition',
    details: { machine: 'group', from: 'one_member', event: 'leave' },
  })
  expect(await home.subjects.members(household)).toEqual([cleo])
  expect(await home.subjects.groups(ada)).toEqual([])
  await home.subjects.join(household, ada)
  expect(await home.subjects.groups(ada)).toEqual([household])
  await home.erasure.erase(household, { reason: REASON })
  expect(await refusal(home.subjects.join(household, ben))).toMatchObject(erased)
  expect(await home.subjects.groups(ada)).toEqual([household])
  await home.erasure.erase(ada, { reason: REASON })
  expect(await home.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await home.close()
})

journey(
  'in the grace of a member nobody uses the household, and a cancellation gives it back',
  async (place) => {
    const home = await openHome(place.store())
    const { ada, household } = await addFamily(home)
    const { home: house } = as(home)
    const asked = { reason: REASON, grace: { days: 3 } } as const
    const { erasureId } = await home.erasure.request(ada, asked)
    const denied = { code: 'not_permitted', details: { reasons: ['erased'] } }
    expect(await refusal(house.household.read(household))).toMatchObject(denied)
    const change = house.household.update(household, { rent: 'none' })
    expect(await refusal(change)).toMatchObject(denied)
    await home.erasure.cancel(erasureId)
    expect(await house.household.read(household)).toMatchObject({ rent: 'marker-rent' })
    await house.household.update(household, { rent: 'none' })
    await home.close()
  },
)

test('a person is in 256 groups at most, and those that were refused are no part of them', async () => {
  const home = await openHome(memoryStore())
  const { id: ada } = await home.subjects.register()
  const { id: ben } = await home.subjects.register()
  for (let at = 0; at < 256; at += 1) await home.subjects.group({ members: [ada] })
  expect(await refusal(home.subjects.group({ members: [ben, ada] }))).toMatchObject({
    code: 'invalid_input',
    details: { issues: [{ path: ['groups'], code: 'too_many' }] },
  })
  expect(await home.subjects.groups(ada)).toHaveLength(256)
  expect(await home.subjects.groups(ben)).toEqual([])
  await home.close()
})

journey('a household is no person, and a person no household', async (place) => {
  const home = await openHome(place.store())
  const { ada, household } = await addFamily(home)
  const { home: house } = as(home)
  const notice = await publish(home)
  const decision = { purposes: ['offers'], notice, method: { channel: 'paper' } } as const
  const isGroup = { code: 'invalid_input', details: { issues: [{ code: 'is_a_group' }] } }
  const isNone = { code: 'invalid_input', details: { issues: [{ code: 'not_a_group' }] } }
  expect(await refusal(home.consent.give(household, decision))).toMatchObject(isGroup)
  const taken = home.consent.withdraw(household, { purposes: ['offers'] })
  expect(await refusal(taken)).toMatchObject(isGroup)
  expect(await refusal(home.consent.status(household, 'offers'))).toMatchObject(isGroup)
  const served = home.notices.serve(notice, { subjectId: household, language: 'en' })
  expect(await refusal(served)).toMatchObject(isGroup)
  expect(await refusal(house.profile.create(household, { name: 'x' }))).toMatchObject(isGroup)
  expect(await refusal(house.profile.read(household))).toMatchObject(isGroup)
  expect(await refusal(house.household.create(ada, { address: 'x' }))).toMatchObject(isNone)
  expect(await refusal(house.household.read(ada))).toMatchObject(isNone)
  expect(await refusal(home.subjects.members(ada))).toMatchObject(isNone)
  expect(await refusal(home.subjects.groups(household))).toMatchObject(isGroup)
  expect(await refusal(home.subjects.group({ members: [household] }))).toMatchObject(isGroup)
  expect(await refusal(home.subjects.join(household, household))).toMatchObject(isGroup)
  await home.close()
})

journey('a group needs people who are there, each once', async (place) => {
  const home = await openHome(place.store())
  const { id: ada } = await home.subjects.register()
  const { id: gone } = await home.subjects.register()
  await home.erasure.erase(gone, { reason: REASON })
  const issue = (code: string) => ({ code: 'invalid_input', details: { issues: [{ code }] } })
  const group = (members: readonly string[], more = {}) =>
    refusal(home.subjects.group({ members, ...more }))
  expect(await group([])).toMatchObject(issue('too_small'))
  expect(await group([ada, ada])).toMatchObject(issue('duplicate'))
  expect(await group(Array.from({ length: 65 }, () => ada))).toMatchObject(issue('too_big'))
  expect(await group([ada, gone])).toMatchObject(erased)
  expect(await group(['f'.repeat(32)])).toMatchObject({ code: 'not_found' })
  expect(await group(['nobody'])).toMatchObject({ code: 'not_found' })
  await home.subjects.group({ members: [ada], externalId: 'home-1' })
  expect(await group([ada], { externalId: 'home-1' })).toMatchObject({ code: 'already_exists' })
  expect(await home.subjects.find({ externalId: 'home-1' })).toMatchObject({
    id: expect.any(String),
  })
  await home.close()
})

journey('a backup that brings a member back gives the household back to nobody', async (place) => {
  const journal = memoryData()
  const open = () =>
    openHome(place.store(), { journal: memoryStore({ share: journal }), clock: eagerClock() })
  const home = await open()
  const { ada, ben, household } = await addFamily(home)
  const other = await home.subjects.group({ members: [ada] })
  await as(home).home.household.create(other.id, { address: 'marker-street 9' })
  await home.close()
  const copy = await place.rows()
  const later = await open()
  await later.erasure.erase(ada, { reason: REASON })
  await later.close()
  await setBack(place, copy)

  const closed = await open()
  await closed.erasure.replay()
  await closed.close()
  const again = await open()
  expect(await again.subjects.members(household)).toEqual([ben])
  expect(await refusal(again.subjects.members(other.id))).toMatchObject(erased)
  expect(await refusal(again.subjects.groups(ada))).toMatchObject(erased)
  expect(await as(again).home.household.read(household)).toMatchObject({ rent: 'marker-rent' })
  expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await again.close()
})

const DEATHS = scaled({ ci: 5, torture: 1 })

async function eraseAndDie(
  open: (typeof JOURNEYS)[keyof typeof JOURNEYS],
  death: { readonly nth: number; readonly when: 'before' | 'after' },
): Promise<'done' | 'dead'> {
  const place = await open()
  try {
    let armed = false
    const dying = dyingStore(place.store(), { ...death, armed: () => armed })
    const home = await openHome(dying.store)
    const { ada, ben, household } = await addFamily(home)
    await as(home).home.photo.create(household, { caption: 'marker-photo' })
    await home.subjects.leave(household, ada)
    const { erasureId } = await home.erasure.plan(ben, { reason: REASON })
    armed = true
    const outcome = await Promise.race([dying.dead, home.erasure.resume(erasureId)])
    const later = await openHome(place.store(), { clock: eagerClock(START + 600_000) })
    await later.erasure.resume(erasureId)
    await later.erasure.work()
    expect(await refusal(later.subjects.members(household))).toMatchObject(erased)
    expect(await collect(later.erasure.pending())).toEqual([])
    expect(await later.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await later.close()
    return outcome === 'dead' ? 'dead' : 'done'
  } finally {
    await place.dispose()
  }
}

leaveEngines()
test.for(['memory', 'better-sqlite3', 'memory, keys apart'] as const)(
  'an erasure that dies at any call of the store ends that of the household as well (%s)',
  { timeout: 180_000 },
  async (name) => {
    for (const when of ['before', 'after'] as const) {
      let outcome: 'done' | 'dead' = 'dead'
      for (let nth = 1; outcome === 'dead'; nth += DEATHS)
        outcome = await eraseAndDie(JOURNEYS[name], { nth, when })
    }
  },
)
