import { isPrivityError } from '../../base/errors.ts'
import { openEnvelope } from '../../keys/envelope.ts'
import { encodeLeaf } from '../../ledger/entry.ts'
import type { Fault } from '../../ledger/verify-log.ts'
import type { Key, Row } from '../../storage/store.ts'
import { bodyContext } from '../../subjects/person-entry.ts'
import type { Person } from '../../subjects/person.ts'
import type { ControllerFold } from './controller-fold.ts'
import type { Deep } from './deep.ts'
import { type ReadBody, readBody } from './read-body.ts'

/** The entries of a person that are still there, and what they left. */
export interface PersonBodies {
  /** Digest by name, of rows under the person's prefix and elsewhere. */
  readonly rows: ReadonlyMap<string, string>
  /** Where each says that its leaf is, and what that leaf must be. */
  readonly leaves: readonly PlacedLeaf[]
  /** Keys of all rows that are bodies, whether or not they open. */
  readonly keys: ReadonlySet<Key>
  readonly faults: readonly Fault[]
}

/** A leaf as the body of its entry commits to it. */
export interface PlacedLeaf {
  readonly key: Key
  readonly index: number
  readonly leaf: Uint8Array
}

interface State {
  readonly deep: Deep
  readonly person: Person
  readonly endedAt: ControllerFold['endedAt']
  readonly rows: Map<string, string>
  readonly leaves: PlacedLeaf[]
  readonly keys: Set<Key>
  readonly faults: Fault[]
  /** Of the body before. */
  last: { readonly sequence: number; readonly document: string | null }
}

/** Whose bodies are opened. */
export interface BodiesAsk {
  readonly person: Person
  /** Names those that an erasure has deleted. */
  readonly gone: Pick<ReadonlySet<string>, 'has'>
  readonly endedAt: ControllerFold['endedAt']
}

/** Opens the bodies of a person in their order. */
export function openBodies(
  deep: Deep,
  { person, gone, endedAt }: BodiesAsk,
  found: readonly Row[],
): PersonBodies {
  const state: State = {
    deep,
    person,
    endedAt,
    rows: new Map(),
    leaves: [],
    keys: new Set(),
    faults: [],
    last: { sequence: 0, document: null },
  }
  const prefix = deep.keyspace.bodies(person.id)
  let next = 1
  for (const [key, sealed] of found) {
    if (!key.startsWith(prefix) || gone.has(deep.nameOf(key))) continue
    const sequence = Number.parseInt(key.slice(prefix.length), 16)
    if (key !== deep.keyspace.body(person.id, sequence) || sequence < next) continue
    reportGap(state, { next, end: sequence, gone })
    openBody(state, sequence, sealed)
    next = sequence + 1
  }
  reportGap(state, { next, end: person.head.sequence + 1, gone })
  return state
}

interface Gap {
  readonly next: number
  readonly end: number
  readonly gone: Pick<ReadonlySet<string>, 'has'>
}

function reportGap({ deep, person, faults }: State, { next, end, gone }: Gap): void {
  for (let sequence = next; sequence < end; sequence += 1) {
    const key = deep.keyspace.body(person.id, sequence)
    if (!gone.has(deep.nameOf(key))) faults.push({ key, kind: 'body_missing' })
  }
}

function openBody(state: State, sequence: number, sealed: Uint8Array): void {
  const { deep, person, keys, leaves, faults, last } = state
  const key = deep.keyspace.body(person.id, sequence)
  keys.add(key)
  const body = tryOpen(state, sequence, sealed)
  if (body?.sequence !== sequence) {
    faults.push({ key, kind: 'body_unreadable' })
    return
  }
  const leaf = encodeLeaf(person.core.tag, sequence, body.commitment)
  leaves.push({ key, index: body.index, leaf })
  if (last.sequence === sequence - 1 && last.document !== body.replaces)
    faults.push({ index: BigInt(body.index), key, kind: 'body_mismatch' })
  if (isLate(state, body)) faults.push({ index: BigInt(body.index), key, kind: 'entry_unexpected' })
  fold(state, body)
}

/** What an erasure took after it was at its end. The order of entries of two logs, nobody knows. */
function isLate({ deep, person, endedAt }: State, { event, index }: ReadBody): boolean {
  if (event['type'] !== 'fields.erased' || deep.of(person.id) !== deep.logs[0]) return false
  return index > (endedAt(event['erasureId']) ?? index)
}

function tryOpen(
  { deep, person }: State,
  sequence: number,
  sealed: Uint8Array,
): ReadBody | undefined {
  const context = bodyContext(deep.people.deps.storeId, person.id, sequence)
  try {
    return readBody(openEnvelope(person.core, context, sealed))
  } catch (error) {
    // The person is being erased, and the key is overwritten: that is no fault of the body.
    if (!isPrivityError(error) || error.code === 'erased') throw error
    return undefined
  }
}

function fold(state: State, body: ReadBody): void {
  const { deep, person, rows, faults } = state
  const operations = deep.nameOf(deep.keyspace.operation(person.id, ''))
  for (const [name, digest] of body.rows) {
    // Written once: somebody took the first one away, and what was asked for took effect again.
    if (digest !== null && name.startsWith(operations) && rows.has(name))
      faults.push({ index: BigInt(body.index), key: deep.keyOf(name), kind: 'row_rewritten' })
    if (digest === null) rows.delete(name)
    else rows.set(name, digest)
  }
  const document = rows.get(deep.nameOf(deep.keyspace.person(person.id))) ?? null
  state.last = { sequence: body.sequence, document }
}
