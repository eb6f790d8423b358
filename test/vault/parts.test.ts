import { expect, test } from 'vitest'
import * as z from 'zod'
import { definePolicy, definePurposes, defineRecord, isPrivityError, localKeys } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { randomId } from '../../src/base/id.ts'
import { readHeads } from '../../src/vault/record-heads.ts'
import { controller, SECRET } from '../support/acme.ts'
import { epochKeys } from '../support/epoch-keys.ts'
import { deskPolicy, type DeskRecords, idsOf, openDesk } from '../support/helpdesk.ts'
import { openVault } from '../support/open-vault.ts'

const NOT_FOUND = { code: 'not_found', details: { kind: 'record' } }

test('a part belongs to a record that is there, of the same person', async () => {
  const desk = await openDesk(memoryStore())
  const { ticket, message, note } = desk.as()
  const { id } = await desk.privity.subjects.register()
  const other = await desk.privity.subjects.register()
  const mine = await ticket.create(id, { title: 'a' })
  const theirs = await ticket.create(other.id, { title: 'b' })
  const made = await message.create(id, { ticketId: mine.recordId, body: 'hello' })
  for (const ticketId of [
    theirs.recordId,
    made.recordId,
    randomId(),
    'x',
    '',
    mine.recordId.toUpperCase(),
  ]) {
    await expect(message.create(id, { ticketId, body: 'b' })).rejects.toMatchObject(NOT_FOUND)
    await expect(message.update(id, made.recordId, { ticketId })).rejects.toMatchObject(NOT_FOUND)
    await expect(note.create(id, { about: ticketId, text: 'b' })).rejects.toMatchObject(NOT_FOUND)
  }
  await message.create(id, { body: 'of nothing' })
  await message.update(id, made.recordId, { body: 'more' })
  expect(await message.read(id, made.recordId)).toEqual({ ticketId: mine.recordId, body: 'more' })
  expect(await desk.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
})

test('a record that is removed takes its parts along, through levels, and lets others go', async () => {
  const desk = await openDesk(memoryStore())
  const { ticket, message, note, file } = desk.as()
  const { id } = await desk.privity.subjects.register()
  const [one, two] = [
    await ticket.create(id, { title: 'a' }),
    await ticket.create(id, { title: 'b' }),
  ]
  const gone = await message.create(id, { ticketId: one.recordId, body: 'hello' })
  const kept = await message.create(id, { ticketId: two.recordId, body: 'hello' })
  const free = await message.create(id, { body: 'free' })
  await file.create(id, { messageId: gone.recordId, name: 'x.pdf' })
  const keptFile = await file.create(id, { messageId: kept.recordId, name: 'y.pdf' })
  const about = await note.create(id, { about: one.recordId, text: 'n' })
  await ticket.remove(id, one.recordId)
  expect(await idsOf(desk, id, 'ticket')).toEqual([two.recordId])
  expect(await idsOf(desk, id, 'message')).toEqual([kept.recordId, free.recordId].sort())
  expect(await idsOf(desk, id, 'file')).toEqual([keptFile.recordId])
  expect(await note.read(id, about.recordId)).toEqual({ text: 'n' })
  const found: string[] = []
  for await (const { recordId } of note.find({ about: one.recordId })) found.push(recordId)
  expect(found).toEqual([])
  expect(await desk.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
})

test('parts of records that an earlier policy wrote are found by their fields', async () => {
  const share = memoryData()
  const old = await openDesk(memoryStore({ share }), { policy: deskPolicy({ isOld: true }) })
  const { id } = await old.privity.subjects.register()
  const { ticket, message, file, note } = old.as()
  const one = await ticket.create(id, { title: 'a' })
  const two = await ticket.create(id, { title: 'a' })
  const gone = await message.create(id, { ticketId: one.recordId, body: 'hello' })
  const kept = await message.create(id, { ticketId: two.recordId, body: 'hello' })
  const odd = await message.create(id, { ticketId: 'never an id', body: 'hello' })
  await file.create(id, { messageId: gone.recordId, name: 'x.pdf' })
  const about = await note.create(id, { about: one.recordId, text: 'n' })
  await old.privity.close()
  const desk = await openDesk(memoryStore({ share }))
  await desk.as().message.update(id, gone.recordId, { body: 'and' })
  await desk.as().ticket.remove(id, one.recordId)
  expect(await idsOf(desk, id, 'message')).toEqual([kept.recordId, odd.recordId].sort())
  expect(await idsOf(desk, id, 'file')).toEqual([])
  expect(await desk.as().note.read(id, about.recordId)).toEqual({ text: 'n' })
})

test('the actor has to be allowed to remove the owner, before anything goes', async () => {
  const desk = await openDesk(memoryStore())
  const { ticket, message } = desk.as()
  const { id } = await desk.privity.subjects.register()
  const one = await ticket.create(id, { title: 'a' })
  await message.create(id, { ticketId: one.recordId, body: 'hello' })
  await expect(desk.as('audit').ticket.remove(id, one.recordId)).rejects.toSatisfy((error) =>
    isPrivityError(error, 'not_permitted'),
  )
  await expect(ticket.remove(id, one.recordId, { ifRevision: 99 })).rejects.toMatchObject({
    code: 'write_conflict',
  })
  await expect(ticket.remove(id, randomId())).rejects.toMatchObject(NOT_FOUND)
  expect(await idsOf(desk, id, 'message')).toHaveLength(1)
  const options = { operationId: 'op-1' }
  await ticket.remove(id, one.recordId, options)
  await ticket.remove(id, one.recordId, options)
  await expect(ticket.remove(id, one.recordId)).rejects.toMatchObject(NOT_FOUND)
  expect(await idsOf(desk, id, 'message')).toEqual([])
})

test('resealing writes down whose parts records of an earlier policy are', async () => {
  const share = memoryData()
  const old = await openDesk(memoryStore({ share }), { policy: deskPolicy({ isOld: true }) })
  const { id } = await old.privity.subjects.register()
  const { ticket, message, note } = old.as()
  const one = await ticket.create(id, { title: 'a' })
  const part = await message.create(id, { ticketId: one.recordId, body: 'hello' })
  await note.create(id, { text: 'n' })
  await old.privity.close()
  const desk = await openDesk(memoryStore({ share }))
  expect(await desk.privity.keys.reseal()).toMatchObject({ records: 2 })
  expect(await desk.privity.keys.reseal()).toMatchObject({ records: 0 })
  const { vault } = await openVault(memoryStore({ share }), {
    declared: deskPolicy(),
    keys: localKeys(SECRET),
  })
  const { person } = await vault.people.read(id)
  const { heads } = await readHeads(vault.people, person)
  const owners = Object.values(heads.many).flatMap(({ owner }) =>
    owner === undefined ? [] : [owner],
  )
  expect(owners.toSorted()).toEqual([
    ['about', ''],
    ['ticketId', one.recordId],
  ])
  await desk.as().ticket.remove(id, one.recordId)
  expect(await idsOf(desk, id, 'message')).not.toContain(part.recordId)
})

test('a process that may not open whose parts older records are removes nothing', async () => {
  const kms = epochKeys()
  const share = memoryData()
  const old = await openDesk(memoryStore({ share }), {
    policy: deskPolicy({ isOld: true }),
    keys: kms.provider(),
  })
  const { id } = await old.privity.subjects.register()
  const { ticket, message } = old.as()
  const one = await ticket.create(id, { title: 'a' })
  await message.create(id, { ticketId: one.recordId, body: 'hello' })
  await old.privity.close()
  const keys = kms.provider((accessClass) => accessClass === 'message:support')
  const desk = await openDesk(memoryStore({ share }), { keys })
  await expect(desk.as().ticket.remove(id, one.recordId)).rejects.toMatchObject({
    code: 'key_unavailable',
    details: { what: 'message:support' },
  })
  const all = await openDesk(memoryStore({ share }), { keys: kms.provider() })
  expect(await idsOf(all, id, 'message')).toHaveLength(1)
  await all.as().ticket.remove(id, one.recordId)
  expect(await idsOf(all, id, 'message')).toEqual([])
})

test('a process that may not open a part removes it all the same once its head says whose it is', async () => {
  const kms = epochKeys()
  const share = memoryData()
  const all = await openDesk(memoryStore({ share }), { keys: kms.provider() })
  const { id } = await all.privity.subjects.register()
  const one = await all.as().ticket.create(id, { title: 'a' })
  await all.as().message.create(id, { ticketId: one.recordId, body: 'hello' })
  const keys = kms.provider((accessClass) => accessClass.startsWith('message'))
  const desk = await openDesk(memoryStore({ share }), { keys })
  await desk.as().ticket.remove(id, one.recordId)
  expect(await idsOf(all, id, 'message')).toEqual([])
  expect(await all.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
})

/** A part that names its owner in one of two fields. */
function twoFields(field: 'one' | 'two'): unknown {
  const purposes = definePurposes({ support: { basis: 'contract', description: 'Answer' } })
  const forSupport = { purposes: ['support'] } as const
  const owner = defineRecord(purposes, (kit) => ({ name: kit.field(z.string(), forSupport) }), {
    many: true,
  })
  const part = defineRecord(
    purposes,
    (kit) => ({
      one: kit.field(z.string().nullable(), forSupport),
      two: kit.field(z.string().exactOptional(), forSupport),
    }),
    { many: true, ownedBy: { record: 'owner', field, onErase: 'delete' } },
  )
  const roles = { agent: { purposes: ['support'] } } as const
  return definePolicy({ controller, purposes, records: { owner, part }, roles })
}

test('the field that the running policy names counts, and null names nobody', async () => {
  const share = memoryData()
  const open = async (field: 'one' | 'two'): Promise<{ readonly [type: string]: DeskRecords }> =>
    (await openDesk(memoryStore({ share }), { policy: twoFields(field) })).as() as never
  const first = await openDesk(memoryStore({ share }), { policy: twoFields('one') })
  const { id } = await first.privity.subjects.register()
  const { owner, part } = first.as() as never as { readonly [type: string]: DeskRecords }
  const a = (await owner?.create(id, { name: 'a' }))?.recordId ?? ''
  const b = (await owner?.create(id, { name: 'b' }))?.recordId ?? ''
  await part?.create(id, { one: null })
  await part?.create(id, { one: a, two: b })
  await part?.create(id, { one: b, two: 'not asked yet' })
  const second = await open('two')
  await second['owner']?.remove(id, a)
  const rest = async (): Promise<readonly unknown[]> => {
    const views: unknown[] = []
    for await (const { view } of second['part']?.list({ subjectId: id }) ?? []) views.push(view)
    return views
  }
  expect(await rest()).toHaveLength(3)
  await second['owner']?.remove(id, b)
  expect(await rest()).toEqual(
    expect.arrayContaining([{ one: null }, { one: b, two: 'not asked yet' }]),
  )
  expect(await rest()).toHaveLength(2)
})
