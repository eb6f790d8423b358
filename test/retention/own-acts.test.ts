import { expect, test } from 'vitest'
import { memoryStore } from 'privity/memory'
import { collect, eagerClock, refusal } from '../support/acme.ts'
import { openShop } from '../support/retention-shop.ts'

const START = Date.UTC(2026, 0, 15)
const HOLD = { matter: 'c1', reviewAt: '2036-01-01T00:00:00Z' }
const INVOICE = { amount: 5, street: 'Elm' }

test('a hold and a floor refuse nothing that the app does itself', async () => {
  const { privity, id, as } = await openShop(memoryStore(), { clock: eagerClock(START) })
  const { recordId } = await as('accounting').invoice.create(id, INVOICE)
  await privity.retention.hold(id, HOLD)
  await as('news').contact.update(id, { topics: 'cars' }, { unset: ['taste'] })
  await as('accounting').invoice.remove(id, recordId)
  expect(await collect(as('accounting').invoice.list({ subjectId: id }))).toEqual([])
  await privity.close()
})

test('of somebody who is closed, only purposes that rest on a legal obligation write', async () => {
  const { privity, id, as } = await openShop(memoryStore(), { clock: eagerClock(START) })
  await as('accounting').invoice.create(id, INVOICE)
  await privity.erasure.erase(id, { reason: 'subject_request' })
  await as('accounting').invoice.create(id, INVOICE)
  expect(await refusal(as('support').ticket.create(id, { text: 'hello' }))).toMatchObject({
    code: 'not_permitted',
    details: { reasons: expect.arrayContaining(['erased']) },
  })
  await privity.close()
})
