import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import * as z from 'zod'
import Database from 'better-sqlite3'
import {
  type Batch,
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  localKeys,
  type Store,
} from 'privity'
import { sqliteStore } from 'privity/sqlite'
import { type Contact, contactOf } from './people.ts'
import type { Synchronous } from './raw.ts'

/** An app over Privity with one contact per person: twelve fields in two access classes. */
export interface App {
  /** Registers people, in one group commit. */
  register(count: number): Promise<readonly string[]>
  create(id: string, contact: Contact): Promise<void>
  /** Opens one of the two classes: five fields. */
  readOne(id: string): Promise<object>
  /** Opens both: twelve fields. */
  readBoth(id: string): Promise<object>
  find(email: string): Promise<number>
  list(limit: number): Promise<number>
  may(id: string): Promise<boolean>
  give(id: string): Promise<void>
  refuse(id: string): Promise<void>
  /** Resolves to the certificate. */
  erase(id: string): Promise<string>
  /** Batches that were committed since they were last asked for. */
  takeBatches(): readonly Batch[]
  close(): Promise<void>
}

export interface AppOptions {
  readonly audit?: 'strict' | 'deferred'
  /** What an erasure does with the file. Default: nothing, the store is told to have no scrub. */
  readonly scrub?: 'rewrite' | 'checkpoint'
  /** Default: `full`, as a store makes it by itself. */
  readonly synchronous?: Synchronous
  /** Another app over the same file. */
  readonly like?: OpenApp
}

export interface OpenApp extends App {
  readonly database: Database.Database
  readonly secret: Uint8Array
}

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  marketing: { basis: 'consent', description: 'Send you offers' },
})
const contact = defineRecord(purposes, ({ field }) => ({
  firstName: field(z.string().min(1), { purposes: ['support', 'marketing'] }),
  lastName: field(z.string().min(1), { purposes: ['support', 'marketing'] }),
  email: field(z.email(), { purposes: ['support', 'marketing'], lookup: 'email' }),
  language: field(z.string(), { purposes: ['support', 'marketing'] }),
  city: field(z.string(), { purposes: ['support', 'marketing'] }),
  phone: field(z.string(), { purposes: ['support'], lookup: 'phone-e164' }),
  company: field(z.string(), { purposes: ['support'] }),
  street: field(z.string(), { purposes: ['support'] }),
  postalCode: field(z.string(), { purposes: ['support'] }),
  country: field(z.string().length(2), { purposes: ['support'] }),
  birthDate: field(z.iso.date(), { purposes: ['support'] }),
  note: field(z.string(), { purposes: ['support'] }),
}))
const policy = definePolicy({
  controller: { id: 'bench', name: 'Bench', contact: 'privacy@acme.example', country: 'NL' },
  purposes,
  records: { contact },
  roles: { agent: { purposes: ['support', 'marketing'] } },
})
const actor = { id: 'staff:ida', roles: ['agent'] }

/** Opens a database in a file, as durable as a store makes it by default. */
export async function openApp(folder: string, options: AppOptions = {}): Promise<OpenApp> {
  const { like, audit = 'deferred', scrub, synchronous = 'full' } = options
  const database =
    like?.database ?? new Database(join(folder, `${randomBytes(4).toString('hex')}.db`))
  const secret = like?.secret ?? new Uint8Array(randomBytes(32))
  const cleaning = scrub === undefined ? {} : { scrub }
  const sqlite = sqliteStore(database, { synchronous, ...cleaning })
  const store = scrub === undefined ? withoutScrub(sqlite) : sqlite
  return { ...(await openAppOn(store, { audit, secret })), database, secret }
}

/** The same app on any store. */
export async function openAppOn(
  inner: Store,
  { audit, secret }: { readonly audit: 'strict' | 'deferred'; readonly secret: Uint8Array },
): Promise<App> {
  const { store, take } = recording(inner)
  const privity = await createPrivity({ policy, store, keys: localKeys(secret), audit })
  const support = privity.accessor({ purpose: 'support', actor })
  const marketing = privity.accessor({ purpose: 'marketing', actor })
  const notice = await privity.notices.publish({
    id: 'offers',
    version: '1',
    texts: { en: 'May we?' },
  })
  const decision = { purposes: ['marketing'], notice, method: { channel: 'paper' } } as const
  return {
    register: async (count) => {
      const people = Array.from({ length: count }, () => privity.subjects.register())
      return (await Promise.all(people)).map(({ id }) => id)
    },
    create: (id, value) => support.contact.create(id, value),
    readOne: (id) => marketing.contact.read(id),
    readBoth: (id) => support.contact.read(id),
    find: (email) => countItems(marketing.contact.find({ email })),
    list: (limit) => countItems(marketing.contact.list({ limit })),
    may: async (id) => (await privity.may({ subjectId: id, purpose: 'marketing', actor })).allowed,
    give: async (id) => {
      await privity.consent.give(id, decision)
    },
    refuse: (id) => privity.consent.refuse(id, decision),
    erase: (id) => privity.erasure.erase(id, { reason: 'subject_request' }),
    takeBatches: take,
    close: () => privity.close(),
  }
}

/** People with a contact and consent to marketing. */
export async function fill(app: App, count: number): Promise<readonly string[]> {
  const ids = await app.register(count)
  await Promise.all(ids.map((id, at) => app.create(id, contactOf(at))))
  await Promise.all(ids.map((id) => app.give(id)))
  return ids
}

/** The schema of the same contact, for those who do without Privity. */
export const contactSchema: z.ZodType<Contact> = z.object(
  Object.fromEntries(Object.entries(contact.fields).map(([name, { schema }]) => [name, schema])),
) as unknown as z.ZodType<Contact>

function withoutScrub({ scrub: _, ...store }: Store): Store {
  return store
}

function recording(store: Store): { readonly store: Store; readonly take: () => readonly Batch[] } {
  let batches: Batch[] = []
  return {
    store: {
      ...store,
      commit: (batch) => {
        batches.push(batch)
        return store.commit(batch)
      },
    },
    take: () => {
      const taken = batches
      batches = []
      return taken
    },
  }
}

async function countItems(items: AsyncIterable<unknown>): Promise<number> {
  let count = 0
  for await (const _ of items) count += 1
  return count
}
