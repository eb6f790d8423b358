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
  statutory,
} from 'privity'
import { memoryStore } from 'privity/memory'
import { sealFor } from 'privity/seal'
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
const controller = {
  id: 'acme',
  name: 'Acme',
  contact: 'privacy@acme.example',
  country: 'NL',
}
const policy = definePolicy({
  controller,
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

  await sealedOnTheWay(privity, id)

  const certificate = await privity.erasure.erase(id, { reason: 'subject_request' })
  await refusal(support.contact.read(id), 'erased')

  const trust = { jwks: privity.ledger.publicKeys.jwks }
  check((await verifyReceipt(receipt, trust)).ok, 'the receipt verifies')
  check((await verifyCertificate(certificate, trust)).ok, 'the certificate verifies')
  check(!(await verifyReceipt(altered(receipt), trust)).ok, 'an altered receipt does not')
  check((await privity.ledger.verify()).ok, 'the log verifies')
  await privity.close()
  await keptForYears(secret)
  return checks
}

/** What needs the time zones of the platform. */
async function keptForYears(secret) {
  const books = definePurposes({ books: { basis: 'legal_obligation', description: 'Keep books' } })
  const invoice = defineRecord(
    books,
    ({ field }) => ({ amount: field(z.int(), { purposes: ['books'] }) }),
    { floor: statutory('NL.tax', { from: 'created' }) },
  )
  const roles = { clerk: { purposes: ['books'] } }
  const shop = await createPrivity({
    policy: definePolicy({ controller, purposes: books, records: { invoice }, roles }),
    store: memoryStore(),
    keys: localKeys(secret),
    // 1 January, 00:30, in Amsterdam.
    clock: { now: () => Date.UTC(2026, 11, 31, 23, 30) },
  })
  const { id } = await shop.subjects.register()
  await shop.accessor({ purpose: 'books', actor: actor('clerk') }).invoice.create(id, { amount: 7 })
  const { items } = await shop.erasure.plan(id, { reason: 'subject_request' })
  const ends = items.flatMap(({ until }) => until ?? [])
  check(ends.join() === '2034-12-31T23:00:00.000Z', 'a year ends when it does in Amsterdam')
  await shop.close()
}

/** What needs the streams and the elliptic curves of the platform. */
async function sealedOnTheWay(privity, id) {
  const ask = { purpose: 'support', actor: actor('agent') }
  const form = { record: 'contact', purpose: 'support', binding: 'session' }
  const fields = { name: 'Anna', address: 'Herengracht 2' }
  const sealedForm = await sealFor(await privity.forms.publicKey(), fields, form)
  const { fields: filledIn } = await privity.forms.open(sealedForm, form)
  check(filledIn.address === fields.address, 'a form comes back')
  await refusal(privity.forms.open(`${sealedForm}A`, form), 'invalid_input')

  const place = { ...ask, subjectId: id, record: 'contact', field: 'address' }
  const bytes = Uint8Array.from({ length: 200_000 }, (_, at) => at % 251)
  const { blobId, sealed } = await privity.blobs.seal(place, new Blob([bytes]).stream())
  const stored = await collect(sealed)
  const open = (blob) => privity.blobs.open({ ...place, blobId }, blob.stream()).then(collect)
  const opened = await open(new Blob([stored]))
  check(opened.length === bytes.length, 'an attachment comes back')
  check(
    opened.every((byte, at) => byte === bytes[at]),
    'an attachment is what it was',
  )
  await refusal(open(new Blob([stored.slice(0, -1)])), 'decryption_failed')

  const bank = { ...ask, recipient: 'bank' }
  const pseudonym = await privity.pseudonyms.of({ ...bank, subjectId: id })
  const traced = await privity.pseudonyms.resolve(pseudonym, bank)
  check(traced.id === id, 'a pseudonym leads back')
}

// A Response would hide why a stream failed: Chromium says that it failed to fetch.
async function collect(stream) {
  const parts = []
  const reader = stream.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return new Uint8Array(await new Blob(parts).arrayBuffer())
    parts.push(value)
  }
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
