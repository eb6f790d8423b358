import { expect, test } from 'vitest'
import { memoryData, memoryStore } from 'privity/memory'
import { ownersLost, stored } from '../support/desk-state.ts'
import { deskPolicy, type Desk, idsOf, openDesk } from '../support/helpdesk.ts'
import { setBack } from '../support/set-back.ts'
import { STORES } from '../support/stores.ts'

const REASON = 'subject_request'

interface Filled {
  readonly id: string
  readonly tickets: readonly string[]
  readonly messages: readonly string[]
  readonly files: readonly string[]
  readonly notes: readonly string[]
}

/** Two tickets, each with two messages, one of which has a file, and a note. */
async function fill(desk: Desk): Promise<Filled> {
  const { id } = await desk.privity.subjects.register()
  const { ticket, message, file, note } = desk.as()
  const filled = { id, tickets: [], messages: [], files: [], notes: [] } as {
    readonly [name in keyof Filled]: Filled[name] extends string ? string : string[]
  }
  for (const title of ['one', 'two']) {
    const { recordId: ticketId } = await ticket.create(id, { title })
    filled.tickets.push(ticketId)
    for (const body of ['x', 'y'])
      filled.messages.push((await message.create(id, { ticketId, body })).recordId)
    const [messageId] = filled.messages.slice(-1)
    filled.files.push((await file.create(id, { messageId, name: 'a.pdf' })).recordId)
    filled.notes.push((await note.create(id, { about: ticketId, text: title })).recordId)
  }
  return filled
}

function scopeOf(recordId: string | undefined, record = 'ticket'): object {
  return { records: [{ record, recordId }] }
}

test('what is a part of an erased record goes, and what was about it is let go', async () => {
  const desk = await openDesk(memoryStore())
  const { id, tickets, messages, files, notes } = await fill(desk)
  const scope = scopeOf(tickets[0])
  const plan = await desk.privity.erasure.plan(id as never, { reason: REASON, scope } as never)
  expect(plan.items).toEqual(
    expect.arrayContaining([
      { what: 'file', count: 1, action: 'delete' },
      { what: 'message', count: 2, action: 'delete' },
      { what: 'note.about', count: 1, action: 'delete' },
      { what: 'ticket', count: 1, action: 'delete' },
    ]),
  )
  await desk.privity.erasure.run(plan)
  expect(await idsOf(desk, id, 'ticket')).toEqual([tickets[1]])
  expect(await idsOf(desk, id, 'message')).toEqual(messages.slice(2).sort())
  expect(await idsOf(desk, id, 'file')).toEqual([files[1]])
  expect(await desk.as().note.read(id, notes[0] ?? '')).toEqual({ text: 'one' })
  expect(await desk.as().note.read(id, notes[1] ?? '')).toEqual({ about: tickets[1], text: 'two' })
  expect(await desk.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
})

test('a record of which only some fields go keeps its parts', async () => {
  const desk = await openDesk(memoryStore())
  const { id, tickets, messages } = await fill(desk)
  await desk.as('audit').ticket.update(id, tickets[0] ?? '', { extra: 'e' })
  const scope = { records: [{ record: 'ticket', fields: ['title'] }] }
  await desk.privity.erasure.erase(id as never, { reason: REASON, scope } as never)
  // The other held nothing else, and is gone with its parts.
  expect(await idsOf(desk, id, 'message')).toEqual(messages.slice(0, 2).sort())
  const rest = { records: [{ record: 'ticket', fields: ['extra'] }] }
  await desk.privity.erasure.erase(id as never, { reason: REASON, scope: rest } as never)
  expect(await idsOf(desk, id, 'ticket')).toEqual([])
  expect(await idsOf(desk, id, 'message')).toEqual([])
})

test('a hold keeps a part, and not the owner; a kept owner keeps nothing of its parts', async () => {
  const desk = await openDesk(memoryStore())
  const { id, tickets, messages, files } = await fill(desk)
  const [, held = ''] = messages
  await desk.privity.retention.hold(
    id as never,
    {
      matter: 'm-1',
      reviewAt: '2030-01-01T00:00:00Z',
      records: [{ record: 'message', recordId: held }],
    } as never,
  )
  const certificate = await desk.privity.erasure.erase(
    id as never,
    {
      reason: REASON,
      scope: scopeOf(tickets[0]),
    } as never,
  )
  const claims = JSON.parse(Buffer.from(certificate.split('.')[1] ?? '', 'base64url').toString())
  const ground = expect.stringMatching(/^hold:/)
  expect(claims.exclusions).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ what: 'message.ticketId', count: 1, ground }),
      expect.objectContaining({ what: 'message.body', count: 1, ground }),
    ]),
  )
  expect(await idsOf(desk, id, 'ticket')).toEqual([tickets[1]])
  expect(await idsOf(desk, id, 'message')).toEqual([held, ...messages.slice(2)].sort())
  // The file of the message that stays is the message's.
  expect(await idsOf(desk, id, 'file')).toEqual([...files].sort())
  expect(await desk.as().message.read(id, held)).toEqual({ ticketId: tickets[0], body: 'y' })
  await desk.privity.retention.hold(
    id as never,
    {
      matter: 'm-2',
      reviewAt: '2030-01-01T00:00:00Z',
      records: [{ record: 'ticket' }],
    } as never,
  )
  const scope = { records: [{ record: 'ticket' }, { record: 'message', recordId: messages[2] }] }
  await desk.privity.erasure.erase(id as never, { reason: REASON, scope } as never)
  expect(await idsOf(desk, id, 'ticket')).toEqual([tickets[1]])
  expect(await idsOf(desk, id, 'message')).toEqual([held, messages[3]].sort())
})

