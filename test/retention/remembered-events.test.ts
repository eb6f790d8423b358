import { describe, expect } from 'vitest'
import * as z from 'zod'
import { createPrivity, definePolicy, definePurposes, defineRecord, localKeys } from 'privity'
import { collect, controller, type FakeClock, fakeClock, SECRET } from '../support/acme.ts'
import { journey, type Place, storesOf } from '../support/stores.ts'

const START = Date.UTC(2026, 0, 15)
const FAR = { before: '2090-01-01T00:00:00Z' } as const
const purposes = definePurposes({
  sales: { basis: 'contract', description: 'Deliver orders' },
  books: { basis: 'legal_obligation', description: 'Keep books' },
})
const TEXT = z.string()
const bare = defineRecord(
  purposes,
  ({ field }) => ({
    note: field(TEXT, { purposes: ['sales'] }),
    amount: field(TEXT, { purposes: ['sales', 'books'] }),
  }),
  { many: true },
)
const dated = defineRecord(
  purposes,
  ({ field }) => ({
    note: field(TEXT, {
      purposes: ['sales'],
      retention: { keep: { years: 1 }, from: 'closed' },
    }),
    amount: field(TEXT, {
      purposes: ['sales', 'books'],
      retention: { keep: { years: 3 }, from: 'created' },
      floor: { keep: { years: 7 }, from: 'closed', ground: 'tax' },
    }),
  }),
  { many: true, events: ['closed'] },
)

async function open(
  place: Place,
  clock: FakeClock,
  { order, version }: { readonly order: typeof bare; readonly version: string },
) {
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
  })
  const actor = { id: 'staff:ida', roles: ['agent'] }
  return { privity, sales: privity.accessor({ purpose: 'sales', actor }) }
}

const MEANWHILE = {
  'writes the record': 'write',
  'reseals the record': 'reseal',
} as const

describe('what happened to a record', () => {
  for (const [title, how] of Object.entries(MEANWHILE))
    journey(`is remembered by a policy that ${title} and counts nothing from it`, async (place) => {
      const clock = fakeClock(START)
      const first = await open(place, clock, { order: dated as never, version: '1' })
      const { id } = await first.privity.subjects.register()
      const value = { note: 'n', amount: '5' }
      const { recordId } = await first.sales.order.create(id, value)
      const told = { record: 'order', recordId, event: 'closed' }
      await first.privity.retention.event(id, told as never)
      const dates = await collect(first.privity.retention.due(FAR))
      expect(dates).toMatchObject([
        { dueAt: '2027-01-15T00:00:00.000Z', fields: [{ field: 'note' }, { field: 'amount' }] },
      ])
      await first.privity.close()

      clock.advance({ days: 30 })
      const second = await open(place, clock, { order: bare, version: '2' })
      if (how === 'write') await second.sales.order.update(id, recordId, { note: 'm' })
      else await second.privity.keys.reseal()
      expect(await collect(second.privity.retention.due(FAR))).toEqual([])
      expect((await second.privity.keys.reseal()).records).toBe(0)
      await second.privity.close()

      clock.advance({ days: 30 })
      const third = await open(place, clock, { order: dated as never, version: '3' })
      await third.privity.keys.reseal()
      expect(await collect(third.privity.retention.due(FAR))).toEqual(dates)
      expect(await third.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true })
      await third.privity.close()
    })
})
