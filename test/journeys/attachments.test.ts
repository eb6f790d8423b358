import { expect, test } from 'vitest'
import type { KeyProvider, OpenBlobAsk, SealBlobAsk } from 'privity'
import { createPrivity, definePolicy, defineRecord, localKeys, PrivityError } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import * as z from 'zod'
import {
  accessorsOf,
  type Acme,
  type AcmePurposes,
  type AcmeRecords,
  ACTORS,
  ANNA,
  caught,
  collect,
  controller,
  fakeClock,
  giveOnWeb,
  openAcme,
  policy,
  refusal,
  SECRET,
} from '../support/acme.ts'
import { drain, inPieces, patternOf, streamOf } from '../support/byte-streams.ts'
import { journey, storesOf } from '../support/stores.ts'

const SUPPORT = { purpose: 'support', actor: ACTORS.support } as const
const CARE = { purpose: 'care', actor: ACTORS.care } as const
const SCAN = patternOf(40_000)
const FAILED = { code: 'decryption_failed', details: { what: 'blob' } }

async function addAnna(acme: Acme): Promise<string> {
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  return id
}

function ofContact(subjectId: string) {
  return { ...SUPPORT, subjectId, record: 'contact', field: 'address' } as const
}

// The asks of these journeys are put together at run time; the types have a test of their own.
type Sealing = SealBlobAsk<AcmeRecords, keyof AcmePurposes & string, keyof AcmeRecords>
type Opening = OpenBlobAsk<AcmeRecords, keyof AcmePurposes & string, keyof AcmeRecords>

/** A sealed attachment as an app keeps it. */
async function keep(
  acme: Acme,
  ask: object,
  bytes: Uint8Array = SCAN,
): Promise<{ readonly blobId: string; readonly stored: Uint8Array }> {
  const { blobId, sealed } = await acme.blobs.seal(ask as Sealing, streamOf(bytes))
  return { blobId, stored: await drain(sealed) }
}

async function open(acme: Acme, ask: object, stored: Uint8Array): Promise<Uint8Array> {
  return drain(await acme.blobs.open(ask as Opening, inPieces(stored, 10_000)))
}

