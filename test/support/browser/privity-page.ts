// A page with an app: Privity over IndexedDB, driven from outside.
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  isPrivityError,
  localKeys,
} from 'privity'
import { idbStore } from 'privity/idb'
import { verifyCertificate, verifyReceipt } from 'privity/verify'

declare global {
  /** What the page exposes to tests. */
  var privityPage: PrivityPage
}

/** A database, and the secret of the app that has it. */
export interface App {
  readonly name: string
  readonly secret: readonly number[]
}

/** What tests call. */
export interface PrivityPage {
  /** One person from registration to erasure, in one opening; gives the id. */
  live(app: App): Promise<string>
  /** What a later opening finds of an erased person. */
  remember(app: App, id: string): Promise<string>
  /** People who are registered, written and asked at the same time, as many group commits as come. */
  crowd(app: App, count: number): Promise<readonly string[]>
  /** Reads them all, and verifies everything; gives the names that were seen. */
  seen(app: App, ids: readonly string[]): Promise<readonly string[]>
}

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
const agent = { id: 'staff:ida', roles: ['agent'] }
const marketer = { id: 'staff:max', roles: ['marketer'] }
const texts = { en: 'We send you offers by e-mail, if you agree.' }

globalThis.privityPage = { live, remember, crowd, seen }

async function open({ name, secret }: App) {
  const keys = localKeys(Uint8Array.from(secret))
  const privity = await createPrivity({ policy, store: idbStore(name), keys })
  const support = privity.accessor({ purpose: 'support', actor: agent })
  const marketing = privity.accessor({ purpose: 'marketing', actor: marketer })
  const notice = await privity.notices.publish({ id: 'privacy', version: '1', texts })
  const decision = { purposes: ['marketing'], notice, method: { channel: 'paper' } } as const
  return { privity, support, marketing, decision }
}

async function live(app: App): Promise<string> {
  const { privity, support, marketing, decision } = await open(app)
  const { id } = await privity.subjects.register({ jurisdiction: 'NL' })
  await support.contact.create(id, { name: 'Anna', address: 'Keizersgracht 1' })
  expectSame(await refusal(marketing.contact.read(id)), 'not_permitted')
  const { receipt } = await privity.consent.give(id, decision)
  expectSame(JSON.stringify(await marketing.contact.read(id)), '{"name":"Anna"}')
  await privity.consent.withdraw(id, { purposes: ['marketing'] })
  expectSame(await refusal(marketing.contact.read(id)), 'not_permitted')
  const certificate = await privity.erasure.erase(id, { reason: 'subject_request' })
  expectSame(await refusal(support.contact.read(id)), 'erased')
  const trust = { jwks: privity.ledger.publicKeys.jwks }
  expectSame((await verifyReceipt(receipt, trust)).ok, true)
  expectSame((await verifyCertificate(certificate, trust)).ok, true)
  expectSame((await privity.ledger.verify({ deep: true })).ok, true)
  await privity.close()
  return id
}

async function remember(app: App, id: string): Promise<string> {
  const { privity, support } = await open(app)
  const code = await refusal(support.contact.read(id))
  expectSame((await privity.ledger.verify({ deep: true })).ok, true)
  await privity.close()
  return code
}

async function crowd(app: App, count: number): Promise<readonly string[]> {
  const { privity, support, decision } = await open(app)
  const people = Array.from({ length: count }, async (_, at) => {
    const { id } = await privity.subjects.register({ jurisdiction: 'NL' })
    await support.contact.create(id, { name: `Person ${at}`, address: 'Keizersgracht 1' })
    await privity.consent.give(id, decision)
    return id
  })
  const ids = await Promise.all(people)
  await privity.close()
  return ids
}

async function seen(app: App, ids: readonly string[]): Promise<readonly string[]> {
  const { privity, marketing } = await open(app)
  const views = await Promise.all(ids.map((id) => marketing.contact.read(id)))
  expectSame((await privity.ledger.verify({ deep: true })).ok, true)
  await privity.close()
  return views.map(({ name }) => String(name))
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (isPrivityError(error)) return error.code
    throw error
  }
  return 'nothing was refused'
}

function expectSame(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new TypeError(`${String(actual)} instead of ${String(expected)}`)
}
