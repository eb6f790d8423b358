import { expect } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type ErasureHook,
  localKeys,
} from 'privity'
import { collect, controller, fakeClock, type FakeClock, refusal, SECRET } from '../support/acme.ts'
import { itemOf, scriptedHook } from '../support/scripted-hook.ts'
import { journey, type Place, storesOf } from '../support/stores.ts'

const purposes = definePurposes({
  sales: { basis: 'contract', description: 'Deliver orders' },
  books: { basis: 'legal_obligation', description: 'Keep books' },
})
const REASON = { reason: 'subject_request' }
const GRACE = { ...REASON, grace: { days: 14 } } as const
const DAY = 86_400_000
const NONE = { completed: 0, cancelled: 0, incomplete: 0, waiting: 0, failed: 0 }

interface Office {
  readonly clock: FakeClock
  readonly version: 'without a law' | 'with a law'
  readonly hooks?: readonly ErasureHook[]
}

async function open(place: Place, { clock, version, hooks = [] }: Office) {
  const floor = { keep: { years: 7 }, from: 'created', ground: 'tax' } as const
  const order = defineRecord(purposes, ({ field }) => ({
    amount: field(z.string(), {
      purposes: ['sales', 'books'],
      ...(version === 'with a law' ? { floor } : {}),
    }),
    note: field(z.string(), { purposes: ['sales'] }),
  }))
  const privity = await createPrivity({
    policy: definePolicy({
      controller,
      version,
      purposes,
      records: { order },
      roles: { agent: { purposes: ['sales', 'books'] } },
    }),
    ...storesOf(place.store()),
    keys: localKeys(SECRET),
    clock,
    hooks,
  })
  const actor = { id: 'staff:ida', roles: ['agent'] }
  const as = <P extends 'sales' | 'books'>(purpose: P) =>
    privity.accessor({ purpose, actor }) as never as {
      readonly order: {
        create(id: string, value: object): Promise<void>
        select(id: string, fields: readonly string[]): Promise<object>
      }
    }
  return { privity, as }
}

function claimsOf(certificate: string): unknown {
  return JSON.parse(Buffer.from(certificate.split('.')[1] ?? '', 'base64url').toString())
}

journey(
  'what a newer policy keeps by law stays, though a request stood behind its fence before there was that law',
  async (place) => {
    const clock = fakeClock()
    const old = await open(place, { clock, version: 'without a law' })
    const { id } = await old.privity.subjects.register()
    await old.as('sales').order.create(id, { amount: '5', note: 'n' })
    const { erasureId } = await old.privity.erasure.request(id, GRACE)
    const now = await open(place, { clock, version: 'with a law' })
    clock.advance(15 * DAY)
    expect(await old.privity.erasure.work()).toEqual({ ...NONE, failed: 1 })
    expect(await now.privity.erasure.work()).toEqual({ ...NONE, completed: 1 })
    expect(await now.as('books').order.select(id, ['amount'])).toEqual({ amount: '5' })
    const [certificate, ...others] = await collect(
      now.privity.erasure.certificates({ subjectId: id }),
    )
    expect(others).toEqual([])
    expect(claimsOf(certificate?.certificate ?? '')).toMatchObject({
      scope: 'partial',
      exclusions: expect.arrayContaining([
        expect.objectContaining({ what: 'order.amount', ground: 'tax' }),
      ]),
    })
    expect(await collect(now.privity.erasure.pending())).toEqual([])
    expect(await refusal(now.privity.erasure.cancel(erasureId))).toMatchObject({
      code: expect.stringMatching(/^(?:not_found|invalid_transition)$/),
    })
    expect(await now.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await old.privity.close()
    await now.privity.close()
  },
)

journey(
  'what a newer policy keeps by law stays, though a hook held an erasure up before there was that law',
  async (place) => {
    const clock = fakeClock()
    let isDown = true
    const hook = (): ErasureHook =>
      scriptedHook({
        needsPlaintext: true,
        partial: true as never,
        execute: () => (isDown ? { blocked: 'maintenance' } : 'done'),
      })
    const old = await open(place, { clock, version: 'without a law', hooks: [hook()] })
    const { id } = await old.privity.subjects.register()
    await old.as('sales').order.create(id, { amount: '5', note: 'n' })
    await refusal(old.privity.erasure.erase(id, REASON))
    await old.privity.close()
    isDown = false
    clock.advance(DAY)
    const now = await open(place, { clock, version: 'with a law', hooks: [hook()] })
    const certificate = claimsOf(await now.privity.erasure.erase(id, REASON))
    expect(certificate).toMatchObject({ scope: 'partial' })
    expect(await now.as('books').order.select(id, ['amount'])).toEqual({ amount: '5' })
    expect(await now.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await now.privity.close()
  },
)

journey(
  'a hook that was installed while a request could be taken back is asked as well',
  async (place) => {
    const clock = fakeClock()
    const there = new Set(['row-1', 'row-2'])
    const hookOf = (name: string, row: string): ErasureHook =>
      scriptedHook({
        id: name,
        plan: () => (there.has(row) ? [itemOf(row)] : []),
        execute: ({ id }) => {
          there.delete(id)
          return 'done'
        },
      })
    const first = hookOf('mailing', 'row-1')
    const before = await open(place, { clock, version: 'without a law', hooks: [first] })
    const { id } = await before.privity.subjects.register()
    await before.as('sales').order.create(id, { amount: '5', note: 'n' })
    await before.privity.erasure.request(id, GRACE)
    await before.privity.close()
    clock.advance(15 * DAY)
    const hooks = [first, hookOf('shop', 'row-2')]
    const after = await open(place, { clock, version: 'without a law', hooks })
    expect(await after.privity.erasure.work()).toEqual({ ...NONE, completed: 1 })
    expect([...there]).toEqual([])
    await after.privity.close()
  },
)
