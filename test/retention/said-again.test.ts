import { expect, test } from 'vitest'
import { memoryStore } from 'privity/memory'
import { collect, eagerClock } from '../support/acme.ts'
import { openShop } from '../support/retention-shop.ts'

const START = Date.UTC(2026, 0, 15)
const PURPOSES = ['news', 'profile'] as const

test('to withdraw and object again puts nothing off', async () => {
  const { privity, clock, id, as } = await openShop(memoryStore(), { clock: eagerClock(START) })
  // News have 14 days of grace.
  for (let day = 0; day < 14; day += 1) {
    await privity.consent.withdraw(id, { purposes: PURPOSES })
    clock.advance({ days: 1 })
  }
  const said = await collect(privity.consent.history(id))
  expect(said.filter(({ at }) => at > '2026-01-15T00:00:00.000Z')).toHaveLength(2 * 13)
  for (const purpose of PURPOSES)
    expect(await privity.consent.status(id, purpose)).toMatchObject({
      state: 'withdrawn',
      since: '2026-01-15T00:00:00.000Z',
    })
  expect(await privity.retention.sweep()).toMatchObject({ people: 1 })
  const { items } = await privity.erasure.plan(id, {
    reason: 'subject_request',
    scope: { records: [{ record: 'contact' }] },
  })
  const left = items.flatMap(({ what, action }) => (action === 'delete' ? [what] : []))
  expect(left).not.toContain('contact.topics')
  expect(await as('support').contact.read(id)).toMatchObject({ born: '1990-05-17' })
  await privity.close()
})

test('who says yes in between has ended it since the last no', async () => {
  const { privity, clock, id, give } = await openShop(memoryStore(), { clock: eagerClock(START) })
  const withdraw = () => privity.consent.withdraw(id, { purposes: ['news'] })
  await withdraw()
  clock.advance({ days: 1 })
  await give()
  clock.advance({ days: 1 })
  await withdraw()
  clock.advance({ days: 1 })
  await withdraw()
  expect(await privity.consent.status(id, 'news')).toMatchObject({
    since: '2026-01-17T00:00:00.000Z',
  })
  await privity.close()
})
