import { type MemoryData, memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { PrivityError } from '../../src/base/errors.ts'
import type { ErasureHook } from '../../src/erasure/hook.ts'
import type { Store } from '../../src/storage/store.ts'
import {
  type Acme,
  accessorsOf,
  ANNA,
  collect,
  eagerClock,
  giveOnWeb,
  onPaper,
  openAcme,
  publishNotice,
  refusal,
} from './acme.ts'
import { hookedStore } from './hooked-store.ts'

/** A store that two instances wrote, and every value that any of its rows ever had. */
export interface BusyStore {
  readonly data: MemoryData
  readonly older: ReadonlyMap<string, readonly Uint8Array[]>
  readonly people: readonly string[]
}

/** How much there is. */
export interface BusyOptions {
  readonly people: number
  /** Of every person. Default: 2. */
  readonly tickets?: number
  /** Also somebody whose rows are destroyed in part: some 500 entries. Default: not. */
  readonly torn?: boolean
}

/** Needs plaintext and never gets on: whom it is asked about stays fenced. */
const STUCK: ErasureHook = {
  id: 'stuck',
  needsPlaintext: true,
  plan: async () => [{ id: 'all', description: 'rows', count: 1 }],
  execute: async () => ({ blocked: 'always' }),
  verify: async () => 'unknown',
}
/** One batch of an erasure takes 400 rows. */
const MANY = 130

/** Opens another instance over the rows of a store. */
export function openOver(data: MemoryData, hooks: readonly ErasureHook[] = []): Promise<Acme> {
  return openAcme(memoryStore({ share: data }), { clock: eagerClock(), hooks })
}

/**
 * People with single and many records, lookups, notices, consents and accesses by two writers; a fifth of
 * them erased, one more fenced only.
 */
export async function busyStore({
  people,
  tickets = 2,
  torn = false,
}: BusyOptions): Promise<BusyStore> {
  const data = memoryData()
  const older = new Map<string, Uint8Array[]>()
  const open = (hooks: readonly ErasureHook[] = []): Promise<Acme> =>
    openAcme(recording(memoryStore({ share: data }), older), { clock: eagerClock(), hooks })
  const [one, other] = [await open(), await open([STUCK])]
  const notice = await publishNotice(one)
  const ids: string[] = []
  for (let at = 0; at < people; at += 1) {
    const acme = at % 2 === 0 ? one : other
    ids.push(await addPerson(acme, { at, tickets, notice }))
  }
  for (let at = 4; at < people; at += 5)
    await one.erasure.erase(ids[at] as never, { reason: 'subject_request' })
  const fenced = await addPerson(one, { at: people, tickets, notice })
  await refusal(other.erasure.erase(fenced as never, { reason: 'subject_request' }))
  if (torn)
    await eraseHalf(data, older, await addPerson(one, { at: people + 1, tickets: MANY, notice }))
  await one.close()
  await other.close()
  return { data, older, people: ids }
}

interface NewPerson {
  readonly at: number
  readonly tickets: number
  readonly notice: Awaited<ReturnType<typeof publishNotice>>
}

async function addPerson(acme: Acme, { at, tickets, notice }: NewPerson): Promise<string> {
  const { support, marketing } = accessorsOf(acme)
  const externalId = `customer-${at}`
  const { id } = await acme.subjects.register(
    at % 3 === 0 ? {} : { externalId, jurisdiction: 'NL' },
  )
  const phone = at % 2 === 0 ? {} : { phone: '+31612345678' }
  await support.contact.create(id, { ...ANNA, email: `p${at % 7}@example.com`, ...phone })
  if (at % 2 === 0) await giveOnWeb(acme, id, ['marketing'])
  else await acme.consent.give(id, onPaper(notice, ['marketing']))
  const made: string[] = []
  for (let ticket = 0; ticket < tickets; ticket += 1)
    made.push((await support.ticket.create(id, ticketOf(ticket))).recordId)
  await support.contact.update(id, { email: `q${at % 5}@example.com`, address: `Street ${at}` })
  const [first, second] = made
  if (first !== undefined) await support.ticket.update(id, first, { channel: 'phone' })
  if (second !== undefined && at % 2 === 0) await support.ticket.remove(id, second)
  await marketing.contact.read(id)
  await collect(support.contact.find({ email: `q${at % 5}@example.com` }))
  if (at % 4 === 1) await acme.consent.withdraw(id, { purposes: ['marketing'] })
  return id
}

function ticketOf(at: number): { readonly text: string; readonly channel: string } {
  return { text: `text ${at}`, channel: `channel ${at % 3}` }
}

/** The second batch of the destruction never arrives. */
async function eraseHalf(
  data: MemoryData,
  older: Map<string, Uint8Array[]>,
  id: string,
): Promise<void> {
  let batches = 0
  const inner = recording(memoryStore({ share: data }), older)
  const store = hookedStore(inner, {
    commit: async (batch, next) => {
      if (batch.del.length > 0) batches += 1
      if (batches < 3) return next()
      throw new PrivityError('store_unavailable', { reason: 'read_only' })
    },
  })
  const acme = await openAcme(store, { clock: eagerClock() })
  await refusal(acme.erasure.erase(id as never, { reason: 'subject_request' }))
}

/** Keeps every value that is ever put. */
function recording(store: Store, older: Map<string, Uint8Array[]>): Store {
  return {
    ...store,
    commit: async (batch) => {
      await store.commit(batch)
      for (const [key, value] of batch.put) {
        const known = older.get(key) ?? []
        known.push(value.slice())
        older.set(key, known)
      }
    },
  }
}
