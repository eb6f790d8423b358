/**
 * One person's story over the built package, without a test runner: whatever runtime can run this
 * file can run Privity.
 */
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
import * as sqlite from 'privity/sqlite'
import * as testkit from 'privity/testkit'
import { verifyCertificate, verifyReceipt } from 'privity/verify'

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  marketing: { basis: 'consent', description: 'Send you offers by e-mail' },
})
const contact = defineRecord(purposes, ({ field }) => ({
  name: field(z.string().min(1), { purposes: ['support', 'marketing'] }),
  address: field(z.string(), { purposes: ['support'] }),
}))
const policy = definePolicy({
  controller: { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' },
  purposes,
  records: { contact },
  roles: { agent: { purposes: ['support'] }, marketer: { purposes: ['marketing'] } },
})

let checks = 0

/** Resolves with how often something was checked; rejects at the first thing that is not so. */
export async function story() {
  for (const entry of [sqlite, testkit]) check(Object.keys(entry).length > 0, 'an entry exports')
  const secret = crypto.getRandomValues(new Uint8Array(32))
  const privity = await createPrivity({ policy, store: memoryStore(), keys: localKeys(secret) })
  const { id } = await privity.subjects.register({ jurisdiction: 'NL' })
  const support = privity.accessor({ purpose: 'support', actor: actor('agent') })
  const marketing = privity.accessor({ purpose: 'marketing', actor: actor('marketer') })

  await support.contact.create(id, { name: 'Anna', address: 'Keizersgracht 1' })
  const denied = await refusal(marketing.contact.read(id), 'not_permitted')
  check(denied.reasons.includes('not_asked'), 'nobody asked for marketing yet')

  const receipt = await consentTo(privity, id)
  const seen = await marketing.contact.read(id)
  check(JSON.stringify(seen) === '{"name":"Anna"}', 'marketing sees the name and nothing else')

  await privity.consent.withdraw(id, { purposes: ['marketing'] })
  const { reason } = await refusal(marketing.contact.read(id), 'not_permitted')
  check(reason === 'withdrawn', 'a withdrawal takes effect at once')

  const certificate = await privity.erasure.erase(id, { reason: 'subject_request' })
  await refusal(support.contact.read(id), 'erased')

  const trust = { jwks: privity.ledger.publicKeys.jwks }
  check((await verifyReceipt(receipt, trust)).ok, 'the receipt verifies')
  check((await verifyCertificate(certificate, trust)).ok, 'the certificate verifies')
  check(!(await verifyReceipt(altered(receipt), trust)).ok, 'an altered receipt does not')
  check((await privity.ledger.verify()).ok, 'the log verifies')
  await privity.close()
  return checks
}

async function consentTo(privity, id) {
  const texts = { en: 'We send you offers by e-mail, if you agree.' }
  const notice = await privity.notices.publish({ id: 'privacy', version: '1', texts })
  const { servedId } = await privity.notices.serve(notice, { subjectId: id, language: 'en' })
  const method = { channel: 'web', control: 'checkbox', servedId }
  const { receipt } = await privity.consent.give(id, { purposes: ['marketing'], notice, method })
  return receipt
}

/** The details of the error a promise must reject with. */
async function refusal(promise, code) {
  try {
    await promise
  } catch (error) {
    if (isPrivityError(error, code)) return error.details
    throw error
  }
  throw new Error(`${code} was expected`)
}

function actor(role) {
  return { id: `staff:${role}`, roles: [role] }
}

/** The token with one character of its payload replaced. */
function altered(token) {
  const at = token.indexOf('.') + 10
  return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
}

function check(holds, what) {
  checks += 1
  if (!holds) throw new Error(`not so: ${what}`)
}
