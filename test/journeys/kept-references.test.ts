import { expect } from 'vitest'
import { statutory, type SubjectId } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { eagerClock, collect, refusal } from '../support/acme.ts'
import { ownersLost, stored } from '../support/desk-state.ts'
import { deskPolicy, openDesk } from '../support/helpdesk.ts'
import { certificateOf, expectSound, type Office, openOffice } from '../support/reference-office.ts'
import { setBack } from '../support/set-back.ts'
import { journey, keyStoreOf, type Place } from '../support/stores.ts'

const REASON = { reason: 'subject_request' }
const HOLD = { matter: 'claim-1', reviewAt: '2040-01-01T00:00:00Z' }
const GONE = { code: 'not_found', details: { kind: 'record' } }

interface Named {
  readonly anna: SubjectId
  readonly bo: SubjectId
  readonly ticket: string
  readonly comment: string
  readonly rating: string
  readonly thread: string
}

/** Somebody whose records name somebody else in every way that there is. */
async function name({ records, add }: Office): Promise<Named> {
  const [anna, bo] = [await add(), await add()]
  const ticket = await records.ticket.create(bo, { text: 'a', assignee: anna })
  const comment = await records.comment.create(bo, { text: 'x', author: anna })
  const rating = await records.rating.create(bo, { stars: 5, by: anna })
  await records.proxy.create(bo, { scope: 'all', of: anna })
  const thread = await records.thread.create(bo, { title: 't', starter: anna })
  await records.post.create(bo, { text: 'p', threadId: thread.recordId })
  return {
    anna,
    bo,
    ticket: ticket.recordId,
    comment: comment.recordId,
    rating: rating.recordId,
    thread: thread.recordId,
  }
}

journey('what a hold kept of a reference goes with the next sweep after it', async (place) => {
  const office = await openOffice(place.store())
  const { records, privity } = office
  const { anna, bo, ...at } = await name(office)
  const { holdId } = await privity.retention.hold(bo, HOLD)
  const jws = await privity.erasure.erase(anna, REASON)
  expect(await certificateOf(office, jws)).toMatchObject({ holds: [holdId] })
  await privity.retention.sweep()
  expect(await records.ticket.read(bo, at.ticket)).toEqual({ text: 'a', assignee: anna })
  await privity.retention.releaseHold(bo, holdId)
  expect(await privity.retention.sweep()).toMatchObject({ people: 1, failed: 0, kept: 0 })
  expect(await records.ticket.read(bo, at.ticket)).toEqual({ text: 'a' })
  expect((await records.comment.read(bo, at.comment))['author']).not.toBe(anna)
  expect(await records.rating.read(bo, at.rating)).toEqual({ stars: 5, by: 'former' })
  expect(await refusal(records.proxy.read(bo))).toEqual(GONE)
  expect(await refusal(records.thread.read(bo, at.thread))).toEqual(GONE)
  expect(await collect(records.post.list({ subjectId: bo }))).toEqual([])
  expect(await privity.retention.sweep()).toMatchObject({ people: 0, records: 0 })
  await expectSound(office)
  await privity.close()
})

journey(
  'what a law kept of a reference goes with the first sweep behind its end',
  async (place) => {
    const clock = eagerClock()
    const office = await openOffice(place.store(), { clock })
    const { records, privity } = office
    const [anna, bo] = [await office.add(), await office.add()]
    const { recordId } = await records.invoice.create(bo, { payer: anna })
    await privity.erasure.erase(anna, REASON)
    clock.advance({ years: 6 })
    await privity.retention.sweep()
    expect(await records.invoice.read(bo, recordId)).toEqual({ payer: anna })
    clock.advance({ years: 1 })
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, failed: 0, kept: 0 })
    expect(await records.invoice.read(bo, recordId)).toEqual({})
    expect(await privity.retention.sweep()).toMatchObject({ people: 0 })
    await expectSound(office)
    await privity.close()
  },
)

/** How many records somebody has in the store. */
async function recordsOf(place: Place, id: string): Promise<number> {
  return (await place.rows()).filter(([key]) => key.includes(`${id}/r/`)).length
}

