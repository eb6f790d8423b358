import { expect, test } from 'vitest'
import * as z from 'zod'
import { definePolicy, defineRecord, type Erasure, type ErasureHook, localKeys } from 'privity'
import { verifyCertificate } from 'privity/verify'
import { toHex } from '../../src/base/bytes.ts'
import type { KeptOf } from '../../src/erasure/partial/look.ts'
import type { Kept } from '../../src/erasure/selection.ts'
import { decodeRing } from '../../src/keys/key-ring.ts'
import { decodeContainer, SECTION } from '../../src/storage/container.ts'
import {
  accessorsOf,
  type Acme,
  ANNA,
  collect,
  controller,
  eagerClock,
  giveOnWeb,
  openAcme,
  policy,
  refusal,
  SECRET,
  START,
} from '../support/acme.ts'
import { drain, inPieces } from '../support/byte-streams.ts'
import { epochKeys } from '../support/epoch-keys.ts'
import { openVault } from '../support/open-vault.ts'
import { scaled } from '../support/scale.ts'
import {
  allRows,
  dyingStore,
  journey,
  JOURNEYS,
  keyStoreOf,
  leaveEngines,
  type Place,
  spyStore,
} from '../support/stores.ts'

const REASON = 'subject_request'
const SLOW = 120_000
/** Of the calls every so many: each is met before or after, those of an engine that is slow to open here and there. */
const STEP = scaled({ ci: 2, torture: 1 })
const FIRST = { before: 1, after: scaled({ ci: 2, torture: 1 }) } as const

/** Anna, with a bit of everything that a person can have. */
async function addAnna(acme: Acme): Promise<string> {
  const { id } = await acme.subjects.register({ externalId: 'crm-17', jurisdiction: 'NL' })
  const { support, care } = accessorsOf(acme)
  await support.contact.create(id, { ...ANNA, phone: '+31 20 1234567' })
  await giveOnWeb(acme, id, ['marketing', 'care'])
  await care.contact.update(id, { allergies: 'nuts' })
  return id
}

/** Each row of a person as it stands, to be put back later. */
async function rowsOf(place: Place, id: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const rows = await place.rows()
  return new Map(
    rows.filter(([key]) => key.includes(id)).map(([key, value]) => [key, value.slice()]),
  )
}

async function expectSound(acme: Acme): Promise<void> {
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
}

journey('one field is erased, and the others of its record read on', async (place) => {
  const acme = await openAcme(place.store())
  const id = await addAnna(acme)
  const { support, marketing } = accessorsOf(acme)
  const scope = { records: [{ record: 'contact', fields: ['phone'] }] }
  const plan = await acme.erasure.plan(id, { reason: REASON, scope })
  expect(plan.items).toEqual([
    { what: 'contact.phone', count: 1, action: 'delete' },
    { what: 'lookup rows', count: 1, action: 'delete' },
    { what: 'keys', count: 1, action: 'replace, and destroy' },
  ])
  const certificate = await acme.erasure.run(plan)
  expect(await verifyCertificate(certificate, acme.ledger.publicKeys)).toMatchObject({ ok: true })
  expect(await support.contact.read(id)).toEqual({ ...ANNA, language: 'en' })
  expect(await marketing.contact.read(id)).toEqual({ name: 'Anna', email: ANNA.email })
  expect(await collect(support.contact.find({ phone: '+31 20 1234567' }))).toEqual([])
  expect(await collect(support.contact.find({ email: ANNA.email }))).toHaveLength(1)
  await support.contact.update(id, { phone: '+31 20 7654321' })
  expect(await collect(support.contact.find({ phone: '+31 20 7654321' }))).toHaveLength(1)
  expect(await refusal(acme.erasure.resume('f'.repeat(32)))).toMatchObject({ code: 'not_found' })
  await expectSound(acme)
  await acme.close()
})

