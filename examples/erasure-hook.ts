// An erasure that reaches into a mailing list, which is down at first.
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type ErasureHook,
  isPrivityError,
  localKeys,
} from 'privity'
import { memoryStore } from 'privity/memory'

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
})
const contact = defineRecord(purposes, ({ field }) => ({
  email: field(z.email(), { purposes: ['support'], lookup: 'email' }),
}))
const policy = definePolicy({
  controller: { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' },
  purposes,
  records: { contact },
  roles: { agent: { purposes: ['support'] } },
})

// The other system knows people by their address, and each subscription by a number of its own.
const mailing = {
  isDown: true,
  subscriptions: new Map([
    ['s-1', 'anna@example.com'],
    ['s-2', 'bo@example.com'],
  ]),
}

const mailingHook: ErasureHook = {
  id: 'mailing-list',
  needsPlaintext: true,
  // While the address can still be read, it is turned into numbers that say nothing about the person.
  plan: async (context) => {
    const fields = await context.read('contact', ['email'])
    return [...mailing.subscriptions]
      .filter(([, email]) => email === fields?.['email'])
      .map(([id]) => ({ id, description: 'subscription to the mailing list', count: 1 }))
  },
  execute: async ({ id }) => {
    if (mailing.isDown) return { retryAfter: { hours: 1 }, why: 'unreachable' }
    return mailing.subscriptions.delete(id) ? 'done' : 'already_done'
  },
  verify: async ({ id }) => (mailing.subscriptions.has(id) ? { residual: 1 } : 'absent'),
}

const secret = crypto.getRandomValues(new Uint8Array(32))
const privity = await createPrivity({
  policy,
  store: memoryStore(),
  keys: localKeys(secret),
  hooks: [mailingHook],
})
const anna = await privity.subjects.register()
const support = privity.accessor({
  purpose: 'support',
  actor: { id: 'staff:ida', roles: ['agent'] },
})
await support.contact.create(anna.id, { email: 'anna@example.com' })

const plan = await privity.erasure.plan(anna.id, { reason: 'subject_request' })
for (const { what, count, action } of plan.items) console.log(`${action}: ${count} × ${what}`)
// prints: destroy: 2 × keys
// prints: erase by hook: 1 × mailing-list: subscription to the mailing list

try {
  await privity.erasure.run(plan)
} catch (error) {
  if (!isPrivityError(error, 'erasure_incomplete')) throw error
  console.log(`not yet: ${error.details.failing}`) // prints: not yet: mailing-list
}

mailing.isDown = false
// The mailing list said when to come back; now that it is repaired, nobody waits for that.
await privity.erasure.retry(plan.erasureId, { hook: 'mailing-list' })
const certificate = await privity.erasure.resume(plan.erasureId)
console.log(certificate.split('.').length) // prints: 3
console.log([...mailing.subscriptions.values()].join()) // prints: bo@example.com
await privity.close()