journey('an attachment comes back, also in another process', async (place) => {
  const acme = await openAcme(place.store())
  const id = await addAnna(acme)
  const { blobId, stored } = await keep(acme, ofContact(id))
  expect(Buffer.from(stored).includes(Buffer.from(SCAN.subarray(0, 64)))).toBe(false)
  await acme.close()
  const later = await openAcme(place.store())
  expect(await open(later, { ...ofContact(id), blobId }, stored)).toEqual(SCAN)
  const none = await keep(later, ofContact(id), new Uint8Array(0))
  expect(await open(later, { ...ofContact(id), blobId: none.blobId }, none.stored)).toHaveLength(0)
  expect(await later.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await later.close()
})

journey('once a person is erased no copy opens, and nothing new is sealed', async (place) => {
  const acme = await openAcme(place.store())
  const id = await addAnna(acme)
  const ask = ofContact(id)
  const { blobId, stored } = await keep(acme, ask)
  await acme.erasure.erase(id, { reason: 'subject_request' })
  const erased = { code: 'erased', details: { kind: 'subject' } }
  expect(await refusal(open(acme, { ...ask, blobId }, stored))).toEqual(erased)
  expect(await refusal(acme.blobs.seal(ask, streamOf(SCAN)))).toEqual(erased)
  await acme.close()
})

journey('an attachment opens only for its person, record, field and id', async (place) => {
  const acme = await openAcme(place.store())
  const [anna, bo] = [await addAnna(acme), await addAnna(acme)]
  const { support } = accessorsOf(acme)
  const tickets: string[] = []
  for (const text of ['one', 'two'])
    tickets.push((await support.ticket.create(anna, { text })).recordId)
  const [first = '', second = ''] = tickets
  const ofTicket = { ...SUPPORT, subjectId: anna, record: 'ticket', field: 'text' } as const
  const ask = { ...ofTicket, recordId: first }
  const { blobId, stored } = await keep(acme, ask)
  const twin = await keep(acme, ask)
  expect(await open(acme, { ...ask, blobId }, stored)).toEqual(SCAN)
  for (const [change, error] of [
    [{ blobId: twin.blobId }, FAILED],
    [{ recordId: second }, FAILED],
    [{ field: 'channel' }, FAILED],
    [{ record: 'contact', field: 'address', recordId: undefined }, FAILED],
    [
      { ...ofContact(bo), recordId: undefined },
      { code: 'key_unknown', details: { what: 'blob' } },
    ],
    [{ blobId: 'x' }, { code: 'not_found', details: { kind: 'blob' } }],
  ] as const)
    expect(await refusal(open(acme, { ...ask, blobId, ...change }, stored))).toEqual(error)
  await acme.close()
})

journey('the permit decides, and the log tells who opened what', async (place) => {
  const acme = await openAcme(place.store())
  const id = await addAnna(acme)
  await giveOnWeb(acme, id, ['marketing', 'care'])
  const { blobId, stored } = await keep(acme, ofContact(id))
  const name = await keep(acme, { ...ofContact(id), field: 'name' })
  await open(acme, { ...ofContact(id), blobId }, stored)
  const marketing = { purpose: 'marketing', actor: ACTORS.marketing } as const
  const byName = { ...ofContact(id), ...marketing, field: 'name', blobId: name.blobId } as const
  expect(await open(acme, byName, name.stored)).toEqual(SCAN)
  const denied = async (ask: object): Promise<unknown> =>
    (await caught(open(acme, { ...ofContact(id), blobId, ...ask }, stored))).details
  const unserved = { reason: 'field_not_in_purpose', reasons: ['field_not_in_purpose'] }
  expect(await denied(marketing)).toEqual({ purpose: 'marketing', ...unserved })
  // Through a view a purpose sees less than the attachment would show.
  const analytics = { purpose: 'analytics', actor: ACTORS.analytics }
  expect(await denied({ ...analytics, field: 'birthDate' })).toMatchObject(unserved)
  expect(await denied({ actor: ACTORS.care })).toMatchObject({ reason: 'role' })
  expect(
    await refusal(acme.blobs.seal({ ...ofContact(id), ...CARE } as never, streamOf(SCAN))),
  ).toMatchObject({ details: unserved })
  await acme.consent.withdraw(id, { purposes: ['marketing'] })
  expect(await refusal(open(acme, byName, name.stored))).toMatchObject({
    details: { reason: 'withdrawn' },
  })
  const log = await collect(acme.audit.query({ subjectId: id }))
  expect(log.map(({ action, actor, classes }) => [action, actor.id, classes])).toEqual([
    ['read', 'staff:ida', ['contact:support']],
    ['read', 'staff:bo', ['contact:marketing+support']],
    ['refused', 'staff:bo', []],
    ['refused', 'job:count', []],
    ['refused', 'staff:cleo', []],
    ['refused', 'staff:cleo', []],
    ['refused', 'staff:bo', []],
  ])
  await acme.close()
})

journey('an attachment belongs to a record', async (place) => {
  const acme = await openAcme(place.store())
  const { id } = await acme.subjects.register()
  const missing = { code: 'not_found', details: { kind: 'record' } }
  expect(await refusal(acme.blobs.seal(ofContact(id), streamOf(SCAN)))).toEqual(missing)
  const { support } = accessorsOf(acme)
  const { recordId } = await support.ticket.create(id, { text: 'x' })
  const ask = { ...SUPPORT, subjectId: id, record: 'ticket', recordId, field: 'text' } as const
  const { blobId, stored } = await keep(acme, ask)
  await support.ticket.remove(id, recordId)
  expect(await refusal(open(acme, { ...ask, blobId }, stored))).toEqual(missing)
  expect(await refusal(acme.blobs.seal(ask, streamOf(SCAN)))).toEqual(missing)
  await acme.close()
})

journey('an operation id makes one attachment of several attempts', async (place) => {
  const acme = await openAcme(place.store())
  const id = await addAnna(acme)
  const ask = { ...ofContact(id), operationId: 'upload-7' }
  const [one, two] = [await keep(acme, ask), await keep(acme, ask)]
  expect(two.blobId).toBe(one.blobId)
  for (const { blobId, stored } of [one, two])
    expect(await open(acme, { ...ofContact(id), blobId }, stored)).toEqual(SCAN)
  const other = { ...ask, field: 'name' } as const
  expect(await refusal(acme.blobs.seal(other, streamOf(SCAN)))).toMatchObject({
    details: { issues: [{ path: ['operationId'], code: 'reused' }] },
  })
  await acme.close()
})

journey('a field that changes its class keeps its attachments', async (place) => {
  const before = await openAcme(place.store())
  const id = await addAnna(before)
  const { blobId, stored } = await keep(before, ofContact(id))
  await before.close()
  const { purposes, records, roles } = policy
  const contact = defineRecord(purposes, ({ field }) => ({
    name: field(z.string(), { purposes: ['support', 'marketing'] }),
    address: field(z.string(), { purposes: ['support', 'analytics'] }),
  }))
  const after = await createPrivity({
    policy: definePolicy({ controller, purposes, roles, records: { ...records, contact } }),
    ...storesOf(place.store()),
    keys: localKeys(SECRET),
    clock: fakeClock(),
  })
  const ask = { ...ofContact(id), blobId }
  expect(await drain(await after.blobs.open(ask, streamOf(stored)))).toEqual(SCAN)
  const next = await after.blobs.seal(ofContact(id), streamOf(SCAN))
  const moved = await drain(next.sealed)
  expect(
    await drain(await after.blobs.open({ ...ask, blobId: next.blobId }, streamOf(moved))),
  ).toEqual(SCAN)
  await after.close()
})

test('a process that is not given a class opens nothing of it, and says so', async () => {
  const share = memoryData()
  const acme = await openAcme(memoryStore({ share }))
  const id = await addAnna(acme)
  await giveOnWeb(acme, id, ['care'])
  await accessorsOf(acme).care.contact.update(id, { allergies: 'nuts' })
  const ask = { ...CARE, subjectId: id, record: 'contact', field: 'allergies' } as const
  const { blobId, stored } = await keep(acme, ask)
  await acme.close()
  const local = localKeys(SECRET)
  const withheld: KeyProvider = {
    ...local,
    unwrap: async (wrapped, context) => {
      if (context.accessClass.endsWith('!health'))
        throw new PrivityError('key_unavailable', { what: context.accessClass })
      return local.unwrap(wrapped, context)
    },
  }
  const later = await openAcme(memoryStore({ share }), { keys: withheld })
  expect(await caught(open(later, { ...ask, blobId }, stored))).toMatchObject({
    code: 'key_unavailable',
  })
  expect(await caught(later.blobs.seal(ask, streamOf(SCAN)))).toMatchObject({
    code: 'key_unavailable',
  })
  const open2 = await keep(later, ofContact(id))
  expect(await open(later, { ...ofContact(id), blobId: open2.blobId }, open2.stored)).toEqual(SCAN)
  await later.close()
})

test('every wrong byte before the chunks has its verdict', async () => {
  const acme = await openAcme(memoryStore())
  const id = await addAnna(acme)
  const { blobId, stored } = await keep(acme, ofContact(id), patternOf(3))
  for (let at = 0; at < 82; at += 1) {
    const changed = stored.slice()
    changed[at] = (changed[at] ?? 0) ^ 0x80
    const { code } = await caught(open(acme, { ...ofContact(id), blobId }, changed))
    const expected = at < 2 ? 'unsupported_format' : at < 10 ? 'key_unknown' : undefined
    expect([at, code]).toEqual([at, expected ?? 'decryption_failed'])
  }
  expect(await refusal(open(acme, { ...ofContact(id), blobId }, new Uint8Array(0)))).toEqual(FAILED)
  await acme.close()
})

test('a source is let go when sealing or opening is refused', async () => {
  const acme = await openAcme(memoryStore())
  const id = await addAnna(acme)
  const reasons: unknown[] = []
  const source = (): ReadableStream<Uint8Array> =>
    new ReadableStream({ cancel: (reason) => void reasons.push(reason) })
  const stranger = { ...ofContact(id), actor: { id: 'staff:eve', roles: [] } }
  await caught(acme.blobs.seal(stranger, source()))
  await caught(acme.blobs.open({ ...stranger, blobId: '0'.repeat(32) }, source()))
  expect(reasons).toHaveLength(2)
  const abort = new AbortController()
  const signal = abort.signal
  const opening = acme.blobs.open({ ...ofContact(id), blobId: '0'.repeat(32), signal }, source())
  abort.abort(new TypeError('stop'))
  await expect(opening).rejects.toThrow('stop')
  expect(reasons).toHaveLength(3)
  await acme.close()
})

test('what is asked wrongly is refused', async () => {
  const acme = await openAcme(memoryStore())
  const id = await addAnna(acme)
  const attempt = (change: object): Promise<{ readonly code: string }> =>
    refusal(acme.blobs.seal({ ...ofContact(id), ...change } as never, streamOf(SCAN)))
  for (const change of [
    { recordId: '0'.repeat(32) },
    { record: 'ticket', field: 'text' },
    { record: 7 },
    { field: undefined },
    { signal: 'no signal' },
    { blobId: 'x' },
    { operationId: '' },
    { subjectId: 7 },
  ])
    expect(await attempt(change)).toMatchObject({ code: 'invalid_input' })
  for (const change of [{ record: 'nothing' }, { field: 'nothing' }, { purpose: 'nothing' }])
    expect(await attempt(change)).toMatchObject({ code: 'not_declared' })
  expect(await attempt({ record: 'ticket', field: 'text', recordId: 'x' })).toEqual({
    code: 'not_found',
    details: { kind: 'record' },
  })
  expect(await attempt({ subjectId: '0'.repeat(32) })).toMatchObject({ code: 'not_found' })
  await acme.close()
})