journey('one of many records is erased, and the others read on', async (place) => {
  const acme = await openAcme(place.store())
  const id = await addAnna(acme)
  const { support } = accessorsOf(acme)
  const first = await support.ticket.create(id, { text: 'marker-17', channel: 'mail' })
  const second = await support.ticket.create(id, { text: 'stays', channel: 'phone' })
  const { recordId } = first
  const before = await rowsOf(place, id)
  const scope = { records: [{ record: 'ticket', recordId }] }
  const certificate = await acme.erasure.erase(id, { reason: REASON, scope })
  expect(await certificateOf(acme, certificate)).toMatchObject({
    scope: 'partial',
    selection: { kind: 'records', records: [{ record: 'ticket' }] },
    result: 'completed',
    totals: { keys: 1, records: 1, fields: 0, lookupRows: 1 },
    verification: { decryptProbes: 1, residual: 0 },
  })
  expect(certificate).not.toContain(recordId)
  expect(await refusal(support.ticket.read(id, recordId))).toMatchObject({ code: 'not_found' })
  expect(await support.ticket.read(id, second.recordId)).toEqual({
    text: 'stays',
    channel: 'phone',
  })
  expect(await collect(support.ticket.find({ channel: 'mail' }))).toEqual([])
  expect(await collect(support.ticket.find({ channel: 'phone' }))).toHaveLength(1)
  await expectSound(acme)
  await expectClosed(place, acme, { id, before, accessClass: 'ticket' })
  await acme.close()
})

journey('the last of many records and a whole single record can be erased', async (place) => {
  const acme = await openAcme(place.store())
  const id = await addAnna(acme)
  const { support, care } = accessorsOf(acme)
  const { recordId } = await support.ticket.create(id, { text: 'only', channel: 'mail' })
  const records = [{ record: 'ticket' }, { record: 'contact' }]
  const certificate = await acme.erasure.erase(id, { reason: REASON, scope: { records } })
  // One class of tickets, and four of the contact.
  expect(await certificateOf(acme, certificate)).toMatchObject({
    totals: { keys: 5, records: 2, lookupRows: 3 },
  })
  for (const attempt of [
    () => support.contact.read(id),
    () => care.contact.read(id),
    () => support.ticket.read(id, recordId),
  ])
    expect(await refusal(attempt)).toMatchObject({ code: 'not_found' })
  expect(await collect(support.contact.list())).toEqual([])
  expect(await collect(support.ticket.list())).toEqual([])
  const families = new Set((await place.rows()).map(([key]) => key.slice(17, 18)))
  for (const family of ['t', 'y']) expect(families).not.toContain(family)
  await expectSound(acme)
  await support.contact.create(id, ANNA)
  expect(await support.contact.read(id)).toMatchObject({ name: 'Anna' })
  await expectSound(acme)
  await acme.close()
})

journey('a special category is erased wherever it is', async (place) => {
  const acme = await openAcme(place.store())
  const id = await addAnna(acme)
  const { support, care } = accessorsOf(acme)
  const plan = await acme.erasure.plan(id, { reason: REASON, scope: { special: 'health' } })
  expect(plan.items).toEqual([
    { what: 'contact.allergies', count: 1, action: 'delete' },
    { what: 'keys', count: 1, action: 'replace, and destroy' },
  ])
  await acme.erasure.run(plan)
  expect(await care.contact.read(id)).toEqual({})
  expect(await support.contact.read(id)).toMatchObject({ name: 'Anna', phone: '+31 20 1234567' })
  await expectSound(acme)
  await acme.close()
})

journey('of what a purpose has, what no other purpose needs is erased', async (place) => {
  const acme = await openAcme(place.store())
  const id = await addAnna(acme)
  const { support, analytics } = accessorsOf(acme)
  const scope = { purpose: 'care' }
  const certificate = await acme.erasure.erase(id, { reason: 'withdrawn', scope })
  expect(await certificateOf(acme, certificate)).toMatchObject({
    selection: { kind: 'purpose', purpose: 'care' },
    totals: { fields: 1 },
    exclusions: [],
  })
  const plan = await acme.erasure.plan(id, { reason: 'withdrawn', scope: { purpose: 'marketing' } })
  expect(plan.items).toEqual([
    { what: 'contact.email', count: 1, action: 'keep', ground: 'purpose:support' },
    { what: 'contact.name', count: 1, action: 'keep', ground: 'purpose:support' },
  ])
  const nothing = await acme.erasure.run(plan)
  const verdict = await verifyCertificate(nothing, acme.ledger.publicKeys)
  expect(verdict).toEqual({ ok: false, reason: 'not_completed' })
  expect(await support.contact.read(id)).toMatchObject({ name: 'Anna', email: ANNA.email })
  expect(await analytics.contact.read(id)).toEqual({ birthDate: 1990 })
  await expectSound(acme)
  await acme.close()
})

