// Runs in a page: what a purpose read costs over what an app without Privity does in IndexedDB.
import { Dexie, type EntityTable } from 'dexie'
import { type IDBPDatabase, openDB } from 'idb'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type KeyProvider,
  localKeys,
  type Store,
} from 'privity'
import { idbStore } from 'privity/idb'
import { memoryStore } from 'privity/memory'
import { type Candidate, compare, toLines } from './bench.ts'
import { type Contact, contactOf } from './people.ts'

declare global {
  /** Gives the lines of a table. */
  var browserBench: (rounds: number) => Promise<readonly string[]>
}

const PEOPLE = 1_000
const READS = 64
const IN_FLIGHT = 64
/** Of a sealed record of this contact, about. */
const BYTES = 900

const PLAIN = 'idb: get of the plaintext object'
const PLAIN_IN_FLIGHT = `${PLAIN}, 64 in flight`
const BUFFER = 'idb: get of a buffer'

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  delivery: { basis: 'contract', description: 'Deliver what you ordered' },
  marketing: { basis: 'consent', description: 'Send you offers' },
})
const both = { purposes: ['support', 'delivery', 'marketing'] } as const
const one = { purposes: ['support'] } as const
const contact = defineRecord(purposes, ({ field }) => ({
  firstName: field(z.string().min(1), both),
  lastName: field(z.string().min(1), both),
  email: field(z.email(), both),
  language: field(z.string(), both),
  city: field(z.string(), both),
  phone: field(z.string(), one),
  company: field(z.string(), one),
  street: field(z.string(), one),
  postalCode: field(z.string(), one),
  country: field(z.string().length(2), one),
  birthDate: field(z.iso.date(), one),
  note: field(z.string(), one),
}))
const policy = definePolicy({
  controller: { id: 'bench', name: 'Bench', contact: 'privacy@acme.example', country: 'NL' },
  purposes,
  records: { contact },
  roles: { agent: { purposes: ['support', 'delivery', 'marketing'] } },
})
const actor = { id: 'staff:ida', roles: ['agent'] }

globalThis.browserBench = async (rounds) => {
  const candidates = [...(await plainCandidates()), ...(await privityCandidates())]
  return toLines(await compare({ candidates, close: async () => undefined }, rounds))
}

async function plainCandidates(): Promise<readonly Candidate[]> {
  const keys = Array.from({ length: PEOPLE }, (_, at) => `k/${String(at).padStart(6, '0')}`)
  const plain = await openPlain(keys)
  const dexie = await openDexie(keys)
  const store = idbStore('bench-store')
  await store.open()
  const put = keys.map((key) => [key, crypto.getRandomValues(new Uint8Array(BYTES))] as const)
  await store.commit({ checks: [], put, del: [] })
  return [
    reading(PLAIN, (at) => plain.get('objects', keyAt(keys, at))),
    {
      ...reading('Dexie: get of the plaintext object', (at) => dexie.get(keyAt(keys, at))),
      floor: PLAIN,
    },
    reading(BUFFER, (at) => plain.get('buffers', keyAt(keys, at))),
    {
      ...reading('idbStore: read of one row', (at) => store.read([keyAt(keys, at)])),
      floor: BUFFER,
    },
    {
      ...reading('idbStore: read of three rows', (at) =>
        store.read([at, at + 300, at + 600].map((other) => keyAt(keys, other))),
      ),
      floor: BUFFER,
    },
    {
      ...inFlight('idbStore: read of one row, 64 in flight', (at) => store.read([keyAt(keys, at)])),
      floor: PLAIN_IN_FLIGHT,
    },
    inFlight(PLAIN_IN_FLIGHT, (at) => plain.get('objects', keyAt(keys, at))),
  ]
}

