// Consent that ends by itself, and staff who see only their own customers.
import * as z from 'zod'
import { createPrivity, definePolicy, definePurposes, defineRecord, localKeys } from 'privity'
import { memoryStore } from 'privity/memory'

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  marketing: { basis: 'consent', description: 'Send you offers', validFor: { months: 24 } },
})
const contact = defineRecord(purposes, ({ field }) => ({
  name: field(z.string(), { purposes: ['support', 'marketing'] }),
}))
const policy = definePolicy({
  controller: { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' },
  purposes,
  records: { contact },
  roles: { agent: { purposes: ['support', 'marketing'] } },
})

// A test moves this clock; an app leaves the option out.
let now = Date.UTC(2026, 0, 31)
// Who looks after whom is known to the app. Whatever it cannot tell counts as no.
const agents = new Map<string, string>()

const privity = await createPrivity({
  policy,
  store: memoryStore(),
  keys: localKeys(crypto.getRandomValues(new Uint8Array(32))),
  clock: { now: () => now },
  relationship: ({ actor, subjectId }) => agents.get(subjectId) === actor.id,
})
const ida = { id: 'staff:ida', roles: ['agent'] }
const bo = { id: 'staff:bo', roles: ['agent'] }

const anna = await privity.subjects.register({ jurisdiction: 'NL' })
agents.set(anna.id, ida.id)
await privity.accessor({ purpose: 'support', actor: ida }).contact.create(anna.id, { name: 'Anna' })

const idas = await privity.may({ subjectId: anna.id, purpose: 'support', actor: ida })
console.log(idas.allowed) // prints: true
const bos = await privity.may({ subjectId: anna.id, purpose: 'support', actor: bo })
console.log(bos.reasons.join()) // prints: no_relationship
const idle = await privity.may({ subjectId: anna.id, purpose: 'marketing', actor: bo })
console.log(idle.reasons.join()) // prints: no_relationship,not_asked

const notice = await privity.notices.publish({
  id: 'privacy',
  version: '1',
  texts: { en: 'May we send you offers?' },
})
const method = { channel: 'paper' } as const
await privity.consent.give(anna.id, { purposes: ['marketing'], notice, method })

const given = await privity.consent.status(anna.id, 'marketing')
console.log(given.state, given.validUntil) // prints: given 2028-01-31T00:00:00.000Z

now = Date.UTC(2028, 0, 31)
const ended = await privity.consent.status(anna.id, 'marketing')
console.log(ended.state, ended.permits) // prints: expired false
await privity.close()