journey('a scope that names what nobody declared is refused', async (place) => {
  const acme = await openAcme(place.store())
  const id = await addAnna(acme)
  const before = await rowsOf(place, id)
  const ask = (scope: unknown): Promise<unknown> =>
    refusal(acme.erasure.plan(id, { reason: REASON, scope } as never))
  expect(await ask({ purpose: 'nosy' })).toMatchObject({
    code: 'not_declared',
    details: { kind: 'purpose', declared: ['support', 'marketing', 'care', 'analytics'] },
  })
  expect(await ask({ records: [{ record: 'order' }] })).toMatchObject({
    code: 'not_declared',
    details: { kind: 'record', declared: ['contact', 'ticket'] },
  })
  expect(await ask({ records: [{ record: 'ticket', fields: ['text', 'size'] }] })).toMatchObject({
    code: 'not_declared',
    details: { kind: 'field', declared: ['text', 'channel'] },
  })
  for (const scope of [
    {},
    null,
    { special: 'shoes' },
    { records: [] },
    { records: [{ record: 'contact', fields: [] }] },
    { records: [{ record: 'contact', recordId: 'f'.repeat(32) }] },
    { records: [{ record: 'ticket', recordId: 'x' }] },
    { purpose: 'care', special: 'health' },
  ])
    expect(await ask(scope)).toMatchObject({ code: 'invalid_input' })
  expect(await rowsOf(place, id)).toEqual(before)
  await acme.close()
})

journey('what no policy has any more is erased by what its class served', async (place) => {
  const older = await openAcme(place.store())
  const id = await addAnna(older)
  await older.close()
  const { purposes, roles } = policy
  const contact = defineRecord(purposes, ({ field }) => ({
    name: field(z.string(), { purposes: ['support', 'marketing'] }),
  }))
  const newer = definePolicy({
    controller,
    purposes,
    records: { ticket: policy.records.ticket, contact },
    roles,
  })
  const acme = await openAcme(place.store(), { policy: newer as never })
  const certificate = await acme.erasure.erase(id, { reason: REASON, scope: { special: 'health' } })
  expect(await certificateOf(acme, certificate)).toMatchObject({ totals: { keys: 1, fields: 1 } })
  // The address and the phone were for support alone; the birth date is for analytics as well.
  const plan = await acme.erasure.plan(id, { reason: REASON, scope: { purpose: 'support' } })
  expect(plan.items.map(({ what, action }) => `${action} ${what}`)).toEqual(
    expect.arrayContaining([
      'delete contact.address',
      'delete contact.phone',
      'keep contact.birthDate',
      'delete lookup rows',
    ]),
  )
  await acme.erasure.run(plan)
  await expectSound(acme)
  await acme.close()
})

journey('what needs a withheld class is left to a process that has it', async (place) => {
  const kms = epochKeys()
  const clock = eagerClock()
  const whole = await openAcme(place.store(), { keys: kms.provider(), clock })
  const id = await addAnna(whole)
  const keys = kms.provider((accessClass) => accessClass === 'contact:care!health')
  const limited = await openAcme(place.store(), { keys, clock: eagerClock() })
  const before = await rowsOf(place, id)
  const scope = { special: 'health' } as const
  expect(await refusal(limited.erasure.erase(id, { reason: REASON, scope }))).toMatchObject({
    code: 'key_unavailable',
  })
  expect(await rowsOf(place, id)).toEqual(before)
  // A class that nothing is asked of is not needed.
  const phone = { records: [{ record: 'contact', fields: ['phone'] }] }
  await certificateOf(whole, await limited.erasure.erase(id, { reason: REASON, scope: phone }))
  expect(await accessorsOf(whole).care.contact.read(id)).toEqual({ allergies: 'nuts' })
  await certificateOf(whole, await whole.erasure.erase(id, { reason: REASON, scope }))
  await expectSound(whole)
  await limited.close()
  await whole.close()
})

