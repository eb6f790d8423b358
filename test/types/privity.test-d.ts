import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  localKeys,
  type Policy,
  type Store,
  type SubjectId,
  type AllowedKeys,
  type View,
} from 'privity'
import { test } from 'vitest'

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function holds<_ extends true>(): void

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions and handle your orders' },
  marketing: {
    basis: 'consent',
    description: 'Send you offers by e-mail',
    dpv: 'dpv:DirectMarketing',
    validFor: { months: 24 },
  },
  care: { basis: 'consent', description: 'Mind your allergies', explicit: true },
  analytics: { basis: 'legitimate_interests', description: 'Count things' },
})
const contact = defineRecord(purposes, ({ field }) => ({
  name: field(z.string().min(1), { purposes: ['support', 'marketing'] }),
  email: field(z.email(), { purposes: ['support', 'marketing'], lookup: 'email' }),
  address: field(z.string(), { purposes: ['support'] }),
  birthDate: field(z.iso.date(), {
    purposes: ['support', 'analytics'],
    views: { analytics: (v) => Number(v.slice(0, 4)) },
  }),
  phone: field(z.string().exactOptional(), { purposes: ['support'] }),
  language: field(z.string().default('en'), { purposes: ['support'] }),
  allergies: field(z.string().exactOptional(), { purposes: ['care'], special: 'health' }),
}))
const ticket = defineRecord(
  purposes,
  ({ field }) => ({ text: field(z.string(), { purposes: ['support'] }) }),
  { many: true },
)
const policy = definePolicy({
  controller: { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' },
  purposes,
  records: { contact, ticket },
  roles: { agent: { purposes: ['support'] }, marketer: { purposes: ['marketing'] } },
})
declare const store: Store
declare const secret: Uint8Array

async function story() {
  const privity = await createPrivity({ policy, store, keys: localKeys(secret) })
  await createPrivity({
    policy,
    store,
    // @ts-expect-error a misspelt option is reported where it stands, and not at the policy
    key: localKeys(secret),
  })
  const again: Policy<typeof purposes, { contact: typeof contact; ticket: typeof ticket }> =
    privity.policy
  definePolicy({ ...again, version: 'of the same roles' })
  const anna = await privity.subjects.register({ jurisdiction: 'NL' })
  const notice = await privity.notices.publish({
    id: 'privacy',
    version: '2026-11',
    texts: { en: 'words' },
  })
  const support = privity.accessor({
    purpose: 'support',
    actor: { id: 'staff:ida', roles: ['agent'] },
  })
  await support.contact.create(anna.id, {
    name: 'Anna',
    email: 'anna@example.com',
    address: 'Keizersgracht 1',
    birthDate: '1990-01-01',
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
  holds<Equal<typeof view, { readonly name: string; readonly email: string }>>()
  // @ts-expect-error address is not declared for marketing
  void view.address
  const full = await support.contact.read(anna.id)
  holds<Equal<(typeof full)['phone'], string | undefined>>()
  holds<Equal<(typeof full)['language'], string>>()
  await support.contact.update(anna.id, { name: 'B' }, { unset: ['phone'], operationId: 'op-1' })
  // @ts-expect-error a required field cannot be unset
  await support.contact.update(anna.id, {}, { unset: ['name'] })
  // @ts-expect-error marketing does not cover every required field, so it cannot create
  await marketing.contact.create(anna.id, { name: 'x', email: 'a@b.c' })
  // @ts-expect-error marketing sees no field of a ticket
  marketing.ticket.list()
  // @ts-expect-error views are read-only
  full.name = 'x'
  const counted = await privity
    .accessor({ purpose: 'analytics', actor: { id: 'job', roles: [] } })
    .contact.read(anna.id)
  holds<Equal<typeof counted, { readonly birthDate: number }>>()
  const some = await support.contact.select(anna.id, ['name', 'address'])
  holds<Equal<typeof some, { readonly name: string; readonly address: string }>>()
  // @ts-expect-error birthDate is not declared for marketing
  await marketing.contact.select(anna.id, ['birthDate'])
  for await (const hit of support.contact.find({ email: 'anna@example.com' })) void hit.view.address
  // @ts-expect-error address has no lookup
  support.contact.find({ address: 'x' })
  // @ts-expect-error unknown purpose
  privity.accessor({ purpose: 'profiling', actor: { id: 'a', roles: [] } })
  // @ts-expect-error a purpose that is only known as string
  privity.accessor({ purpose: 'support' as string, actor: { id: 'a', roles: [] } })
  // @ts-expect-error missing required field
  await support.contact.create(anna.id, { name: 'Anna' })
  await support.contact.create(anna.id, {
    name: 'Anna',
    email: 'a@b.c',
    address: 'x',
    birthDate: '1990-01-01',
    // @ts-expect-error undeclared key
    shoeSize: 44,
  })
  // @ts-expect-error marketing may not write an address
  await marketing.contact.update(anna.id, { address: 'x' })
  const { recordId } = await support.ticket.create(anna.id, { text: 'hello' })
  void (await support.ticket.read(anna.id, recordId)).text
  for await (const found of support.ticket.list({ subjectId: anna.id, limit: 10 }))
    void found.cursor
  // @ts-expect-error unknown purpose in consent
  await privity.consent.withdraw(anna.id, { purposes: ['profiling'] })
  const dynamic = secret.length > 0 ? ('support' as const) : ('marketing' as const)
  const both = await privity
    .accessor({ purpose: dynamic, actor: { id: 'a', roles: [] } })
    .contact.read(anna.id)
  holds<Equal<keyof typeof both, 'name' | 'email'>>()
  const certificate = await privity.erasure.erase(anna.id, { reason: 'subject_request' })
  return [receipt, certificate]
}
// @ts-expect-error unknown purpose in a field
defineRecord(purposes, ({ field }) => ({ x: field(z.string(), { purposes: ['suport'] }) }))
// @ts-expect-error a field without a purpose
defineRecord(purposes, ({ field }) => ({ x: field(z.string(), { purposes: [] }) }))
defineRecord(purposes, ({ field }) => ({
  // @ts-expect-error a view for a purpose that does not exist
  x: field(z.string(), { purposes: ['support'], views: { billing: (v: string) => v } }),
}))
definePolicy({
  controller: { id: 'a', name: 'A', contact: 'a', country: 'NL' },
  purposes,
  records: { contact },
  // @ts-expect-error unknown purpose in a role
  roles: { agent: { purposes: ['suport'] } },
})
type F = typeof contact.fields
holds<Equal<AllowedKeys<F, string>, never>>()
holds<Equal<AllowedKeys<F, never>, never>>()
holds<
  Equal<keyof View<F, 'support'>, 'name' | 'email' | 'address' | 'birthDate' | 'phone' | 'language'>
>()
holds<Equal<SubjectId, string & { readonly __brand?: 'SubjectId' }>>()

test('the call sites of an app compile, and what must not compile does not', () => void story)
