// Somebody asks what there is about them (Article 15): their data by purpose, their decisions, and who looked.
import * as z from 'zod'
import {
  type AccessRecord,
  type Actor,
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type HistoryEntry,
  isPrivityError,
  localKeys,
  type Privity,
  type SubjectId,
} from 'privity'
import { memoryStore } from 'privity/memory'

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  marketing: { basis: 'consent', description: 'Send you offers by e-mail' },
})
const everywhere = { purposes: ['support', 'marketing'] } as const
const contact = defineRecord(purposes, ({ field }) => ({ email: field(z.email(), everywhere) }))
const ticket = defineRecord(
  purposes,
  ({ field }) => ({ text: field(z.string(), { purposes: ['support'] }) }),
  { many: true },
)
const policy = definePolicy({
  controller: { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' },
  purposes,
  records: { contact, ticket },
  // Whoever answers such requests needs every purpose.
  roles: { desk: { purposes: ['support', 'marketing'] } },
})
// The one name that functions of the app need for what they are given.
type App = Privity<typeof policy.purposes, typeof policy.records>

const privity: App = await createPrivity({
  policy,
  store: memoryStore(),
  keys: localKeys(crypto.getRandomValues(new Uint8Array(32))),
})
const desk: Actor = { id: 'desk:ida', roles: ['desk'] }
const support = privity.accessor({ purpose: 'support', actor: desk })
const { id } = await privity.subjects.register()
await support.contact.create(id, { email: 'anna@example.com' })
await support.ticket.create(id, { text: 'Where is my order?' })

const told = await gather(privity, id)
console.log(JSON.stringify(told.data))
// prints: [{"purpose":"support","record":"contact","data":{"email":"anna@example.com"}},
// prints: {"purpose":"support","record":"ticket","data":{"text":"Where is my order?"}}]
console.log(JSON.stringify(told.refused))
// prints: [{"purpose":"marketing","record":"contact","reasons":["not_asked"]}]
console.log(told.accesses.length > 0)
// prints: true
await privity.close()

async function gather(app: App, subjectId: SubjectId) {
  const data: { purpose: string; record: string; data: object }[] = []
  const refused: { purpose: string; record: string; reasons: readonly string[] }[] = []
  // A purpose without a live basis reads nothing, and a person may lack a record: neither ends the answer.
  const answered = async (purpose: string, record: string, read: () => Promise<void>) => {
    try {
      await read()
    } catch (error) {
      if (isPrivityError(error, 'not_permitted'))
        refused.push({ purpose, record, reasons: error.details.reasons })
      else if (!isPrivityError(error, 'not_found')) throw error
    }
  }
  for (const purpose of ['support', 'marketing'] as const) {
    const accessor = app.accessor({ purpose, actor: desk })
    await answered(purpose, 'contact', async () => {
      const view = await accessor.contact.read(subjectId)
      data.push({ purpose, record: 'contact', data: view })
    })
  }
  // Marketing sees no field of a ticket, and the types say so: only support is asked for them.
  for await (const { view } of support.ticket.list({ subjectId }))
    data.push({ purpose: 'support', record: 'ticket', data: view })
  const decisions: HistoryEntry[] = []
  for await (const decision of app.consent.history(subjectId)) decisions.push(decision)
  const accesses: AccessRecord[] = []
  for await (const access of app.audit.query({ subjectId })) accesses.push(access)
  return { data, refused, decisions, accesses }
}