journey('a second erasure of the same finds nothing, and does not certify it', async (place) => {
  const acme = await openAcme(place.store())
  const id = await addAnna(acme)
  const scope = { records: [{ record: 'contact', fields: ['phone'] }] }
  await acme.erasure.erase(id, { reason: REASON, scope })
  const again = await acme.erasure.erase(id, { reason: REASON, scope })
  expect(await verifyCertificate(again, acme.ledger.publicKeys)).toMatchObject({ ok: false })
  await acme.erasure.erase(id, { reason: REASON })
  expect(await refusal(acme.erasure.plan(id, { reason: REASON, scope }))).toMatchObject({
    code: 'erased',
  })
  await expectSound(acme)
  await acme.close()
})

journey('what is under one key with many records is erased in batches', async (place) => {
  const acme = await openAcme(place.store(), { clock: eagerClock() })
  const id = await addAnna(acme)
  const { support } = accessorsOf(acme)
  const tickets = await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      support.ticket.create(id, { text: `text-${n}`, channel: `channel-${n}` }),
    ),
  )
  const before = await rowsOf(place, id)
  const scope = { records: [{ record: 'ticket', fields: ['channel'] }] }
  const certificate = await acme.erasure.erase(id, { reason: REASON, scope })
  expect(await certificateOf(acme, certificate)).toMatchObject({
    totals: { keys: 1, records: 0, fields: 100, lookupRows: 100 },
  })
  const { recordId = '' } = tickets[17] ?? {}
  expect(await support.ticket.read(id, recordId)).toEqual({ text: 'text-17' })
  expect(await collect(support.ticket.list({ subjectId: id }))).toHaveLength(100)
  await expectSound(acme)
  await expectClosed(place, acme, { id, before, accessClass: 'ticket' })
  await acme.close()
})

journey('a row that is put back does not open, and is found', async (place) => {
  const acme = await openAcme(place.store())
  const id = await addAnna(acme)
  const { support } = accessorsOf(acme)
  const { recordId } = await support.ticket.create(id, { text: 'help', channel: 'mail' })
  const before = await rowsOf(place, id)
  const scope = { records: [{ record: 'ticket', fields: ['channel'] }] }
  await acme.erasure.erase(id, { reason: REASON, scope })
  const [old] = [...before].filter(([key]) => key.endsWith(recordId) && key.includes('/r/'))
  const [key = '', value = new Uint8Array(0)] = old ?? []
  const store = place.store()
  await store.open()
  const [now = null] = await store.read([key])
  await store.commit({ checks: [[key, now]], put: [[key, value]], del: [] })
  await store.close()
  expect(await refusal(support.ticket.read(id, recordId))).toMatchObject({ code: 'key_unknown' })
  const report = await acme.ledger.verify({ deep: true })
  expect(report.faults).toMatchObject([{ kind: 'row_changed', key }])
  await acme.close()
})

journey('what is erased stands nowhere in clear, and its lookup rows are gone', async (place) => {
  const spied = spyStore(place.store())
  const keyStore = keyStoreOf(spied.store)
  const acme = await openAcme(spied.store, keyStore === undefined ? {} : { keyStore })
  const id = await addAnna(acme)
  const { support } = accessorsOf(acme)
  const marks = Array.from({ length: 40 }, (_, n) => `marker-${n}-17`)
  await Promise.all(marks.map((mark) => support.ticket.create(id, { text: mark, channel: mark })))
  const scope = { records: [{ record: 'ticket', fields: ['text', 'channel'] }] }
  const plan = await acme.erasure.plan(id, { reason: REASON, scope })
  const certificate = await acme.erasure.run(plan)
  expect(await collect(support.ticket.list())).toEqual([])
  const rows = await place.rows()
  const all = [
    ...rows.flatMap(([key, value]) => [Buffer.from(key), Buffer.from(value)]),
    ...spied.traffic.values.map((value) => Buffer.from(value)),
    ...place.files().map((bytes) => Buffer.from(bytes)),
    Buffer.from(certificate.split('.')[1] ?? '', 'base64url'),
    Buffer.from(JSON.stringify(plan)),
  ]
  for (const mark of marks) expect(all.filter((bytes) => bytes.includes(mark))).toEqual([])
  expect(rows.filter(([key]) => key.slice(17, 19) === 't/')).toHaveLength(2)
  await acme.close()
})

