import { expect } from 'vitest'
import { statutory, type Store } from 'privity'
import { verifyCertificate } from 'privity/verify'
import { fakeClock, refusal } from '../support/acme.ts'
import { drain, inPieces } from '../support/byte-streams.ts'
import { ownersLost, stored } from '../support/desk-state.ts'
import { type Desk, deskPolicy, idsOf, openDesk } from '../support/helpdesk.ts'
import { journey, type Place } from '../support/stores.ts'

const REASON = 'subject_request'
const MARK = 'Q7-marked-'
const EVERYTHING = { ticket: 1, message: 1, file: 1, note: 2, about: 1 } as const
const WHO = { purpose: 'support', actor: { id: 'staff:ida', roles: ['agent'] } } as const

interface Filled {
  readonly id: string
  /** One that goes, and one that stays. */
  readonly tickets: readonly [string, string]
  readonly file: string
}

async function fill(desk: Desk): Promise<Filled> {
  const { id } = await desk.privity.subjects.register()
  const { ticket, message, file, note } = desk.as()
  const make = async (): Promise<readonly [string, string]> => {
    const { recordId: ticketId } = await ticket.create(id, { title: `${MARK}title` })
    const { recordId } = await message.create(id, { ticketId, body: `${MARK}body` })
    const made = await file.create(id, { messageId: recordId, name: `${MARK}name` })
    await note.create(id, { about: ticketId, text: 'note' })
    return [ticketId, made.recordId]
  }
  const [first, file_] = await make()
  for (let at = 0; at < 3; at += 1)
    await message.create(id, { ticketId: first, body: `${MARK}${at}` })
  const [second] = await make()
  return { id, tickets: [first, second], file: file_ }
}

/** Rows of a family of keys of somebody. */
async function rowsOf(place: Place, family: string): Promise<number> {
  return (await place.rows()).filter(([key]) => key.slice(17).startsWith(family)).length
}

async function expectSound(desk: Desk): Promise<void> {
  expect(await desk.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
}

journey('what is a part of a removed record goes with it, tokens included', async (place) => {
  const desk = await openDesk(place.store())
  const { id, tickets, file } = await fill(desk)
  const tokens = await rowsOf(place, 't/')
  await desk.as().ticket.remove(id, tickets[0])
  expect(await stored(desk, id)).toEqual(EVERYTHING)
  expect(await ownersLost(desk, id)).toEqual([])
  // Of the title, of four messages with two each, and of the note that is about nothing now.
  expect(await rowsOf(place, 't/')).toBe(tokens - 1 - 4 * 2 - 1)
  expect((await refusal(desk.as().file.read(id, file))).code).toBe('not_found')
  await expectSound(desk)
  await desk.privity.close()
  const again = await openDesk(place.store())
  expect(await stored(again, id)).toEqual(EVERYTHING)
  await again.privity.close()
})

journey('an erased record takes its parts along, and a certificate says so', async (place) => {
  const desk = await openDesk(place.store())
  const { id, tickets } = await fill(desk)
  const scope = { records: [{ record: 'ticket', recordId: tickets[0] }] }
  const certificate = await desk.privity.erasure.erase(
    id as never,
    { reason: REASON, scope } as never,
  )
  const { publicKeys } = desk.privity.ledger
  expect(await verifyCertificate(certificate, publicKeys)).toMatchObject({ ok: true })
  expect(await stored(desk, id)).toEqual(EVERYTHING)
  expect(await ownersLost(desk, id)).toEqual([])
  await expectSound(desk)
  await desk.privity.close()
})

journey('a sweep takes parts along, but for what a law keeps', async (place) => {
  const clock = fakeClock()
  const desk = await openSwept(place.store(), clock)
  const { id, file } = await fill(desk)
  const later = await desk.as().ticket.create(id, { title: 'later' })
  clock.advance({ days: 91 })
  const latest = await desk.as().ticket.create(id, { title: 'latest' })
  const { recordId } = await desk.as().message.create(id, { ticketId: latest.recordId, body: 'b' })
  expect(await desk.privity.retention.sweep()).toMatchObject({ people: 1, failed: 0 })
  expect(await idsOf(desk, id, 'ticket')).toEqual([latest.recordId])
  expect(await idsOf(desk, id, 'ticket')).not.toContain(later.recordId)
  expect(await stored(desk, id)).toEqual({ ticket: 1, message: 1, file: 2, note: 2, about: 0 })
  expect(await idsOf(desk, id, 'message')).toEqual([recordId])
  // What a law keeps stays as it is, its owner's name included.
  expect(await desk.as().file.read(id, file)).toMatchObject({ name: `${MARK}name` })
  expect(await ownersLost(desk, id)).toHaveLength(2)
  expect(await desk.privity.retention.sweep()).toMatchObject({ people: 0 })
  await expectSound(desk)
  await desk.privity.close()
})

function openSwept(store: Store, clock: object): Promise<Desk> {
  const retention = { keep: { days: 90 }, from: 'created' }
  const floor = statutory('NL.tax', { from: 'created' })
  return openDesk(store, { policy: deskPolicy({ retention, floor }), clock })
}

journey('an attachment of a part is not opened any more once the owner is gone', async (place) => {
  const desk = await openDesk(place.store())
  const { id, tickets, file } = await fill(desk)
  const blobs = desk.privity.blobs as never as Blobs
  const address = { ...WHO, subjectId: id, record: 'file', recordId: file, field: 'name' }
  const { blobId, sealed } = await blobs.seal(address, inPieces(new Uint8Array(9), 4))
  const bytes = await drain(sealed)
  expect(await drain(await blobs.open({ ...address, blobId }, inPieces(bytes, 4)))).toHaveLength(9)
  const scope = { records: [{ record: 'ticket', recordId: tickets[0] }] }
  await desk.privity.erasure.erase(id as never, { reason: REASON, scope } as never)
  const opening = blobs.open({ ...address, blobId }, inPieces(bytes, 4))
  expect((await refusal(opening as Promise<unknown>)).code).toBe('not_found')
  await expectSound(desk)
  await desk.privity.close()
})

/** As far as this journey goes. */
interface Blobs {
  seal(
    ask: object,
    source: AsyncIterable<Uint8Array>,
  ): Promise<{ readonly blobId: string; readonly sealed: AsyncIterable<Uint8Array> }>
  open(ask: object, source: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>>
}
