import { expect, test } from 'vitest'
import * as z from 'zod'
import { createPrivity, definePolicy, definePurposes, defineRecord, localKeys } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { controller, eagerClock, refusal, SECRET, START } from '../support/acme.ts'
import { openVault } from '../support/open-vault.ts'
import { restrict } from '../support/restrict.ts'

const DAY = 86_400_000
const AGENT = { id: 'ida', roles: ['agent'] } as const

const purposes = definePurposes({
  home: { basis: 'contract', description: 'Look after your home' },
})
const policy = definePolicy({
  controller,
  purposes,
  records: {
    household: defineRecord(
      purposes,
      ({ field }) => ({ address: field(z.string().exactOptional(), { purposes: ['home'] }) }),
      {
        sharedWith: { onErase: 'refcount' },
        retention: { keep: { days: 10 }, from: 'created' },
      },
    ),
  },
  roles: { agent: { purposes: ['home'] } },
})

async function openHome() {
  const data = memoryData()
  const clock = eagerClock()
  const keys = localKeys(SECRET)
  const home = await createPrivity({ policy, store: memoryStore({ share: data }), keys, clock })
  const { id: ada } = await home.subjects.register()
  const { id: ben } = await home.subjects.register()
  const { id: household } = await home.subjects.group({ members: [ada, ben] })
  const accessor = home.accessor({ purpose: 'home', actor: AGENT }).household
  await accessor.create(household, { address: 'Canal 1' })
  clock.set(START + 11 * DAY)
  return { home, ada, ben, household, accessor, data, keys, clock }
}

test('what is shared ends for all of its members at once', async () => {
  const { home, accessor, household } = await openHome()
  expect(await home.retention.sweep()).toMatchObject({ people: 1, records: 1, failed: 0 })
  const gone = { code: 'not_found', details: { kind: 'record' } }
  expect(await refusal(accessor.read(household))).toMatchObject(gone)
  await home.close()
})

test('a hold on everything of a member keeps what is shared from a sweep', async () => {
  const { home, accessor, household, ada } = await openHome()
  const reviewAt = new Date(START + 100 * DAY).toISOString()
  const { holdId } = await home.retention.hold(ada, { matter: 'claim-1', reviewAt })
  expect(await home.retention.sweep()).toMatchObject({ kept: 1, records: 0, failed: 0 })
  expect(await accessor.read(household)).toEqual({ address: 'Canal 1' })
  const whole = home.erasure.erase(household, { reason: 'subject_request' })
  expect(await refusal(whole)).toMatchObject({
    code: 'erasure_incomplete',
    details: { failing: ['privity:kept'] },
  })
  await home.retention.releaseHold(ada, holdId)
  expect(await home.retention.sweep()).toMatchObject({ kept: 0, records: 1, failed: 0 })
  await home.close()
})

test('a restriction of a member keeps what is shared from a sweep', async () => {
  const { home, accessor, household, ben, data, keys } = await openHome()
  const opened = await openVault(memoryStore({ share: data }), { declared: policy, keys })
  await restrict(opened, ben, START)
  expect(await home.retention.sweep()).toMatchObject({ kept: 1, records: 0, failed: 0 })
  expect(await refusal(accessor.read(household))).toMatchObject({
    details: { reasons: ['restricted'] },
  })
  await restrict(opened, ben, undefined)
  expect(await home.retention.sweep()).toMatchObject({ kept: 0, records: 1, failed: 0 })
  await home.close()
})

test('a hold on everything of a member that comes in the grace of a group keeps it', async () => {
  const { home, household, ada, clock } = await openHome()
  const asked = { reason: 'subject_request', grace: { days: 3 } }
  const { erasureId } = await home.erasure.request(household, asked)
  const reviewAt = new Date(START + 100 * DAY).toISOString()
  const { holdId } = await home.retention.hold(ada, { matter: 'claim-1', reviewAt })
  clock.set(START + 16 * DAY)
  expect(await home.erasure.work()).toMatchObject({ completed: 0, incomplete: 1 })
  await home.retention.releaseHold(ada, holdId)
  expect(await home.erasure.work()).toMatchObject({ completed: 1, incomplete: 0 })
  expect(await home.erasure.resume(erasureId)).toMatch(/^ey/)
  await home.close()
})