journey('an attachment of what stays keeps its key, and the certificate says so', async (place) => {
  const acme = await openAcme(place.store())
  const id = await addAnna(acme)
  const actor = { id: 'staff:ida', roles: ['agent'] } as const
  const ask = { purpose: 'support', actor, subjectId: id, record: 'contact' } as const
  const address = { ...ask, field: 'address' } as const
  const { blobId, sealed } = await acme.blobs.seal(address, inPieces(new Uint8Array(50), 17))
  const bytes = await drain(sealed)
  const erase = async (fields: readonly string[]): Promise<object> => {
    const scope = { records: [{ record: 'contact', fields }] }
    return certificateOf(acme, await acme.erasure.erase(id, { reason: REASON, scope }))
  }
  // The phone is sealed with the address.
  expect(await erase(['phone'])).toMatchObject({
    totals: { keys: 0, fields: 1 },
    exclusions: [
      { what: 'key of contact:support', count: 1, ground: 'attachments', until: null },
      { ground: 'evidence' },
    ],
  })
  const opened = await acme.blobs.open({ ...address, blobId }, inPieces(bytes, 17))
  expect(await drain(opened)).toEqual(new Uint8Array(50))
  // An attachment of what is erased goes with its key.
  expect(await erase(['address'])).toMatchObject({
    totals: { keys: 1, fields: 1 },
    exclusions: [],
  })
  const again = acme.blobs.open({ ...address, blobId }, inPieces(bytes, 17))
  expect(await refusal(again)).toMatchObject({ code: 'key_unknown' })
  await expectSound(acme)
  await acme.close()
})

journey('of somebody of whom something has to stay the rest is erased', async (place) => {
  const acme = await openAcme(place.store())
  const id = await addAnna(acme)
  const { support } = accessorsOf(acme)
  const first = await support.ticket.create(id, { text: 'invoice', channel: 'mail' })
  const second = await support.ticket.create(id, { text: 'chat', channel: 'mail' })
  let kept: readonly Kept[] = [
    { record: 'contact', fieldIds: ['address'], ground: 'NL.tax', until: END },
    { record: 'ticket', recordId: first.recordId, fieldIds: ['text'], ground: 'hold:m-17' },
  ]
  const keeping = await openKeeping(place, () => kept)
  const plan = await keeping.plan(id as never, { reason: REASON })
  expect(plan.items).toContainEqual({ what: 'person', count: 1, action: 'close' })
  expect(plan.items).toContainEqual({
    what: 'contact.address',
    count: 1,
    action: 'keep',
    ground: 'NL.tax',
    until: '2033-12-31T00:00:00.000Z',
  })
  const certificate = await certificateOf(acme, await keeping.run(plan))
  expect(certificate).toMatchObject({
    scope: 'partial',
    selection: { kind: 'all' },
    closed: true,
    holds: ['m-17'],
    exclusions: [
      { what: 'contact.address', count: 1, ground: 'NL.tax', until: '2033-12-31T00:00:00.000Z' },
      { what: 'ticket.text', count: 1, ground: 'hold:m-17', until: null },
      { ground: 'evidence' },
    ],
    totals: { records: 1, keys: 5 },
  })
  const said = JSON.stringify(certificate)
  for (const personal of [...Object.values(ANNA), 'nuts', '1234567', first.recordId, 'invoice'])
    expect(said).not.toContain(personal)
  expect(await refusal(support.contact.read(id))).toMatchObject({ code: 'not_permitted' })
  expect((await place.rows()).some(([key]) => key.endsWith(second.recordId))).toBe(false)
  expect(await acme.subjects.find({ externalId: 'crm-17' })).toEqual({ id })
  await expectSound(acme)
  // Nothing has to stay any more: the same ask erases all.
  kept = []
  expect(
    await certificateOf(acme, await keeping.erase(id as never, { reason: REASON })),
  ).toMatchObject({ scope: 'all', exclusions: [] })
  expect(await refusal(support.contact.read(id))).toMatchObject({ code: 'erased' })
  await expectSound(acme)
  await acme.close()
})

