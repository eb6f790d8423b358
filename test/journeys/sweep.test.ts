import { describe, expect } from 'vitest'
import { verifyCertificate } from 'privity/verify'
import { collect, refusal } from '../support/acme.ts'
import { MARK, type OpenShop, openShop } from '../support/retention-shop.ts'
import { journey, type Place } from '../support/stores.ts'

async function isSound(privity: OpenShop['privity']): Promise<void> {
  expect(await privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
}

async function dueRows(place: Place): Promise<number> {
  return (await place.rows()).filter(([key]) => key.slice(17).startsWith('d/')).length
}

describe('a withdrawal', () => {
  journey('erases after its grace what nothing else needs, and says so before', async (place) => {
    const { privity, clock, id, as } = await openShop(place.store())
    const { data } = await privity.consent.withdraw(id, { purposes: ['news'] })
    expect(data).toEqual({
      goes: [{ record: 'contact', fields: ['topics'], at: '2026-01-29T00:00:00.000Z' }],
      stays: [
        { record: 'contact', field: 'name', ground: 'purpose:support', basis: 'contract' },
        {
          record: 'contact',
          field: 'taste',
          ground: 'purpose:profile',
          basis: 'legitimate_interests',
        },
      ],
    })
    clock.advance({ days: 13 })
    expect(await privity.retention.sweep()).toMatchObject({ people: 0, failed: 0 })
    clock.advance({ days: 1 })
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, failed: 0 })
    expect(await privity.retention.sweep()).toMatchObject({ people: 0 })
    expect(await as('profile').contact.read(id)).toEqual({ taste: `${MARK}red` })
    expect(await as('support').contact.read(id)).toMatchObject({ name: `${MARK}Anna` })
    await isSound(privity)
    const objected = await privity.consent.withdraw(id, { purposes: ['profile'] })
    expect(objected.data?.goes).toEqual([
      { record: 'contact', fields: ['taste'], at: '2026-01-29T00:00:00.000Z' },
    ])
    expect(await privity.retention.sweep()).toMatchObject({ people: 1 })
    expect(await dueRows(place)).toBe(1)
    await isSound(privity)
    await privity.close()
  })

  journey('that is taken back within its grace erases nothing', async (place) => {
    const { privity, clock, id, as, give } = await openShop(place.store())
    await privity.consent.withdraw(id, { purposes: ['news'] })
    clock.advance({ days: 7 })
    await give()
    clock.advance({ days: 60 })
    await privity.retention.sweep()
    expect(await as('news').contact.read(id)).toMatchObject({ topics: `${MARK}boats` })
    await isSound(privity)
    await privity.close()
  })

  journey('is not needed when a consent runs out', async (place) => {
    const { privity, clock, id, as } = await openShop(place.store())
    await privity.consent.withdraw(id, { purposes: ['profile'] })
    clock.advance({ years: 2 })
    expect((await refusal(as('news').contact.read(id))).code).toBe('not_permitted')
    clock.advance({ days: 13 })
    await privity.retention.sweep()
    clock.advance({ days: 1 })
    expect(await privity.retention.sweep()).toMatchObject({ people: 1 })
    expect(await dueRows(place)).toBe(0)
    await isSound(privity)
    await privity.close()
  })
})

describe('an end', () => {
  journey('erases records, and leaves of a value what may stay', async (place) => {
    const { privity, clock, id, as } = await openShop(place.store())
    for (let count = 0; count < 5; count += 1)
      await as('support').ticket.create(id, { text: `${MARK}${count}` })
    clock.advance({ days: 30 })
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, records: 1, failed: 0 })
    expect(await as('support').contact.read(id)).toMatchObject({ born: '1990' })
    clock.advance({ days: 60 })
    const told: number[] = []
    const onProgress = ({ records }: { readonly records: number }): void => void told.push(records)
    expect(await privity.retention.sweep({ onProgress })).toMatchObject({ people: 1, records: 5 })
    expect(told).toEqual([5])
    const left = []
    for await (const { recordId } of as('support').ticket.list({ subjectId: id }))
      left.push(recordId)
    expect(left).toEqual([])
    expect(await privity.retention.sweep()).toMatchObject({ people: 0 })
    await isSound(privity)
    await privity.close()
  })
})

describe('what a law keeps', () => {
  journey(
    'outlives the erasure of a person, for the books only, and goes at its end',
    async (place) => {
      const { privity, clock, id, as } = await openShop(place.store())
      const accounting = as('accounting')
      const { recordId } = await accounting.invoice.create(id, {
        amount: 7,
        street: `${MARK}street`,
      })
      const plan = await privity.erasure.plan(id, { reason: 'subject_request' })
      expect(plan.items).toContainEqual(
        expect.objectContaining({ what: 'invoice.amount', action: 'keep' }),
      )
      const partial = await privity.erasure.run(plan)
      const { certificate } = await verifyCertificate(partial, privity.ledger.publicKeys)
      expect(certificate).toMatchObject({ scope: 'partial' })
      expect((await refusal(as('support').contact.read(id))).code).toBe('not_permitted')
      expect(await accounting.invoice.read(id, recordId)).toEqual({
        amount: 7,
        street: `${MARK}street`,
      })
      await isSound(privity)
      clock.set(Date.UTC(2033, 11, 31))
      expect(await privity.retention.sweep()).toMatchObject({ erased: 0, failed: 0 })
      clock.set(Date.UTC(2034, 0, 1))
      expect(await privity.retention.sweep()).toMatchObject({ people: 1, erased: 1 })
      expect(await refusal(accounting.invoice.read(id, recordId))).toEqual({
        code: 'erased',
        details: { kind: 'subject' },
      })
      expect(await dueRows(place)).toBe(0)
      await isSound(privity)
      await privity.close()
    },
  )
})

describe('a legal hold', () => {
  journey('keeps fields from an erasure, and lets them go when it is released', async (place) => {
    const { privity, clock, id, as } = await openShop(place.store())
    await as('support').ticket.create(id, { text: `${MARK}claim` })
    const { holdId } = await privity.retention.hold(id, {
      matter: 'claim-17',
      reviewAt: '2026-06-01T00:00:00Z',
      records: [{ record: 'ticket' }],
    })
    expect(await privity.retention.holds(id)).toEqual([
      {
        holdId,
        matter: 'claim-17',
        placedAt: '2026-01-15T00:00:00.000Z',
        reviewAt: '2026-06-01T00:00:00.000Z',
        records: [{ record: 'ticket' }],
      },
    ])
    const held = await privity.erasure.erase(id, { reason: 'subject_request' })
    const { certificate } = await verifyCertificate(held, privity.ledger.publicKeys)
    expect(certificate).toMatchObject({ scope: 'partial', holds: [holdId] })
    clock.advance({ days: 120 })
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, kept: 1, erased: 0 })
    const listed = collect(as('support').ticket.list({ subjectId: id }))
    expect(await listed).toEqual([])
    await privity.retention.releaseHold(id, holdId)
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, erased: 1 })
    expect((await refusal(privity.retention.holds(id))).code).toBe('erased')
    await isSound(privity)
    await privity.close()
  })
})
