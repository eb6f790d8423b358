import { leafTag, parseLeaf } from '../ledger/entry.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Key } from '../storage/store.ts'
import type { People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import { leafIndex, type PersonRows } from './inventory.ts'
import { isOwned } from './owned-rows.ts'

/** One row to delete; the body of a ledger entry names its leaf. */
export interface Doomed {
  readonly key: Key
  readonly index?: number | undefined
  /** The body of an entry of which nobody can say which leaf is its own. */
  readonly isUnplaced?: boolean
}

const PAGE = 1_000

/** The rows of a person in the order in which they go; of somebody who cannot be opened, as far as they can be found. */
export async function doomedOf(
  people: People,
  rows: PersonRows,
  { id, person }: { readonly id: string; readonly person: Person | undefined },
): Promise<readonly Doomed[]> {
  const { deps } = people
  const { lookupRows, records, operations, others, bodies, pages } = rows
  // With the last commit, which remembers it: else the app's own id would be free for anybody meanwhile.
  const own = rows.outside.filter((key) => isOwned(deps, key))
  const outside = rows.outside.filter((key) => !isOwned(deps, key))
  const first = [lookupRows, outside, records, operations, others].flat()
  const unplaced = person === undefined ? consecutive(people, id, others) : new Set<Key>()
  const places = person === undefined ? new Map<Key, number>() : await place(people, person, bodies)
  return [
    ...first.map((key) => (unplaced.has(key) ? { key, isUnplaced: true } : { key })),
    ...bodies.map(([key]) => ({ key, index: places.get(key) })),
    ...[...pages, ...own].map((key) => ({ key })),
  ]
}

/** By what a body says inside; of one that was changed, by the leaf, which is blinded by a key of the person. */
async function place(
  people: People,
  person: Person,
  bodies: PersonRows['bodies'],
): Promise<ReadonlyMap<Key, number>> {
  const places = new Map<Key, number>()
  const closed = new Map<string, Key>()
  for (const row of bodies) {
    const [key] = row
    const index = leafIndex(people, person, row)
    const sequence = sequenceOf(people, person.id, key) ?? Number.NaN
    if (index !== undefined) places.set(key, index)
    else if (sequence > 0 && sequence <= person.head.sequence)
      closed.set(leafTag(person.core.tag, sequence), key)
  }
  await findLeaves(people, closed, { id: person.id, places })
  return places
}

/** Somebody changed the body of an entry past the library: that is worth reading the log once. */
async function findLeaves(
  { deps }: People,
  closed: Map<string, Key>,
  { id, places }: { readonly id: string; readonly places: Map<Key, number> },
): Promise<void> {
  if (closed.size === 0) return
  const { leaves, leaf } = deps.ledger.of(id).log.keys
  for await (const [row, bytes] of scanRows(deps.store, leaves, { page: PAGE })) {
    const tag = parseLeaf(bytes)?.s ?? ''
    const key = closed.get(tag)
    const index = Number.parseInt(row.slice(leaves.length), 16)
    if (key === undefined || row !== leaf(index)) continue
    places.set(key, index)
    closed.delete(tag)
    if (closed.size === 0) return
  }
}

/** Entries are numbered without a gap: what does not follow was put there, and had no leaf. */
function consecutive(people: People, id: string, keys: readonly Key[]): ReadonlySet<Key> {
  const run = new Set<Key>()
  let last: number | undefined
  for (const key of keys) {
    const sequence = sequenceOf(people, id, key)
    if (sequence === undefined || sequence < 1) continue
    if (sequence !== (last ?? sequence - 1) + 1) return run
    last = sequence
    run.add(key)
  }
  return run
}

/** Undefined for any other row, and for a number that is spelled in another way. */
function sequenceOf({ deps: { keyspace } }: People, id: string, key: Key): number | undefined {
  const sequence = Number.parseInt(key.slice(keyspace.bodies(id).length), 16)
  return key === keyspace.body(id, sequence) ? sequence : undefined
}
