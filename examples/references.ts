// Two people name a third one in their records, who is then erased.
import * as z from 'zod'
import { createPrivity, definePolicy, definePurposes, defineRecord, localKeys } from 'privity'
import { memoryStore } from 'privity/memory'
import { verifyCertificate } from 'privity/verify'

const purposes = definePurposes({ support: { basis: 'contract', description: 'Answer' } })
const forSupport = { purposes: ['support'] } as const
const ticket = defineRecord(
  purposes,
  ({ field }) => ({
    text: field(z.string(), forSupport),
    referredBy: field(z.string().exactOptional(), {
      ...forSupport,
      lookup: 'exact',
      refs: { onErase: 'detach' },
    }),
  }),
  { many: true },
)
// A single record, which is about nothing else.
const proxy = defineRecord(purposes, ({ field }) => ({
  mayActFor: field(z.string(), { ...forSupport, lookup: 'exact', refs: { onErase: 'delete' } }),
}))
const privity = await createPrivity({
  policy: definePolicy({
    controller: { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' },
    purposes,
    records: { ticket, proxy },
    roles: { agent: { purposes: ['support'] } },
  }),
  store: memoryStore(),
  keys: localKeys(new Uint8Array(32).fill(7)),
})
const support = privity.accessor({
  purpose: 'support',
  actor: { id: 'staff:ida', roles: ['agent'] },
})

const ada = await privity.subjects.register()
const ben = await privity.subjects.register()
const cleo = await privity.subjects.register()
const { recordId } = await support.ticket.create(ben.id, { text: 'Hello', referredBy: ada.id })
await support.proxy.create(cleo.id, { mayActFor: ada.id })

const plan = await privity.erasure.plan(ada.id, { reason: 'subject_request' })
for (const { what, count, action } of plan.items)
  if (what.startsWith('references')) console.log(`${what}: ${count}, ${action}`)
// prints: references in ticket: 1, detach
// prints: references in proxy: 1, delete

const signed = await privity.erasure.run(plan)
const { certificate } = await verifyCertificate(signed, privity.ledger.publicKeys)
console.log(certificate?.['totals'])
// prints: references: 2

console.log(Object.keys(await support.ticket.read(ben.id, recordId)))
// prints: [ 'text' ]
try {
  await support.ticket.update(ben.id, recordId, { referredBy: ada.id })
} catch (error) {
  console.log(error instanceof Error && 'code' in error ? error.code : error)
}
// prints: erased
await privity.close()
