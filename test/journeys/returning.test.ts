import { expect, test } from 'vitest'
import { memoryData, memoryStore } from 'privity/memory'
import { eagerClock, refusal } from '../support/acme.ts'
import { type OpenShop, openShop, reopenShop } from '../support/retention-shop.ts'
import { scriptedHook } from '../support/scripted-hook.ts'
import { dyingStore, journey } from '../support/stores.ts'

const START = Date.UTC(2026, 0, 15)
const REASON = 'subject_request'
const BACK = { externalId: 'customer-7', reason: 'new_contract', actor: 'staff:ida' } as const

const BY_ID = { externalId: BACK.externalId } as const

/** Somebody who is erased, but for an invoice that the law keeps. */
async function close({ privity, as }: OpenShop) {
  const { id } = await privity.subjects.register({ externalId: BACK.externalId })
  await as('support').contact.create(id, { name: 'Anna' })
  const { recordId } = await as('accounting').invoice.create(id, { amount: 7, street: 'Dam 1' })
  await privity.erasure.erase(id, { reason: REASON })
  return { id, recordId }
}

journey(
  'a customer who comes back is registered anew, while the law keeps an invoice',
  async (place) => {
    const clock = eagerClock(START)
    const hook = scriptedHook({
      plan: ({ externalId }) =>
        externalId === undefined ? [] : [{ id: externalId, description: 'row', count: 1 }],
    })
    const shop = await openShop(place.store(), { clock, hooks: [hook] })
    const { privity, as } = shop
    const { externalId } = BACK
    const { id, recordId } = await close(shop)
    expect(await refusal(privity.subjects.register({ externalId }))).toEqual({
      code: 'suppressed',
      details: { kind: 'subject' },
    })
    const back = await privity.subjects.reauthorise(BACK)
    expect(back.id).not.toBe(id)
    expect(await privity.subjects.find({ externalId })).toEqual(back)
    await as('support').contact.create(back.id, { name: 'Anna again' })
    expect(await as('accounting').invoice.read(id, recordId)).toMatchObject({ amount: 7 })
    expect((await refusal(privity.subjects.reauthorise(BACK))).code).toBe('already_exists')
    expect((await refusal(privity.subjects.register({ externalId }))).code).toBe('already_exists')

    // Years later the rest goes, and reaches nothing of whoever has the id now.
    clock.advance({ years: 8 })
    expect(await privity.retention.sweep()).toMatchObject({ erased: 1, failed: 0 })
    expect(hook.calls.filter((call) => call.startsWith('execute'))).toEqual([])
    expect(await privity.subjects.find({ externalId })).toEqual(back)
    expect(await as('support').contact.read(back.id)).toMatchObject({ name: 'Anna again' })
    expect(await privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await privity.erasure.erase(back.id, { reason: REASON })
    expect(hook.calls).toContain('execute customer-7')
    expect((await refusal(privity.subjects.register({ externalId }))).code).toBe('suppressed')
    await privity.close()
  },
)

journey('of two processes that take a customer back, one does', async (place) => {
  const clock = eagerClock(START)
  const shop = await openShop(place.store(), { clock })
  const other = await reopenShop(place.store(), { clock })
  await close(shop)
  const both = [shop, other].map(({ privity }) => privity.subjects.reauthorise(BACK))
  const settled = await Promise.allSettled(both)
  const won = settled.flatMap((it) => (it.status === 'fulfilled' ? [it.value] : []))
  expect(won).toHaveLength(1)
  for (const it of settled)
    if (it.status === 'rejected') expect(it.reason).toMatchObject({ code: 'already_exists' })
  expect(await shop.privity.subjects.find(BY_ID)).toEqual(won[0])
  expect(await shop.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await other.privity.close()
  await shop.privity.close()
})

for (const when of ['before', 'after'] as const)
  test(`a customer is taken back though the process dies ${when} any call`, async () => {
    for (let nth = 1; ; nth += 1) {
      const share = memoryData()
      const clock = eagerClock(START)
      const shop = await openShop(memoryStore({ share }), { clock })
      const { id } = await close(shop)
      await shop.privity.close()
      let isArmed = false
      const dying = dyingStore(memoryStore({ share }), { nth, when, armed: () => isArmed })
      const first = await reopenShop(dying.store, { clock })
      isArmed = true
      const outcome = await Promise.race([dying.dead, first.privity.subjects.reauthorise(BACK)])
      const { privity } = await reopenShop(memoryStore({ share }), { clock })
      const found = await privity.subjects.find(BY_ID)
      const isBack = found !== undefined && found.id !== id
      const back = isBack ? found : await privity.subjects.reauthorise(BACK)
      expect(await privity.subjects.find(BY_ID)).toEqual(back)
      expect(await privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
      await privity.close()
      if (outcome !== 'dead') return expect(nth).toBeGreaterThan(6)
    }
  }, 60_000)

test('where no ids are remembered, a customer comes back all the same', async () => {
  const clock = eagerClock(START)
  const shop = await openShop(memoryStore(), { clock, suppression: 'off' })
  const { id } = await close(shop)
  expect((await refusal(shop.privity.subjects.register(BY_ID))).code).toBe('suppressed')
  const back = await shop.privity.subjects.reauthorise(BACK)
  expect(back.id).not.toBe(id)
  expect(await shop.privity.subjects.find(BY_ID)).toEqual(back)
  await shop.privity.close()
})
