import { afterEach, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { createPrivity, definePolicy, definePurposes, defineRecord, localKeys } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { ownEntries } from '../../src/subjects/own-entries.ts'
import { collect, controller, eagerClock, SECRET, START } from '../support/acme.ts'
import { openVault } from '../support/open-vault.ts'
import { scaled } from '../support/scale.ts'
import {
  anonymiser,
  certificateOf,
  expectSound,
  type Office,
  officePolicy,
  openOffice,
} from '../support/reference-office.ts'
import { dyingStore } from '../support/stores.ts'

const REASON = { reason: 'subject_request' }
const HOLD = { matter: 'claim-1', reviewAt: '2040-01-01T00:00:00Z' }
const LEASE = 120_000
const STEP = scaled({ ci: 5, torture: 1 })

afterEach(() => {
  anonymiser.make = () => 'former'
})

/** An office in which Bo, of whom everything is held, names Anna, who is erased. */
async function held(write: (office: Office, anna: string, bo: string) => Promise<void>) {
  const share = memoryData()
  const office = await openOffice(memoryStore({ share }))
  const [anna, bo] = [await office.add(), await office.add()]
  await write(office, anna, bo)
  const { holdId } = await office.privity.retention.hold(bo, HOLD)
  await office.privity.erasure.erase(anna, REASON)
  return { ...office, records: office.records, office, share, anna, bo, holdId }
}

describe('a reference that had to stay', () => {
  test('is looked at once more while it is kept, and not at every sweep', async () => {
    const { privity, records, bo, anna } = await held(async ({ records }, assignee, id) => {
      await records.ticket.create(id as never, { text: 'a', assignee })
    })
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, kept: 1, records: 0 })
    expect(await privity.retention.sweep()).toMatchObject({ people: 0, kept: 0, records: 0 })
    expect(await collect(records.ticket.find({ assignee: anna }))).toHaveLength(1)
    expect(await collect(records.ticket.list({ subjectId: bo }))).toHaveLength(1)
  })

  test('is not touched where it names somebody else by now', async () => {
    let ticket = ''
    const { privity, records, bo, holdId, add } = await held(async (office, assignee, id) => {
      ticket = (await office.records.ticket.create(id as never, { text: 'a', assignee })).recordId
    })
    const cleo = await add()
    await records.ticket.update(bo, ticket, { assignee: cleo })
    await privity.retention.releaseHold(bo, holdId)
    expect(await privity.retention.sweep()).toMatchObject({ records: 0, kept: 0, failed: 0 })
    expect(await records.ticket.read(bo, ticket)).toEqual({ text: 'a', assignee: cleo })
  })

  test('goes though other fields of its record are written, and the record is resealed', async () => {
    let ticket = ''
    const { privity, records, bo, holdId, office } = await held(async (it, assignee, id) => {
      ticket = (await it.records.ticket.create(id as never, { text: 'a', assignee })).recordId
    })
    await records.ticket.update(bo, ticket, { text: 'b' })
    await privity.keys.reseal()
    await privity.retention.releaseHold(bo, holdId)
    expect(await privity.retention.sweep()).toMatchObject({ records: 1, kept: 0 })
    expect(await records.ticket.read(bo, ticket)).toEqual({ text: 'b' })
    await expectSound(office)
  })

  test('waits for the last of a hold and a law', async () => {
    const { privity, records, bo, holdId, clock } = await held(async (it, payer, id) => {
      await it.records.invoice.create(id as never, { payer })
    })
    clock.advance({ years: 1 })
    await privity.retention.releaseHold(bo, holdId)
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, kept: 1, records: 0 })
    expect(await privity.retention.sweep()).toMatchObject({ people: 0 })
    clock.advance({ years: 6 })
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, kept: 0, records: 1 })
    const [invoice] = await collect(records.invoice.list({ subjectId: bo }))
    expect(invoice?.view).toEqual({})
  })

  test('stays due, and counts as failed, while what takes its place cannot be stored', async () => {
    let rating = ''
    const { privity, records, bo, anna, holdId } = await held(async (it, by, id) => {
      rating = (await it.records.rating.create(id as never, { stars: 5, by })).recordId
    })
    anonymiser.make = (id) => {
      throw new Error(id)
    }
    await privity.retention.releaseHold(bo, holdId)
    for (const _ of [1, 2])
      expect(await privity.retention.sweep()).toMatchObject({ failed: 1, records: 0 })
    expect(await records.rating.read(bo, rating)).toMatchObject({ by: anna })
    anonymiser.make = () => 'former'
    expect(await privity.retention.sweep()).toMatchObject({ failed: 0, records: 1 })
    expect(await records.rating.read(bo, rating)).toEqual({ stars: 5, by: 'former' })
  })

  test('goes with the person who refers once they are erased themselves', async () => {
    const { privity, office, bo, holdId, clock } = await held(async (it, assignee, id) => {
      await it.records.ticket.create(id as never, { text: 'a', assignee })
      await it.records.invoice.create(id as never, { payer: assignee })
    })
    await privity.retention.releaseHold(bo, holdId)
    await privity.erasure.erase(bo, REASON)
    clock.advance({ years: 7 })
    expect(await privity.retention.sweep()).toMatchObject({ erased: 1, failed: 0 })
    expect(await privity.retention.sweep()).toMatchObject({ people: 0, failed: 0 })
    await expectSound(office)
  })

  test('counts from an event that nobody told of yet, and goes once that is long enough ago', async () => {
    const shop = await openEventShop()
    const { privity, clock, anna, bo, orders } = shop
    const { recordId } = await orders.create(bo, { buyer: anna })
    await privity.erasure.erase(anna, REASON)
    clock.advance({ years: 20 })
    for (const kept of [1, 0])
      expect(await privity.retention.sweep()).toMatchObject({ kept, records: 0 })
    await privity.retention.event(bo, { record: 'order', recordId, event: 'paid' })
    expect(await privity.retention.sweep()).toMatchObject({ kept: 1, records: 0 })
    clock.advance({ years: 1 })
    expect(await privity.retention.sweep()).toMatchObject({ kept: 0, records: 1 })
    expect(await orders.read(bo, recordId)).toEqual({})
  })
})

