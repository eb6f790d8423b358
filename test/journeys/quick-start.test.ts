import { inspect } from 'node:util'
import { expect } from 'vitest'
import * as z from 'zod'
import { createPrivity, definePolicy, definePurposes, defineRecord, localKeys } from 'privity'
import { verifyCertificate, verifyReceipt } from 'privity/verify'
import { accessorsOf, ANNA, collect, openAcme, refusal } from '../support/acme.ts'
import { journey } from '../support/stores.ts'

journey('the quick start works word for word', async (place) => {
  const secret = crypto.getRandomValues(new Uint8Array(32))
  const purposes = definePurposes({
    support: { basis: 'contract', description: 'Answer your questions and handle your orders' },
    marketing: {
      basis: 'consent',
      description: 'Send you offers by e-mail',
      dpv: 'dpv:DirectMarketing',
      validFor: { months: 24 },
    },
    care: { basis: 'consent', description: 'Mind your allergies at our events', explicit: true },
  })
  const contact = defineRecord(purposes, ({ field }) => ({
    name: field(z.string().min(1), { purposes: ['support', 'marketing'] }),
    email: field(z.email(), { purposes: ['support', 'marketing'], lookup: 'email' }),
    address: field(z.string(), { purposes: ['support'] }),
    allergies: field(z.string().exactOptional(), { purposes: ['care'], special: 'health' }),
  }))
  const policy = definePolicy({
    controller: { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' },
    purposes,
    records: { contact },
    roles: {
      agent: { purposes: ['support', 'care'] },
      marketer: { purposes: ['marketing'] },
    },
  })

  const privity = await createPrivity({ policy, store: place.store(), keys: localKeys(secret) })

  const anna = await privity.subjects.register({ jurisdiction: 'NL' })
  const notice = await privity.notices.publish({
    id: 'privacy',
    version: '2026-11',
    texts: { en: '…the exact words shown…' },
  })

  const support = privity.accessor({
    purpose: 'support',
    actor: { id: 'staff:ida', roles: ['agent'] },
  })
  await support.contact.create(anna.id, {
    name: 'Anna',
    email: 'anna@example.com',
    address: 'Keizersgracht 1',
  })

  const { servedId } = await privity.notices.serve(notice, { subjectId: anna.id, language: 'en' })
  const { receipt } = await privity.consent.give(anna.id, {
    purposes: ['marketing'],
    notice,
    method: { channel: 'web', control: 'checkbox', servedId },
  })

  const marketing = privity.accessor({
    purpose: 'marketing',
    actor: { id: 'staff:bo', roles: ['marketer'] },
  })
  const view = await marketing.contact.read(anna.id)
  expect(view).toEqual({ name: 'Anna', email: 'anna@example.com' })
  expect('address' in view).toBe(false)
  expect(inspect(view)).toBe('[contact for marketing: name, email]')

  await privity.consent.withdraw(anna.id, { purposes: ['marketing'] })
  expect(await refusal(marketing.contact.read(anna.id))).toEqual({
    code: 'not_permitted',
    details: { purpose: 'marketing', reason: 'withdrawn', reasons: ['withdrawn'] },
  })

  const certificate = await privity.erasure.erase(anna.id, { reason: 'subject_request' })

  const { jwks } = privity.ledger.publicKeys
  expect(await verifyReceipt(receipt, { jwks })).toMatchObject({
    ok: true,
    record: { subject: { ref: anna.id }, purposes: [{ purpose: 'marketing', state: 'given' }] },
  })
  expect(await verifyCertificate(certificate, { jwks })).toMatchObject({
    ok: true,
    certificate: { subject: { ref: anna.id }, reason: 'subject_request', result: 'completed' },
  })
  expect(await refusal(support.contact.read(anna.id))).toEqual({
    code: 'erased',
    details: { kind: 'subject' },
  })
  expect(await privity.ledger.verify()).toMatchObject({ ok: true, faults: [] })
  await privity.close()
})

journey(
  'receipts and certificates do not pass for each other, nor under other keys',
  async (place) => {
    const acme = await openAcme(place.store())
    const { id } = await acme.subjects.register()
    const { receipt } = await acme.consent.withdraw(id, { purposes: ['marketing'] })
    const certificate = await acme.erasure.erase(id, { reason: 'subject_request' })
    const { jwks } = acme.ledger.publicKeys
    await acme.close()

    expect(await verifyReceipt(certificate, { jwks })).toEqual({ ok: false, reason: 'wrong_typ' })
    expect(await verifyCertificate(receipt, { jwks })).toEqual({ ok: false, reason: 'wrong_typ' })
    expect(await verifyReceipt(receipt, { jwks: { keys: [] } })).toEqual({
      ok: false,
      reason: 'unknown_key',
    })
    const [header = '', payload = '', signature = ''] = receipt.split('.')
    const forged = Buffer.from(payload, 'base64url').toString().replace('withdrawn', 'given')
    const changed = [header, Buffer.from(forged).toString('base64url'), signature].join('.')
    expect(await verifyReceipt(changed, { jwks })).toEqual({ ok: false, reason: 'bad_signature' })
  },
)

journey('what one process stored, the next one reads', async (place) => {
  const first = await openAcme(place.store())
  const { id } = await first.subjects.register({ externalId: 'crm-17' })
  await accessorsOf(first).support.contact.create(id, ANNA)
  const keys = first.ledger.publicKeys
  await first.close()

  const second = await openAcme(place.store())
  expect(await second.subjects.find({ externalId: 'crm-17' })).toEqual({ id })
  const { support } = accessorsOf(second)
  expect(await support.contact.read(id)).toEqual({ ...ANNA, language: 'en' })
  expect(await collect(support.contact.find({ email: ANNA.email }))).toHaveLength(1)
  expect(second.ledger.publicKeys).toEqual(keys)
  expect(await second.ledger.verify()).toMatchObject({ ok: true, faults: [] })
  await second.close()
})

journey('an instance can be closed twice', async (place) => {
  const acme = await openAcme(place.store())
  const { id } = await acme.subjects.register()
  const { support } = accessorsOf(acme)
  await support.contact.create(id, ANNA)
  await support.contact.read(id)
  await acme.close()
  await acme.close()
  expect(await refusal(support.contact.read(id))).toMatchObject({ code: 'store_closed' })
  expect(await refusal(acme.subjects.register())).toMatchObject({ code: 'store_closed' })
})
