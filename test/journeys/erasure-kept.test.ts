import { expect, test } from 'vitest'
import { verifyCertificate } from 'privity/verify'
import { memoryData, memoryStore } from 'privity/memory'
import type { ErasureHook, HookItem } from 'privity'
import { collect, eagerClock, refusal } from '../support/acme.ts'
import { hookedStore } from '../support/hooked-store.ts'
import { openShop, reopenShop } from '../support/retention-shop.ts'
import { scriptedHook } from '../support/scripted-hook.ts'
import { journey } from '../support/stores.ts'

const START = Date.UTC(2026, 0, 15)
const REASON = 'subject_request'
const INVOICE = { amount: 7, street: 'Keizersgracht 1' }

/** A list of names elsewhere, from which somebody is taken by the name that is read. */
function listOf(names: Set<string>): ErasureHook {
  return {
    id: 'list',
    needsPlaintext: true,
    plan: async ({ read }): Promise<readonly HookItem[]> => {
      const name = (await read('contact', ['name']))?.['name']
      if (typeof name !== 'string') return []
      return [...names].includes(name) ? [{ id: 'entry', description: 'entry', count: 1 }] : []
    },
    execute: async (_, { read }) => {
      const name = (await read('contact', ['name']))?.['name']
      return names.delete(String(name)) ? 'done' : 'already_done'
    },
    verify: async () => (names.size === 0 ? 'absent' : { residual: names.size }),
  }
}

journey(
  'a hook that needs plaintext does its work while there is any, though a law keeps the rest',
  async (place) => {
    const clock = eagerClock(START)
    const names = new Set(['Anna'])
    const { privity, id, as } = await openShop(place.store(), { clock, hooks: [listOf(names)] })
    await as('support').contact.update(id, { name: 'Anna' })
    await as('accounting').invoice.create(id, INVOICE)
    const plan = await privity.erasure.plan(id, { reason: REASON })
    expect(plan.items).toContainEqual({ what: 'list: entry', count: 1, action: 'erase by hook' })
    const trust = privity.ledger.publicKeys
    const closed = await verifyCertificate(await privity.erasure.run(plan), trust)
    expect(closed).toMatchObject({
      ok: true,
      certificate: { scope: 'partial', closed: true, recipientsNotified: [{ hook: 'list' }] },
    })
    expect(names.size).toBe(0)
    clock.advance({ years: 8 })
    expect(await privity.retention.sweep()).toMatchObject({ erased: 1, failed: 0 })
    await privity.close()
  },
)

test('a hook that needs plaintext and is to wait until there is none is refused', async () => {
  const hooks = [scriptedHook({ needsPlaintext: true, partial: false })]
  expect(await refusal(openShop(memoryStore(), { clock: eagerClock(START), hooks }))).toMatchObject(
    {
      code: 'invalid_input',
      details: { issues: [{ path: ['hooks', 0, 'partial'], code: 'needs_plaintext' }] },
    },
  )
})

/** A shop in which an invoice is written as soon as an erasure has looked at the customer. */
async function openWriting(times: number) {
  const share = memoryData()
  let write: (() => Promise<unknown>) | undefined
  let left = times
  let isWriting = false
  const store = hookedStore(memoryStore({ share }), {
    commit: async ({ put }, next) => {
      const isFence =
        !isWriting && write !== undefined && put.some(([key]) => key.includes('/c/q/'))
      if (isFence && left > 0) {
        left -= 1
        isWriting = true
        await write?.().finally(() => {
          isWriting = false
        })
      }
      await next()
    },
  })
  const shop = await openShop(store, { clock: eagerClock(START) })
  const other = await reopenShop(memoryStore({ share }), { clock: shop.clock })
  return {
    ...shop,
    begin: () => {
      write = () => other.as('accounting').invoice.create(shop.id, INVOICE)
    },
    close: async () => {
      await other.privity.close()
      await shop.privity.close()
    },
  }
}

test('whatever comes to be kept beside an erasure stays, and all else is erased', async () => {
  const { privity, id, as, begin, close } = await openWriting(1)
  begin()
  const certificate = await privity.erasure.erase(id, { reason: REASON })
  expect(await verifyCertificate(certificate, privity.ledger.publicKeys)).toMatchObject({
    ok: true,
    certificate: { scope: 'partial', closed: true },
  })
  expect(await collect(as('accounting').invoice.list({ subjectId: id }))).toHaveLength(1)
  expect((await refusal(as('support').contact.select(id, ['name']))).details).toMatchObject({
    reasons: ['erased'],
  })
  await close()
})

test('a plan that was shown is not changed by what comes to be kept, and another one is made', async () => {
  const { privity, id, as } = await openShop(memoryStore(), { clock: eagerClock(START) })
  const plan = await privity.erasure.plan(id, { reason: REASON })
  await as('accounting').invoice.create(id, INVOICE)
  expect(await refusal(privity.erasure.run(plan))).toMatchObject({
    code: 'erasure_incomplete',
    details: { erasureId: plan.erasureId, failing: ['privity:kept'] },
  })
  expect(await as('support').contact.select(id, ['name'])).toBeDefined()
  const again = await privity.erasure.plan(id, { reason: REASON })
  expect(again.items).toContainEqual(
    expect.objectContaining({ what: 'invoice.amount', action: 'keep' }),
  )
  await privity.erasure.run(again)
  await privity.close()
})

for (const done of [1, 2, 3, 4])
  test(`an erasure whose store is closed after ${done} steps says so, and is gone on with`, async () => {
    const share = memoryData()
    const clock = eagerClock(START)
    const { privity, id } = await openShop(memoryStore({ share }), { clock })
    const plan = await privity.erasure.plan(id, { reason: REASON })
    let closing: Promise<void> | undefined
    const onProgress = (steps: number): void => {
      if (steps === done) closing = privity.close()
    }
    expect(await refusal(privity.erasure.run(plan, { onProgress }))).toMatchObject({
      code: 'erasure_incomplete',
      details: { erasureId: plan.erasureId, failing: ['privity:closed'] },
    })
    await closing
    const next = await reopenShop(memoryStore({ share }), { clock })
    const certificate = await next.privity.erasure.resume(plan.erasureId)
    expect(await verifyCertificate(certificate, next.privity.ledger.publicKeys)).toMatchObject({
      ok: true,
    })
    await next.privity.close()
  })