describe('what had to stay of a record that was to go', () => {
  test('is wanted again once the app writes it', async () => {
    const office = await openOffice(memoryStore())
    const { privity, records, clock } = office
    const [anna, bo, cleo] = [await office.add(), await office.add(), await office.add()]
    const { recordId } = await records.deal.create(bo, { amount: 7, remark: 'd', buyer: anna })
    await privity.erasure.erase(anna, REASON)
    await records.deal.update(bo, recordId, { remark: 'e', buyer: cleo })
    clock.advance({ years: 7 })
    expect(await privity.retention.sweep()).toMatchObject({ records: 0, failed: 0 })
    expect(await records.deal.read(bo, recordId)).toEqual({ amount: 7, remark: 'e', buyer: cleo })
  })

  test('goes in an erasure with a certificate of its own', async () => {
    const share = memoryData()
    const office = await openOffice(memoryStore({ share }))
    const { privity, records, clock } = office
    const [anna, bo] = [await office.add(), await office.add()]
    await records.deal.create(bo, { amount: 7, remark: 'd', buyer: anna })
    await privity.erasure.erase(anna, REASON)
    clock.advance({ years: 7 })
    await privity.retention.sweep()
    const events = await eventsOf(share, bo)
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['reference.cleared', 'fields.erased']),
    )
    const { erasureId } = events.find(({ type }) => type === 'fields.erased') ?? {}
    const last = await certificateOf(office, await privity.erasure.resume(String(erasureId)))
    expect(last).toMatchObject({ selection: { kind: 'left' }, totals: { records: 1 } })
  })
})

async function eventsOf(
  share: MemoryData,
  id: string,
): Promise<readonly { readonly [name: string]: unknown }[]> {
  const declared = officePolicy()
  const { vault } = await openVault(memoryStore({ share }), { declared, keys: localKeys(SECRET) })
  const { person } = await vault.people.read(id)
  return (await collect(ownEntries(vault.people, person))).map(({ event }) => event)
}