journey('what came to be kept after the plan is not erased by it', async (place) => {
  const acme = await openAcme(place.store())
  const id = await addAnna(acme)
  let kept: readonly Kept[] = []
  const keeping = await openKeeping(place, () => kept)
  const plan = await keeping.plan(id as never, { reason: REASON })
  kept = [{ record: 'contact', ground: 'hold:m-17' }]
  expect(await refusal(keeping.run(plan))).toMatchObject({
    code: 'erasure_incomplete',
    details: { failing: ['privity:kept'] },
  })
  const { support } = accessorsOf(acme)
  expect(await support.contact.read(id)).toMatchObject({ name: 'Anna' })
  const scope = { records: [{ record: 'contact', fields: ['phone'] }] }
  const certificate = await keeping.erase(id as never, { reason: REASON, scope })
  expect(await verifyCertificate(certificate, acme.ledger.publicKeys)).toMatchObject({ ok: false })
  expect(await support.contact.read(id)).toMatchObject({ phone: '+31 20 1234567' })
  await acme.close()
})

journey(
  'hooks that take part are told what is erased, and the others are not run',
  async (place) => {
    const scopes: unknown[] = []
    const hookOf = (id: string, partial: boolean): ErasureHook => ({
      id,
      partial,
      plan: async ({ scope, externalId }) => {
        scopes.push([id, scope, externalId])
        return [{ id: 'row-1', description: 'row', count: 1 }]
      },
      execute: async (_, { scope, externalId }) => {
        scopes.push([id, scope, externalId])
        return 'done'
      },
      verify: async () => 'absent',
    })
    const hooks = [hookOf('mailing', true), hookOf('billing', false)]
    const acme = await openAcme(place.store(), { hooks })
    const id = await addAnna(acme)
    const scope = { records: [{ record: 'contact', fields: ['phone'] }] }
    const certificate = await acme.erasure.erase(id, { reason: REASON, scope })
    expect(scopes).toEqual([
      ['mailing', scope, 'crm-17'],
      ['mailing', scope, 'crm-17'],
    ])
    expect(await certificateOf(acme, certificate)).toMatchObject({
      recipientsNotified: [{ hook: 'mailing', items: 1 }],
    })
    await acme.close()
  },
)

journey('writes that race with a partial erasure lose nothing', async (place) => {
  const acme = await openAcme(place.store(), { clock: eagerClock() })
  const other = await openAcme(place.store(), { clock: eagerClock() })
  const id = await addAnna(acme)
  const { support } = accessorsOf(acme)
  const made = await Promise.all(
    Array.from({ length: 70 }, (_, n) =>
      support.ticket.create(id, { text: `t${n}`, channel: `c${n}` }),
    ),
  )
  const scope = { records: [{ record: 'ticket', fields: ['channel'] }] }
  const erasing = acme.erasure.erase(id, { reason: REASON, scope })
  const writers = [acme, other].map((one) => accessorsOf(one).support)
  const writes = made.map(async ({ recordId }, n) => {
    const writer = writers[n % 2]
    if (n % 3 === 0) await writer?.ticket.update(id, recordId, { text: `new${n}` })
    else if (n % 3 === 1) await writer?.ticket.create(id, { text: `more${n}` })
    else expect(await writer?.ticket.read(id, recordId)).toMatchObject({ text: `t${n}` })
  })
  await Promise.all(writes)
  await certificateOf(acme, await erasing)
  for (const [n, { recordId }] of made.entries())
    expect(await support.ticket.read(id, recordId)).toEqual({
      text: n % 3 === 0 ? `new${n}` : `t${n}`,
    })
  expect(await collect(support.ticket.list({ subjectId: id }))).toHaveLength(93)
  await expectSound(acme)
  await other.close()
  await acme.close()
})