journey('what was kept of deleted records and their parts goes in the end', async (place) => {
  const clock = eagerClock()
  const office = await openOffice(place.store(), { clock })
  const { records, privity } = office
  const [anna, bo] = [await office.add(), await office.add()]
  await records.deal.create(bo, { amount: 7, remark: 'd', buyer: anna })
  const thread = await records.thread.create(bo, { title: 't', starter: anna })
  await records.post.create(bo, { text: 'p', fee: 3, threadId: thread.recordId })
  await privity.erasure.erase(anna, REASON)
  expect(await refusal(records.thread.read(bo, thread.recordId))).toEqual(GONE)
  clock.advance({ years: 6 })
  await privity.retention.sweep()
  expect(await recordsOf(place, bo)).toBe(2)
  clock.advance({ years: 1 })
  expect(await privity.retention.sweep()).toMatchObject({ people: 1, failed: 0, kept: 0 })
  expect(await recordsOf(place, bo)).toBe(0)
  expect(await privity.retention.sweep()).toMatchObject({ people: 0 })
  await expectSound(office)
  await privity.close()
})

journey(
  'a part that was kept when its owner went goes, or is let go, once it may',
  async (place) => {
    const clock = eagerClock()
    const floor = statutory('NL.tax', { from: 'created' })
    const desk = await openDesk(place.store(), {
      policy: deskPolicy({ floor }),
      journal: memoryStore(),
      clock,
    })
    const { privity } = desk
    const { id } = await privity.subjects.register()
    const { ticket, message, file, note } = desk.as()
    const { recordId: ticketId } = await ticket.create(id, { title: 't' })
    const { recordId: messageId } = await message.create(id, { ticketId, body: 'b' })
    await file.create(id, { messageId, name: 'n' })
    await note.create(id, { about: ticketId, text: 'x' })
    const other = await ticket.create(id, { title: 'other' })
    await message.create(id, { ticketId: other.recordId, body: 'stays' })
    const ask = { ...HOLD, records: [{ record: 'note' }] }
    const { holdId } = await privity.retention.hold(id, ask as never)
    const scope = { records: [{ record: 'ticket', recordId: ticketId }] }
    await privity.erasure.erase(id, { ...REASON, scope } as never)
    await privity.retention.sweep()
    expect(await stored(desk, id)).toEqual({ ticket: 1, message: 1, file: 1, note: 1, about: 1 })
    await privity.retention.releaseHold(id, holdId)
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, failed: 0 })
    expect(await stored(desk, id)).toEqual({ ticket: 1, message: 1, file: 1, note: 1, about: 0 })
    clock.advance({ years: 9 })
    expect(await privity.retention.sweep()).toMatchObject({ people: 1, failed: 0 })
    expect(await stored(desk, id)).toEqual({ ticket: 1, message: 1, file: 0, note: 1, about: 0 })
    expect(await ownersLost(desk, id)).toEqual([])
    expect(await privity.retention.sweep()).toMatchObject({ people: 0, failed: 0 })
    expect(await privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await privity.close()
  },
)

journey('an older copy of the store keeps in mind again what had to stay', async (place) => {
  const journal = memoryData()
  const open = (): Promise<Office> =>
    openOffice(place.store(), { journal: memoryStore({ share: journal }), shards: 2 })
  const office = await open()
  const { anna, bo, ...at } = await name(office)
  const { holdId } = await office.privity.retention.hold(bo, HOLD)
  await office.privity.close()
  const copy = await place.rows()
  const later = await open()
  await later.privity.erasure.erase(anna, REASON)
  await later.privity.close()
  await setBack(place, copy)

  const closed = await open()
  await closed.privity.erasure.replay()
  await closed.privity.close()
  const again = await open()
  const { records, privity } = again
  expect(await records.ticket.read(bo, at.ticket)).toEqual({ text: 'a', assignee: anna })
  await privity.retention.releaseHold(bo, holdId)
  expect(await privity.retention.sweep()).toMatchObject({ people: 1, failed: 0, kept: 0 })
  expect(await records.ticket.read(bo, at.ticket)).toEqual({ text: 'a' })
  expect(await refusal(records.thread.read(bo, at.thread))).toEqual(GONE)
  if (keyStoreOf(place.store()) === undefined) await expectSound(again)
  await privity.close()
})