test('parts of an earlier policy are erased with their owners', async () => {
  const share = memoryData()
  const old = await openDesk(memoryStore({ share }), { policy: deskPolicy({ isOld: true }) })
  const { id, tickets, messages, files, notes } = await fill(old)
  await old.privity.close()
  const desk = await openDesk(memoryStore({ share }))
  await desk.privity.erasure.erase(
    id as never,
    { reason: REASON, scope: scopeOf(tickets[0]) } as never,
  )
  expect(await idsOf(desk, id, 'message')).toEqual(messages.slice(2).sort())
  expect(await idsOf(desk, id, 'file')).toEqual([files[1]])
  expect(await desk.as().note.read(id, notes[0] ?? '')).toEqual({ text: 'one' })
})

test('hundreds of parts are erased in batches', { timeout: 60_000 }, async () => {
  const desk = await openDesk(memoryStore())
  const { id, tickets } = await fill(desk)
  const [ticketId = ''] = tickets
  const { message, note } = desk.as()
  for (let at = 0; at < 150; at += 1) await message.create(id, { ticketId, body: `b${at}` })
  for (let at = 0; at < 20; at += 1) await note.create(id, { about: ticketId, text: `n${at}` })
  await desk.privity.erasure.erase(
    id as never,
    { reason: REASON, scope: scopeOf(ticketId) } as never,
  )
  expect(await idsOf(desk, id, 'message')).toHaveLength(2)
  expect(await idsOf(desk, id, 'note')).toHaveLength(22)
  expect(await desk.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
})

test('a backup that brings an erased record back loses its parts again with it', async () => {
  const place = STORES.memory()
  const journal = memoryData()
  const open = (): Promise<Desk> =>
    openDesk(place.store(), { journal: memoryStore({ share: journal }) })
  const first = await open()
  const { id, tickets } = await fill(first)
  await first.privity.close()
  const copy = await place.rows()
  const desk = await open()
  const ask = { reason: REASON, scope: scopeOf(tickets[0]) }
  await desk.privity.erasure.erase(id as never, ask as never)
  const left = await stored(desk, id)
  expect(left).toEqual({ ticket: 1, message: 2, file: 1, note: 2, about: 1 })
  await desk.privity.close()
  await setBack(place, copy)
  const back = await open()
  await back.privity.erasure.replay()
  await back.privity.close()
  const again = await open()
  expect(await stored(again, id)).toEqual(left)
  expect(await ownersLost(again, id)).toEqual([])
  expect(await again.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
})