journey('two erasures of different fields at once both come to their end', async (place) => {
  const clock = eagerClock()
  const acme = await openAcme(place.store(), { clock })
  const other = await openAcme(place.store(), { clock: eagerClock() })
  const id = await addAnna(acme)
  const { support } = accessorsOf(acme)
  await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      support.ticket.create(id, { text: `t${n}`, channel: `c${n}` }),
    ),
  )
  const eraseFields = (one: Acme, record: string, fields: readonly string[]): Promise<string> =>
    one.erasure.erase(id, { reason: REASON, scope: { records: [{ record, fields }] } })
  const certificates = await Promise.all([
    eraseFields(acme, 'ticket', ['channel']),
    eraseFields(other, 'contact', ['phone']),
    eraseFields(acme, 'contact', ['email']),
    eraseFields(other, 'ticket', ['text']),
  ])
  for (const certificate of certificates) await certificateOf(acme, certificate)
  expect(await refusal(support.contact.read(id))).toMatchObject({ code: 'incomplete_record' })
  expect(await support.contact.select(id, ['name', 'address'])).toEqual({
    name: 'Anna',
    address: ANNA.address,
  })
  expect(await collect(support.ticket.list({ subjectId: id }))).toEqual([])
  await expectSound(acme)
  await other.close()
  await acme.close()
})

interface Crash {
  readonly nth: number
  readonly when: 'before' | 'after'
  /** Whose calls are counted. */
  readonly dies: 'store' | 'key store'
  readonly tickets: number
}

/** Erases fields of Anna in a process that dies at a call, then resumes in another; how many calls there are. */
async function crashAndResume(
  name: keyof typeof JOURNEYS,
  { nth, when, dies, tickets }: Crash,
): Promise<number> {
  const place = await JOURNEYS[name]()
  try {
    let armed = false
    const store = place.store()
    const keyStore = keyStoreOf(store)
    const dying = dyingStore(dies === 'store' || keyStore === undefined ? store : keyStore, {
      nth,
      when,
      armed: () => armed,
    })
    const acme = await (dies === 'store'
      ? openAcme(dying.store, { clock: eagerClock() })
      : openAcme(store, { clock: eagerClock(), keyStore: dying.store }))
    const id = await addAnna(acme)
    const { support } = accessorsOf(acme)
    // By itself: of several that make the key of a class at once, all but one leave theirs to nobody.
    await support.ticket.create(id, { text: 't', channel: 'c' })
    await Promise.all(
      Array.from({ length: tickets - 1 }, (_, n) =>
        support.ticket.create(id, { text: `t${n}`, channel: `c${n}` }),
      ),
    )
    const records = [
      { record: 'ticket', fields: ['channel'] },
      { record: 'contact', fields: ['phone'] },
    ]
    const before = await rowsOf(place, id)
    const held = await keyIdsOf(place, id)
    const { erasureId } = await acme.erasure.plan(id, { reason: REASON, scope: { records } })
    armed = true
    const outcome = await Promise.race([dying.dead, acme.erasure.resume(erasureId)])
    const later = await openAcme(place.store(), { clock: eagerClock(START + 120_000) })
    const certificate = await later.erasure.resume(erasureId)
    if (outcome !== 'dead') expect(outcome).toBe(certificate)
    expect(await certificateOf(later, certificate)).toMatchObject({
      totals: { fields: tickets + 1, records: 0, lookupRows: tickets + 1 },
    })
    const texts = await collect(accessorsOf(later).support.ticket.list({ subjectId: id }))
    expect(texts.map(({ view }) => Object.keys(view))).toEqual(texts.map(() => ['text']))
    expect(texts).toHaveLength(tickets)
    expect(await accessorsOf(later).support.contact.read(id)).toEqual({ ...ANNA, language: 'en' })
    await expectClosed(place, later, { id, before, accessClass: 'ticket' })
    // Those of the phone and of the tickets are gone; what a dead process made for itself sealed nothing.
    const left = await keyIdsOf(place, id)
    expect(held.filter((keyId) => left.includes(keyId))).toHaveLength(held.length - 2)
    await expectSound(later)
    expect((await place.rows()).filter(([key]) => key.includes('/c/q/'))).toEqual([])
    await later.close()
    return outcome === 'dead' ? nth : dying.calls()
  } finally {
    await place.dispose()
  }
}