async function privityCandidates(): Promise<readonly Candidate[]> {
  const app = await openApp(idbStore('bench-privity'))
  const strict = await openApp(idbStore('bench-privity'), app)
  const memory = await openApp(memoryStore())
  // The audit is deferred unless it says otherwise.
  const candidates: readonly Candidate[] = [
    reading('purpose read, one class, contract', app.readOne),
    reading('purpose read, one class, consent', app.readAsked),
    reading('purpose read, both classes, contract', app.readBoth),
    reading('over memory: one class, contract', memory.readOne),
    reading('over memory: one class, consent', memory.readAsked),
    reading('over memory: both classes, contract', memory.readBoth),
    reading('one class, contract, audit strict', strict.readOne, 32),
    inFlight('one class, contract, audit strict, 64 in flight', strict.readOne),
  ]
  return [
    ...candidates.map((candidate) => ({ ...candidate, floor: PLAIN })),
    {
      ...inFlight('one class, contract, 64 in flight', app.readOne),
      floor: PLAIN_IN_FLIGHT,
    },
  ]
}

interface App {
  readonly keys: KeyProvider
  readonly ids: readonly string[]
  /** Opens one of two classes: five fields. One row of the store decides and holds them. */
  readOne(at: number): Promise<object>
  /** The same on consent: a second row says which notices are in force. */
  readAsked(at: number): Promise<object>
  /** Opens both: twelve. */
  readBoth(at: number): Promise<object>
}

/** With people of its own and a deferred audit, or, strict, with those of another app. */
async function openApp(store: Store, like?: App): Promise<App> {
  const keys = like?.keys ?? localKeys(crypto.getRandomValues(new Uint8Array(32)))
  const audit = like === undefined ? 'deferred' : 'strict'
  const privity = await createPrivity({ policy, store, keys, audit })
  const support = privity.accessor({ purpose: 'support', actor })
  const delivery = privity.accessor({ purpose: 'delivery', actor })
  const marketing = privity.accessor({ purpose: 'marketing', actor })
  const notice = await privity.notices.publish({ id: 'n', version: '1', texts: { en: 'May we?' } })
  const decision = { purposes: ['marketing'], notice, method: { channel: 'paper' } } as const
  async function register(at: number): Promise<string> {
    const { id } = await privity.subjects.register()
    await support.contact.create(id, contactOf(at))
    await privity.consent.give(id, decision)
    return id
  }
  const numbers = Array.from({ length: PEOPLE }, (_, at) => at)
  const ids = like?.ids ?? (await Promise.all(numbers.map(register)))
  return {
    keys,
    ids,
    readOne: (at) => delivery.contact.read(keyAt(ids, at)),
    readAsked: (at) => marketing.contact.read(keyAt(ids, at)),
    readBoth: (at) => support.contact.read(keyAt(ids, at)),
  }
}

async function openPlain(keys: readonly string[]): Promise<IDBPDatabase> {
  const database = await openDB('bench-plain', 1, {
    upgrade: (made) => {
      for (const name of ['objects', 'buffers']) made.createObjectStore(name)
    },
  })
  const transaction = database.transaction(['objects', 'buffers'], 'readwrite')
  const [objects, buffers] = [
    transaction.objectStore('objects'),
    transaction.objectStore('buffers'),
  ]
  for (const [at, key] of keys.entries()) {
    objects.put(contactOf(at), key)
    buffers.put(crypto.getRandomValues(new Uint8Array(BYTES)).buffer, key)
  }
  await transaction.done
  return database
}

async function openDexie(
  keys: readonly string[],
): Promise<EntityTable<Contact & { id: string }, 'id'>> {
  const dexie = new Dexie('bench-dexie') as Dexie & {
    contacts: EntityTable<Contact & { id: string }, 'id'>
  }
  dexie.version(1).stores({ contacts: 'id' })
  await dexie.contacts.bulkPut(keys.map((id, at) => ({ ...contactOf(at), id })))
  return dexie.contacts
}

/** One after the other, in an order that is not that of the keys. */
function reading(name: string, read: (at: number) => Promise<unknown>, ops = READS): Candidate {
  return {
    name,
    ops,
    run: async () => {
      for (let at = 0; at < ops; at += 1) await read(at * 7)
    },
  }
}

function inFlight(name: string, read: (at: number) => Promise<unknown>): Candidate {
  return {
    name,
    ops: READS,
    run: async () => {
      for (let from = 0; from < READS; from += IN_FLIGHT) {
        await Promise.all(Array.from({ length: IN_FLIGHT }, (_, at) => read((from + at) * 7)))
      }
    },
  }
}

function keyAt(keys: readonly string[], at: number): string {
  return keys[at % keys.length] ?? ''
}
