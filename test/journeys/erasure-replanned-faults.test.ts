import { expect, test } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  localKeys,
  PrivityError,
  type Store,
} from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { collect, controller, fakeClock, SECRET } from '../support/acme.ts'
import { hookedStore } from '../support/hooked-store.ts'

const DAY = 86_400_000
const purposes = definePurposes({
  sales: { basis: 'contract', description: 'Deliver orders' },
  books: { basis: 'legal_obligation', description: 'Keep books' },
})
const floor = { keep: { years: 7 }, from: 'created', ground: 'tax' } as const

function policyOf(law: object, version: string) {
  const order = defineRecord(purposes, ({ field }) => ({
    amount: field(z.string(), { purposes: ['sales', 'books'], ...law }),
    note: field(z.string(), { purposes: ['sales'] }),
  }))
  const roles = { agent: { purposes: ['sales', 'books'] } } as const
  return definePolicy({ controller, version, purposes, records: { order }, roles })
}

/** Carries out so many calls, and then none: the process has died. */
function mortal(store: Store, lives: () => boolean): Store {
  const dead = (): Promise<never> =>
    Promise.reject(new PrivityError('store_unavailable', { reason: 'io' }))
  return hookedStore(store, {
    read: (_, next) => (lives() ? next() : dead()),
    commit: (_, next) => (lives() ? next() : dead()),
  })
}

/** Lets the process that takes a law into account die before one of its calls; resolves to whether it had so many. */
async function dieBefore(calls: number): Promise<boolean> {
  const share = memoryData()
  const clock = fakeClock()
  const keys = localKeys(SECRET)
  const before = await createPrivity({
    policy: policyOf({}, '1'),
    store: memoryStore({ share }),
    keys,
    clock,
  })
  const actor = { id: 'staff:ida', roles: ['agent'] }
  const { id } = await before.subjects.register()
  const sales = before.accessor({ purpose: 'sales', actor })
  await sales.order.create(id, { amount: '5', note: 'n' })
  await before.erasure.request(id, { reason: 'subject_request', grace: { days: 14 } })
  await before.close()
  clock.advance(15 * DAY)
  const policy = policyOf({ floor }, '2')
  let left = Number.POSITIVE_INFINITY
  const lives = (): boolean => {
    left -= 1
    return left >= 0
  }
  const dying = await createPrivity({
    policy,
    store: mortal(memoryStore({ share }), lives),
    keys,
    clock,
  })
  left = calls
  await dying.erasure.work().catch(() => undefined)
  const hasDied = left < 0
  clock.advance(DAY)
  const next = await createPrivity({ policy, store: memoryStore({ share }), keys, clock })
  await next.erasure.work()
  await next.erasure.work()
  expect(await collect(next.erasure.pending())).toEqual([])
  const certificates = await collect(next.erasure.certificates({ subjectId: id }))
  expect(certificates.map(({ scope }) => scope)).toEqual(['partial'])
  const books = next.accessor({ purpose: 'books', actor })
  expect(await books.order.select(id, ['amount'])).toEqual({ amount: '5' })
  expect(await next.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await next.close()
  return hasDied
}

test('a process that dies while one erasure takes the place of another loses neither the ask nor what a law keeps', async () => {
  let calls = 0
  while (await dieBefore(calls)) calls += 1
  expect(calls).toBeGreaterThan(10)
}, 60_000)
