import { scanRows } from '../storage/scan-rows.ts'
import type { Key } from '../storage/store.ts'
import type { People, PeopleDeps } from '../subjects/people.ts'
import { isUnreadable } from '../subjects/unreadable.ts'
import type { PersonRows } from './inventory.ts'
import { ownerOf } from './owned-rows.ts'
import type { Inventory } from './plan.ts'

const PAGE = 1_000

/** Whether an error says that a person cannot be opened, now or ever. */
export function isLost(error: unknown): boolean {
  return isUnreadable(error)
}

/**
 * The rows of a person whose document does not open: those under the prefix as they are, those elsewhere found by
 * looking through their families for the id. Costs a scan of all lookup rows; a page of them is in memory.
 */
export async function listLostRows({ deps }: People, id: string): Promise<PersonRows> {
  const { store, keyspace } = deps
  const prefix = keyspace.personRows(id)
  const own: Key[] = []
  for await (const [key] of scanRows(store, prefix, { page: PAGE })) own.push(key)
  const family = (letter: string): readonly Key[] =>
    own.filter((key) => key.startsWith(`${prefix}${letter}/`))
  const lookupRows: Key[] = []
  for await (const key of findOutside(deps, id)) lookupRows.push(key)
  return {
    outside: [],
    lookupRows,
    records: family('r'),
    operations: family('o'),
    // Where their leaves are is said inside, where nobody looks any more.
    bodies: [],
    pages: family('h'),
    others: own.filter(
      (key) => !['r', 'o', 'h'].some((letter) => key.startsWith(`${prefix}${letter}/`)),
    ),
  }
}

/** The rows under the prefix as numbers, for the plan: those elsewhere are only looked for when they go. */
export async function countLostRows(
  { store, keyspace }: PeopleDeps,
  id: string,
): Promise<Inventory> {
  const prefix = keyspace.personRows(id)
  const counts = { r: 0, e: 0, o: 0 }
  for await (const [key] of scanRows(store, prefix, { page: PAGE })) {
    const letter = key.slice(prefix.length, prefix.length + 1)
    if (letter === 'r' || letter === 'e' || letter === 'o') counts[letter] += 1
  }
  return {
    keys: 0,
    records: counts.r,
    ledgerBodies: counts.e,
    operations: counts.o,
    lookupRows: 0,
    externalId: false,
  }
}

async function* findOutside(deps: PeopleDeps, id: string): AsyncGenerator<Key> {
  const { store, keyspace } = deps
  for (const family of keyspace.byPerson) {
    for await (const [key] of scanRows(store, family, { page: PAGE }))
      if (key.slice(family.length).split('/').includes(id)) yield key
  }
  for await (const row of scanRows(store, keyspace.owned, { page: PAGE }))
    if (ownerOf(deps, row) === id) yield row[0]
}
