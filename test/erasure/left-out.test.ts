import { expect, test } from 'vitest'
import { verifyCertificate } from 'privity/verify'
import { memoryData, memoryStore } from 'privity/memory'
import { collect, eagerClock, refusal } from '../support/acme.ts'
import { hookedStore } from '../support/hooked-store.ts'
import { openShop, reopenShop } from '../support/retention-shop.ts'
import { scriptedHook } from '../support/scripted-hook.ts'

const START = Date.UTC(2026, 0, 15)
const REASON = 'subject_request'
const REVIEW = '2036-01-01T00:00:00Z'
const MANY = 1_002
const JOB = /\/c\/q\/[0-9a-f]{32}$/

test('a person with very many records that do not lose the same can be erased', async () => {
  const share = memoryData()
  const shop = await openShop(memoryStore({ share }), { clock: eagerClock(START) })
  const { privity, id, as } = shop
  const tickets = await Promise.all(
    Array.from({ length: MANY }, () => as('support').ticket.create(id, { text: 'hello' })),
  )
  const { recordId = '' } = tickets[0] ?? {}
  const records = [{ record: 'ticket' as const, recordId }]
  await privity.retention.hold(id, { matter: 'c1', reviewAt: REVIEW, records })
  const ask = { reason: REASON, scope: { records: [{ record: 'ticket' as const }] } }
  const hook = scriptedHook({ partial: true })
  const hooked = await reopenShop(memoryStore({ share }), { clock: shop.clock, hooks: [hook] })
  expect(await refusal(hooked.privity.erasure.erase(id, ask))).toMatchObject({
    code: 'erasure_incomplete',
    details: { failing: [hook.id] },
  })
  expect(hook.calls).toEqual([])
  await hooked.privity.close()
  const certificate = await privity.erasure.erase(id, ask)
  expect(await verifyCertificate(certificate, privity.ledger.publicKeys)).toMatchObject({
    ok: true,
    certificate: { totals: { records: MANY - 1 } },
  })
  expect(await collect(as('support').ticket.list({ subjectId: id }))).toHaveLength(1)
  await privity.close()
})

test('closing somebody says which hooks were left out, and erasing the rest runs them', async () => {
  const hooks = [
    scriptedHook({ id: 'mailing' }),
    scriptedHook({ id: 'crm', partial: true }),
    scriptedHook({ id: 'search' }),
  ]
  const { privity, id } = await openShop(memoryStore(), { clock: eagerClock(START), hooks })
  const ask = { matter: 'c1', reviewAt: REVIEW, records: [{ record: 'contact' as const }] }
  const { holdId } = await privity.retention.hold(id, ask)
  const plan = await privity.erasure.plan(id, { reason: REASON })
  const leftOut = (hook: string) => ({ what: `hook:${hook}`, count: 1, ground: 'not_partial' })
  const shown = plan.items.filter(({ ground }) => ground === 'not_partial')
  expect(shown).toEqual([
    { ...leftOut('mailing'), action: 'keep' },
    { ...leftOut('search'), action: 'keep' },
  ])
  const { certificate } = await verifyCertificate(
    await privity.erasure.run(plan),
    privity.ledger.publicKeys,
  )
  expect(certificate).toMatchObject({ closed: true, holds: [holdId] })
  const said = certificate?.['exclusions'] as readonly { readonly ground: string }[]
  expect(said.filter(({ ground }) => ground === 'not_partial')).toEqual([
    { ...leftOut('mailing'), until: null },
    { ...leftOut('search'), until: null },
  ])
  expect(hooks.map(({ calls }) => calls.length > 0)).toEqual([false, true, false])
  await privity.retention.releaseHold(id, holdId)
  expect(await privity.retention.sweep()).toMatchObject({ erased: 1 })
  expect(hooks.map(({ calls }) => calls.includes('execute row-1'))).toEqual([true, true, true])
  await privity.close()
})

test('a hook that says what its system has is asked as soon as any of that goes, and left alone before', async () => {
  const hooks = [
    scriptedHook({ id: 'tastes', partial: [{ record: 'contact', fields: ['taste'] }] }),
    scriptedHook({ id: 'names', partial: [{ record: 'contact', fields: ['name'] }] }),
    scriptedHook({ id: 'desk', partial: [{ record: 'ticket' }] }),
    scriptedHook({ id: 'whole', partial: [{ record: 'contact' }, { record: 'ticket' }] }),
  ]
  const asked = () => hooks.flatMap(({ id, calls }) => (calls.length > 0 ? [id] : []))
  const { privity, id } = await openShop(memoryStore(), { clock: eagerClock(START), hooks })
  const scope = { records: [{ record: 'contact' as const, fields: ['taste'] }] }
  await privity.erasure.erase(id, { reason: REASON, scope })
  expect(asked()).toEqual(['tastes', 'whole'])
  const names = { records: [{ record: 'contact' as const, fields: ['name'] }] }
  const { holdId } = await privity.retention.hold(id, { matter: 'c1', reviewAt: REVIEW, ...names })
  const { items } = await privity.erasure.plan(id, { reason: REASON })
  // Neither is left out: of what one has nothing goes, and of what the other has there is nothing.
  expect(items.filter(({ ground }) => ground === 'not_partial')).toEqual([])
  await privity.erasure.erase(id, { reason: REASON })
  expect(asked()).toEqual(['tastes', 'whole'])
  await privity.retention.releaseHold(id, holdId)
  expect(await privity.retention.sweep()).toMatchObject({ erased: 1 })
  expect(asked()).toEqual(['tastes', 'names', 'desk', 'whole'])
  await privity.close()
})

