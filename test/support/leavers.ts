import type { NoticeRef } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { accessorsOf, type Acme, ANNA, eagerClock, giveOnWeb, openAcme } from './acme.ts'
import { acmeKeyspace } from './key-stores.ts'

/** Somebody who is to be erased, with a bit of everything that a person can have. */
export interface Leaver {
  readonly id: string
  readonly externalId: string
  readonly email: string
  /** Row of the app's own id. */
  readonly external: string
  readonly tickets: readonly string[]
}

/** Leavers, and somebody who stays; the keys of people apart, or not. */
export interface Leavers {
  readonly main: ReadonlyMap<string, Uint8Array>
  readonly keys: ReadonlyMap<string, Uint8Array> | undefined
  readonly people: readonly Leaver[]
  readonly stays: Leaver
  readonly notice: NoticeRef
}

/** In every value that is stored of a leaver. */
export const MARKER = 'plain-marker'
/** What support sees of a leaver, but the address of their mail. */
export const CONTACT: { readonly [F in 'name' | 'address' | 'birthDate' | 'language']: string } = {
  name: 'plain-marker Anna',
  address: 'plain-marker 1',
  birthDate: ANNA.birthDate,
  language: 'en',
}
const TICKET = { text: 'plain-marker help', channel: 'plain-marker mail' } as const
const ALLERGIES = 'plain-marker nuts'

export async function makeLeavers({
  people: count,
  tickets,
  isApart,
}: {
  readonly people: number
  readonly tickets: number
  readonly isApart: boolean
}): Promise<Leavers> {
  const [main, keys] = [memoryData(), isApart ? memoryData() : undefined]
  const acme = await openAcme(memoryStore({ share: main }), {
    clock: eagerClock(),
    ...(keys === undefined ? {} : { keyStore: memoryStore({ share: keys }) }),
  })
  const people: Leaver[] = []
  for (let at = 0; at < count; at += 1)
    people.push(await addLeaver(acme, main, { name: `leaver-${at}`, tickets }))
  const stays = await addLeaver(acme, main, { name: 'stays', tickets: 2 })
  const { notice } = await giveOnWeb(acme, stays.id, ['marketing'])
  await acme.close()
  return { main: new Map(main.rows), keys: keys && new Map(keys.rows), people, stays, notice }
}

async function addLeaver(
  acme: Acme,
  { rows }: MemoryData,
  { name, tickets: count }: { readonly name: string; readonly tickets: number },
): Promise<Leaver> {
  const before = new Set(rows.keys())
  const externalId = `${MARKER}-${name}`
  const { id } = await acme.subjects.register({ externalId })
  const isOwned = (key: string): boolean => key.startsWith(acmeKeyspace.owned) && !before.has(key)
  const external = [...rows.keys()].find(isOwned) ?? ''
  const { support, care } = accessorsOf(acme)
  const email = `${externalId}@example.com`
  await support.contact.create(id, { ...CONTACT, email })
  await giveOnWeb(acme, id, ['marketing', 'care'])
  await care.contact.update(id, { allergies: ALLERGIES })
  const tickets: string[] = []
  for (let n = 0; n < count; n += 1)
    tickets.push((await support.ticket.create(id, TICKET)).recordId)
  return { id, externalId, email, external, tickets }
}