interface Crash {
  readonly nth: number
  readonly when: 'before' | 'after'
}

/** Erases, or sweeps, in a process that dies at a call; others go on. How many calls there are. */
async function crashAndSweep(what: 'erase' | 'sweep', { nth, when }: Crash): Promise<number> {
  let armed = false
  const share = memoryData()
  const dying = dyingStore(memoryStore({ share }), { nth, when, armed: () => armed })
  const clock = eagerClock()
  const office = await openOffice(dying.store, { clock })
  const { records, privity } = office
  const [anna, bo, cleo] = [await office.add(), await office.add(), await office.add()]
  for (const text of ['a', 'b']) await records.ticket.create(bo, { text, assignee: anna })
  await records.invoice.create(cleo, { payer: anna })
  await records.deal.create(cleo, { amount: 7, remark: 'd', buyer: anna })
  const thread = await records.thread.create(cleo, { title: 't', starter: anna })
  await records.post.create(cleo, { text: 'p', fee: 3, threadId: thread.recordId })
  const { holdId } = await privity.retention.hold(bo, HOLD)
  const { erasureId } = await privity.erasure.plan(anna, REASON)
  armed = what === 'erase'
  const erased = await Promise.race([dying.dead, privity.erasure.resume(erasureId)])
  const open = (at: number) => openOffice(memoryStore({ share }), { clock: eagerClock(START + at) })
  const second = await open(LEASE)
  if (erased === 'dead') await second.privity.erasure.resume(erasureId)
  await second.privity.retention.releaseHold(bo, holdId)
  await second.privity.close()
  clock.advance({ years: 8 })
  armed = what === 'sweep'
  const swept =
    erased === 'dead' ? 'dead' : await Promise.race([dying.dead, privity.retention.sweep()])
  const third = await open(9 * 366 * 86_400_000)
  await third.privity.erasure.work()
  expect(await third.privity.retention.sweep()).toMatchObject({ failed: 0, kept: 0 })
  const rows = [...share.rows.keys()].filter((key) => key.includes('/r/'))
  // The tickets, and an invoice with nothing in it.
  expect(rows).toHaveLength(3)
  const { records: left } = third
  for (const found of [left.ticket.find({ assignee: anna }), left.invoice.find({ payer: anna })])
    expect(await collect(found)).toEqual([])
  expect(await third.privity.retention.sweep()).toMatchObject({ people: 0 })
  await expectSound(third)
  return erased === 'dead' || swept === 'dead' ? nth : dying.calls()
}

describe('though a process dies at any call', () => {
  for (const what of ['erase', 'sweep'] as const)
    for (const when of ['before', 'after'] as const)
      test(`what had to stay goes in the end: ${what}, ${when}`, { timeout: 180_000 }, async () => {
        const calls = await crashAndSweep(what, { nth: Number.POSITIVE_INFINITY, when })
        expect(calls).toBeGreaterThan(20)
        for (let nth = 1; nth <= calls; nth += STEP) await crashAndSweep(what, { nth, when })
      })
})

async function openEventShop() {
  const purposes = definePurposes({ sales: { basis: 'contract', description: 'Sell' } })
  const order = defineRecord(
    purposes,
    ({ field }) => ({
      buyer: field(z.string().exactOptional(), {
        purposes: ['sales'],
        lookup: 'exact',
        refs: { onErase: 'detach' },
        floor: { keep: { years: 1 }, from: 'paid', ground: 'books' },
      }),
    }),
    { many: true, events: ['paid'] },
  )
  const clock = eagerClock()
  const privity = await createPrivity({
    policy: definePolicy({
      controller,
      purposes,
      records: { order },
      roles: { clerk: { purposes: ['sales'] } },
    }),
    store: memoryStore(),
    keys: localKeys(SECRET),
    clock,
  })
  const sales = privity.accessor({ purpose: 'sales', actor: { id: 'ida', roles: ['clerk'] } })
  const [{ id: anna }, { id: bo }] = [
    await privity.subjects.register(),
    await privity.subjects.register(),
  ]
  return { privity, clock, anna, bo, orders: sales.order }
}