test.each([
  [[{ record: 'contcat' }], [0, 'record']],
  [
    [{ record: 'contact' }, { record: 'contact', fields: ['name', 'tsate'] }],
    [1, 'fields', 1],
  ],
])('a hook that names what the policy does not have is refused: %j', async (partial, at) => {
  const hooks = [scriptedHook({ id: 'tastes', partial })]
  expect(await refusal(openShop(memoryStore(), { clock: eagerClock(START), hooks }))).toEqual({
    code: 'invalid_input',
    details: { issues: [{ path: ['hooks', 'tastes', 'partial', ...at], code: 'not_declared' }] },
  })
})

test('a part that was asked for leaves out no hook that was to take part', async () => {
  const hooks = [scriptedHook({ id: 'mailing' })]
  const { privity, id } = await openShop(memoryStore(), { clock: eagerClock(START), hooks })
  const scope = { records: [{ record: 'contact' as const, fields: ['taste'] }] }
  const { items } = await privity.erasure.plan(id, { reason: REASON, scope })
  expect(items.filter(({ ground }) => ground === 'not_partial')).toEqual([])
  await privity.close()
})

/** A shop that places a hold on everything as soon as the plan of an erasure is stored. */
async function openHolding(after: () => void = () => undefined) {
  const share = memoryData()
  let hold: (() => Promise<{ readonly holdId: string }>) | undefined
  let holdId = ''
  const store = hookedStore(memoryStore({ share }), {
    commit: async ({ put }, next) => {
      await next()
      if (holdId !== '' || !put.some(([key]) => JOB.test(key))) return
      holdId = (await hold?.())?.holdId ?? ''
      after()
    },
  })
  const shop = await openShop(store, { clock: eagerClock(START) })
  const { privity, id } = shop
  hold = () => privity.retention.hold(id, { matter: 'c1', reviewAt: REVIEW })
  const jobs = (): readonly string[] => [...share.rows.keys()].filter((key) => JOB.test(key))
  return { ...shop, jobs, release: () => privity.retention.releaseHold(id, holdId) }
}

const NOTHING = { completed: 0, cancelled: 0, incomplete: 0, waiting: 0, failed: 0 }

test('an erasure that a hold stopped erases nobody once the hold is released', async () => {
  const { privity, id, as, clock, jobs, release } = await openHolding()
  const plan = await privity.erasure.plan(id, { reason: REASON })
  expect(await refusal(privity.erasure.run(plan))).toMatchObject({
    code: 'erasure_incomplete',
    details: { failing: ['privity:kept'] },
  })
  expect(jobs()).toEqual([])
  await release()
  clock.advance({ years: 3 })
  expect(await privity.erasure.work()).toEqual(NOTHING)
  expect(await as('support').contact.select(id, ['name'])).toBeDefined()
  expect(await privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  // Asked for again, it is done.
  await privity.erasure.erase(id, { reason: REASON })
  expect((await refusal(as('support').contact.select(id, ['name']))).code).toBe('erased')
  await privity.close()
})

test('one whose process died is stopped by the hold in work, and erases nobody later', async () => {
  const { privity, id, as, clock, jobs, release } = await openHolding(() => {
    throw new RangeError('died')
  })
  await expect(
    privity.erasure.request(id, { reason: REASON, grace: { days: 1 } }),
  ).rejects.toThrow()
  expect(jobs()).toHaveLength(1)
  clock.advance({ days: 1 })
  expect(await privity.erasure.work()).toEqual({ ...NOTHING, incomplete: 1 })
  expect(jobs()).toEqual([])
  await release()
  clock.advance({ years: 3 })
  expect(await privity.erasure.work()).toEqual(NOTHING)
  expect(await as('support').contact.select(id, ['name'])).toBeDefined()
  await privity.close()
})

test('a plan that nobody ran goes with the person, who is erased by another', async () => {
  const share = memoryData()
  const clock = eagerClock(START)
  const hooks = [
    scriptedHook({ plan: () => [{ id: 'anna@example.com', description: 'x', count: 1 }] }),
  ]
  const { privity, id } = await openShop(memoryStore({ share }), { clock, hooks })
  const jobs = (): readonly string[] => [...share.rows.keys()].filter((key) => JOB.test(key))
  const shown = await privity.erasure.plan(id, { reason: REASON })
  expect(await privity.erasure.work()).toEqual(NOTHING)
  expect(jobs()).toHaveLength(1)
  await privity.erasure.erase(id, { reason: REASON })
  expect(await collect(privity.erasure.pending())).toEqual([])
  expect(await privity.erasure.work()).toEqual(NOTHING)
  expect(jobs()).toEqual([])
  expect((await refusal(privity.erasure.run(shown))).code).toBe('not_found')
  await privity.close()
})
