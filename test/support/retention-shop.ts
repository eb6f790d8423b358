import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type ErasureHook,
  type KeyProvider,
  localKeys,
  type Privity,
  type Purposes,
  statutory,
  type Store,
  type SubjectId,
} from 'privity'
import { controller, type FakeClock, fakeClock, SECRET } from './acme.ts'
import { keyStoreOf } from './stores.ts'

const START = Date.UTC(2026, 0, 15)
const ACTOR = { id: 'staff:ida', roles: ['agent'] } as const
export const MARK: string = 'Q7-marked-'

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  accounting: { basis: 'legal_obligation', description: 'Keep the books' },
  news: {
    basis: 'consent',
    description: 'Send you news',
    validFor: { years: 2 },
    erasureGrace: { days: 14 },
  },
  profile: { basis: 'legitimate_interests', description: 'Know what you like' },
})
const contact = defineRecord(purposes, ({ field }) => ({
  name: field(z.string(), { purposes: ['support', 'news'] }),
  topics: field(z.string().exactOptional(), { purposes: ['news'] }),
  taste: field(z.string().exactOptional(), { purposes: ['news', 'profile'] }),
  born: field(z.string().exactOptional(), {
    purposes: ['support'],
    retention: { keep: { days: 30 }, from: 'updated' },
    atEnd: { anonymise: (plain) => plain.slice(0, 4) },
  }),
}))
const invoice = defineRecord(
  purposes,
  ({ field }) => ({
    amount: field(z.int(), { purposes: ['accounting'] }),
    street: field(z.string(), { purposes: ['accounting'] }),
  }),
  { many: true, floor: statutory('NL.tax', { from: 'created' }) },
)
const ticket = defineRecord(
  purposes,
  ({ field }) => ({ text: field(z.string(), { purposes: ['support'] }) }),
  { many: true, retention: { keep: { days: 90 }, from: 'created' } },
)
const policy = definePolicy({
  controller,
  purposes,
  records: { contact, invoice, ticket },
  roles: { agent: { purposes: ['support', 'accounting', 'news', 'profile'] } },
})

type ShopPurpose = 'support' | 'accounting' | 'news' | 'profile'

interface ShopContact {
  readonly name?: string
  readonly topics?: string
  readonly taste?: string
  readonly born?: string
}

interface ShopMany<V> {
  create(id: SubjectId, value: V): Promise<{ readonly recordId: string }>
  read(id: SubjectId, recordId: string): Promise<V>
  remove(id: SubjectId, recordId: string): Promise<void>
  list(options?: { readonly subjectId: SubjectId }): AsyncIterable<{ readonly recordId: string }>
}

/** What the shop keeps, as far as the tests look at it. */
export interface ShopRecords {
  readonly contact: {
    create(id: SubjectId, value: ShopContact): Promise<void>
    read(id: SubjectId): Promise<ShopContact>
    select(id: SubjectId, keys: readonly (keyof ShopContact)[]): Promise<ShopContact>
    update(
      id: SubjectId,
      changes: ShopContact,
      options?: { readonly unset: readonly (keyof ShopContact)[] },
    ): Promise<void>
  }
  readonly invoice: ShopMany<{ readonly amount: number; readonly street: string }>
  readonly ticket: ShopMany<{ readonly text: string }>
}

/** The shop as one process has it open. */
export interface Shop {
  readonly privity: Omit<Privity<Purposes, unknown>, 'policy' | 'accessor'>
  readonly clock: FakeClock
  as(purpose: ShopPurpose): ShopRecords
}

/** And its customer, who gave consent to news. */
export interface OpenShop extends Shop {
  readonly id: SubjectId
  /** Once more. */
  give(): Promise<unknown>
}

interface ShopOptions {
  readonly clock?: FakeClock
  readonly keys?: KeyProvider
  readonly hooks?: readonly ErasureHook[]
  readonly journal?: Store
  readonly suppression?: 'off'
}

/** The shop, as another process opens it. */
export async function reopenShop(store: Store, options: ShopOptions = {}): Promise<Shop> {
  const { clock = fakeClock(START), keys = localKeys(SECRET), hooks = [], journal } = options
  const keyStore = keyStoreOf(store)
  const privity = await createPrivity({
    policy,
    store,
    keys,
    clock,
    hooks,
    ...(keyStore === undefined ? {} : { keyStore }),
    ...(journal === undefined ? {} : { journal }),
    ...(options.suppression === undefined ? {} : { suppression: options.suppression }),
  })
  return {
    privity: privity as never,
    clock,
    // The types of the accessors are not what is tested here.
    as: (purpose) => privity.accessor({ purpose, actor: ACTOR }) as never,
  }
}

/** A shop in which something of everything ends, with one customer. */
export async function openShop(store: Store, options: ShopOptions = {}): Promise<OpenShop> {
  const { privity, clock, as } = await reopenShop(store, options)
  const { id } = await privity.subjects.register({ externalId: 'customer 17' })
  const notice = await privity.notices.publish({ id: 'privacy', version: '1', texts: { en: 'w' } })
  const give = (): Promise<unknown> =>
    privity.consent.give(id, { purposes: ['news'], notice, method: { channel: 'paper' } })
  await give()
  await as('support').contact.create(id, { name: `${MARK}Anna`, born: '1990-05-17' })
  await as('news').contact.update(id, { topics: `${MARK}boats`, taste: `${MARK}red` })
  return { privity, clock, id, as, give }
}
