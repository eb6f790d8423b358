// The quick start, in memory: declare, store, ask, read, withdraw, erase.
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  isPrivityError,
  localKeys,
} from 'privity'
import { memoryStore } from 'privity/memory'
import { verifyCertificate, verifyReceipt } from 'privity/verify'

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
  roles: { agent: { purposes: ['support', 'care'] }, marketer: { purposes: ['marketing'] } },
})

const secret = crypto.getRandomValues(new Uint8Array(32))
const privity = await createPrivity({ policy, store: memoryStore(), keys: localKeys(secret) })

const anna = await privity.subjects.register({ jurisdiction: 'NL' })
const notice = await privity.notices.publish({
  id: 'privacy',
  version: '2026-11',
  texts: { en: 'May we send you offers by e-mail? You can change your mind at any time.' },
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

const marketing = privity.accessor({
  purpose: 'marketing',
  actor: { id: 'staff:bo', roles: ['marketer'] },
})
console.log(await refusal(marketing.contact.read(anna.id))) // prints: not_permitted: not_asked

const { servedId } = await privity.notices.serve(notice, { subjectId: anna.id, language: 'en' })
const { receipt } = await privity.consent.give(anna.id, {
  purposes: ['marketing'],
  notice,
  method: { channel: 'web', control: 'checkbox', servedId },
})

const view = await marketing.contact.read(anna.id)
console.log(view) // prints: [contact for marketing: name, email]
console.log(view.name, view.email) // prints: Anna anna@example.com
console.log('address' in view) // prints: false

await privity.consent.withdraw(anna.id, { purposes: ['marketing'] })
console.log(await refusal(marketing.contact.read(anna.id))) // prints: not_permitted: withdrawn

const certificate = await privity.erasure.erase(anna.id, { reason: 'subject_request' })
console.log(await refusal(support.contact.read(anna.id))) // prints: erased

// Anyone can check what they were given, with the public keys and nothing else.
const { jwks } = privity.ledger.publicKeys
console.log((await verifyReceipt(receipt, { jwks })).ok) // prints: true
console.log((await verifyCertificate(certificate, { jwks })).ok) // prints: true
console.log((await privity.ledger.verify()).ok) // prints: true

await privity.close()

/** What a read that must fail says. */
async function refusal(read: Promise<unknown>): Promise<string> {
  try {
    await read
  } catch (error) {
    if (isPrivityError(error, 'not_permitted')) return `${error.code}: ${error.details.reason}`
    if (isPrivityError(error)) return error.code
    throw error
  }
  throw new Error('this read must fail')
}