for (const when of ['before', 'after'] as const) {
  for (const [name, tickets] of [
    ['memory', 70],
    ['memory, keys apart', 70],
    ['better-sqlite3', 2],
    ['PostgreSQL', 2],
    ['IndexedDB', 2],
  ] as const) {
    const dies = 'store'
    test(`a partial erasure whose process dies ${when} any call is resumed [${name}]`, {
      timeout: SLOW,
    }, async () => {
      leaveEngines()
      const calls = await crashAndResume(name, { nth: Infinity, when, dies, tickets })
      expect(calls).toBeGreaterThan(15)
      const step = name.startsWith('memory') ? STEP : STEP ** 2
      for (let nth = FIRST[when]; nth <= calls; nth += step)
        await crashAndResume(name, { nth, when, dies, tickets })
    })
  }
  test(`a partial erasure whose process dies ${when} any call to its keys is resumed`, {
    timeout: SLOW,
  }, async () => {
    const crash = { when, dies: 'key store', tickets: 70 } as const
    const calls = await crashAndResume('memory, keys apart', { ...crash, nth: Infinity })
    expect(calls).toBeGreaterThan(5)
    for (let nth = FIRST[when]; nth <= calls; nth += STEP)
      await crashAndResume('memory, keys apart', { ...crash, nth })
  })
}

/** The end of a statutory term. */
const END = Date.UTC(2033, 11, 31)

/** Erasure on a place where something has to stay. */
async function openKeeping(place: Place, keptOf: KeptOf): Promise<Erasure> {
  const store = place.store()
  const { erasure } = await openVault(store, {
    declared: policy,
    keys: localKeys(SECRET),
    keyStore: keyStoreOf(store),
    keptOf,
  })
  return erasure
}

/** What a certificate says, whether or not it certifies that something was erased. */
async function certificateOf(acme: Acme, certificate: string): Promise<object> {
  const verdict = await verifyCertificate(certificate, acme.ledger.publicKeys)
  expect(verdict).toMatchObject({ ok: true })
  return verdict.certificate ?? {}
}

interface Closed {
  readonly id: string
  readonly before: ReadonlyMap<string, Uint8Array>
  readonly accessClass: string
}

/** Rows of records as they stood before open with no key that is left, wherever they are put. */
async function expectClosed(place: Place, acme: Acme, { id, before }: Closed): Promise<void> {
  const ids = await keyIdsOf(place, id)
  const records = [...before].filter(([key]) => key.includes('/r/'))
  expect(records.length).toBeGreaterThan(0)
  for (const [, row] of records) {
    for (const { bytes } of decodeContainer(row) ?? [])
      expect(ids).not.toContain(toHex(bytes.subarray(2, 10)))
  }
  expect(acme.policy).toBeDefined()
}

/** Ids of the keys that are left of a person, in the document or in the key store. */
async function keyIdsOf(place: Place, id: string): Promise<readonly string[]> {
  const store = place.store()
  const keys = keyStoreOf(store) ?? store
  const rows = await allRows(keys)
  const row = rows.find(([key]) => key.endsWith(`/p/${id}`))?.[1]
  const ring = decodeContainer(row ?? new Uint8Array(0))?.find(({ kind }) => kind === SECTION.ring)
  return decodeRing(ring?.bytes ?? new Uint8Array(0))?.map(({ keyId }) => toHex(keyId)) ?? []
}
