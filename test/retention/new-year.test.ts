import { describe, expect } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  localKeys,
  type RetentionFloor,
  statutory,
} from 'privity'
import { controller, type FakeClock, fakeClock, SECRET } from '../support/acme.ts'
import { journey, type Place, storesOf } from '../support/stores.ts'

// 1 January 2027, 00:30, in Amsterdam.
const NEW_YEAR = Date.UTC(2026, 11, 31, 23, 30)
const END_IN_UTC = Date.UTC(2034, 0, 1)
const END = Date.UTC(2034, 11, 31, 23)
const ACTOR = { id: 'staff:ida', roles: ['clerk'] } as const

const purposes = definePurposes({
  accounting: { basis: 'legal_obligation', description: 'Keep the books' },
})

function policyOf(version: string, floor: RetentionFloor) {
  const invoice = defineRecord(
    purposes,
    ({ field }) => ({ amount: field(z.int(), { purposes: ['accounting'] }) }),
    { many: true, floor, retention: { keep: { days: 1 }, from: 'created' } },
  )
  return definePolicy({
    controller,
    version,
    purposes,
    records: { invoice },
    roles: { clerk: { purposes: ['accounting'] } },
  })
}

const LAW = statutory('NL.tax', { from: 'created' })

function open(place: Place, clock: FakeClock, policy: ReturnType<typeof policyOf>) {
  return createPrivity({ policy, ...storesOf(place.store()), keys: localKeys(SECRET), clock })
}

describe('an invoice made in the night of the new year', () => {
  journey('is kept to the last moment that the law of the country asks for', async (place) => {
    const clock = fakeClock(NEW_YEAR)
    const privity = await open(place, clock, policyOf('1', LAW))
    const { id } = await privity.subjects.register()
    const { invoice } = privity.accessor({ purpose: 'accounting', actor: ACTOR })
    const { recordId } = await invoice.create(id, { amount: 7 })
    const plan = await privity.erasure.plan(id, { reason: 'subject_request' })
    expect(plan.items).toContainEqual(
      expect.objectContaining({ action: 'keep', until: '2034-12-31T23:00:00.000Z' }),
    )
    await privity.erasure.run(plan)
    for (const now of [END_IN_UTC, END - 1]) {
      clock.set(now)
      expect(await privity.retention.sweep()).toMatchObject({ erased: 0, failed: 0 })
      expect(await invoice.read(id, recordId)).toEqual({ amount: 7 })
    }
    clock.set(END)
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, erased: 1 })
    expect(await privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await privity.close()
  })

  journey('is kept as long, though stored when the year was counted in UTC', async (place) => {
    const clock = fakeClock(NEW_YEAR)
    const first = await open(place, clock, policyOf('1', { ...LAW, zone: 'UTC' }))
    const { id } = await first.subjects.register()
    const said = { purpose: 'accounting', actor: ACTOR } as const
    const { recordId } = await first.accessor(said).invoice.create(id, { amount: 7 })
    await first.close()
    const privity = await open(place, clock, policyOf('2', LAW))
    const { invoice } = privity.accessor(said)
    for (const now of [END_IN_UTC, END - 1]) {
      clock.set(now)
      expect(await privity.retention.sweep()).toMatchObject({ records: 0, failed: 0 })
      expect(await invoice.read(id, recordId)).toEqual({ amount: 7 })
    }
    clock.set(END)
    expect(await privity.retention.sweep()).toMatchObject({ records: 1, failed: 0 })
    await privity.close()
  })
})
