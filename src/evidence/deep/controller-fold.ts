import { equalBytes } from '../../base/bytes.ts'
import { isPrivityError } from '../../base/errors.ts'
import { readCheckpoint } from '../../crypto/checkpoint.ts'
import { parseNote } from '../../crypto/note.ts'
import { encodeLeaf } from '../../ledger/entry.ts'
import { createLog } from '../../ledger/log.ts'
import type { Key } from '../../storage/store.ts'
import { type Deep, readAll } from './deep.ts'
import { createErasureOrder, type ErasureOrder } from './erasure-order.ts'
import { type ReadBody, readBody } from './read-body.ts'

/** What the entries about no person, and those of erasures, left in the store. */
export interface ControllerFold {
  /** How many entries were folded. */
  readonly size: number
  /** Digest by name: rows of the controller, and fences. */
  readonly rows: ReadonlyMap<string, string>
  /** Names of the rows that the erasure of a person has deleted, until its keys are destroyed. */
  deletedOf(id: string): ReadonlySet<string>
  /** Bodies of people whom nobody could open when they were erased: which leaves these had, nobody could say. */
  readonly unmarked: {
    /** By number of the log. */
    readonly logs: ReadonlyMap<number, Unmarked>
    /** Of the entries that say so. */
    readonly entries: readonly Key[]
  }
  /** Leaf of the main log at which an erasure came to its end. */
  readonly endedAt: ErasureOrder['endedAt']
  /** How long the log was, when the main log was told of it last, by the key of its head. */
  readonly noted: ReadonlyMap<Key, number>
  /** Folds what a head counts; without one, what the head counts that is stored now. */
  advance(head?: Uint8Array): Promise<void>
}

/** Leaves of one log. */
export interface Unmarked {
  readonly count: number
  /** Each was there before this one. */
  readonly below: number
}

interface State {
  size: number
  readonly order: ErasureOrder
  readonly unmarked: { readonly logs: Map<number, Unmarked>; readonly entries: Key[] }
  readonly rows: Map<string, string>
  readonly deleted: Map<string, Set<string>>
  readonly noted: Map<Key, number>
}

const PAGE = 500
const DOCUMENT = /^p\/([0-9a-f]{32})$/
/** Leases and queues: written without an entry. */
const UNLOGGED = 'c/q/'
const NOTHING: ReadonlySet<string> = new Set()
/** Nothing of the person's own rows is left to be told, or everything is as before. */
const ENDS: ReadonlySet<unknown> = new Set(['erasure.keys_destroyed', 'erasure.cancelled'])

/** Nothing folded yet. */
export function createControllerFold(deep: Deep): ControllerFold {
  const state: State = {
    size: 0,
    order: createErasureOrder(),
    unmarked: { logs: new Map(), entries: [] },
    rows: new Map(),
    deleted: new Map(),
    noted: new Map(),
  }
  const { origin, keyspace, controller, ledger, store } = deep
  const { signers } = ledger
  // Of its own: looking at an older head must not set back the log that the app works with.
  const log = createLog({ origin, keys: keyspace.log, signers, mac: controller.tag })
  return {
    get size() {
      return state.size
    },
    unmarked: state.unmarked,
    endedAt: state.order.endedAt,
    rows: state.rows,
    noted: state.noted,
    deletedOf: (id) => state.deleted.get(id) ?? NOTHING,
    advance: async (bytes) => {
      const [stored] = bytes === undefined ? await store.read([log.keys.head]) : [bytes]
      const head = await log.head(stored)
      const count = Number(head.state['controllerSequence'] ?? 0)
      while (state.size < count) await foldPage(deep, state, Math.min(PAGE, count - state.size))
    },
  }
}

async function foldPage(deep: Deep, state: State, length: number): Promise<void> {
  const sequences = Array.from({ length }, (_, offset) => state.size + offset)
  const rows = await readAll(deep, sequences.map(deep.keyspace.controllerBody))
  const bodies = sequences.map((sequence, at) => openBody(deep, sequence, rows[at]))
  const [{ keys }] = deep.logs
  const leaves = await readAll(
    deep,
    bodies.flatMap((body) => (body === undefined ? [] : [keys.leaf(body.index)])),
  )
  for (const [at, body] of bodies.filter((body) => body !== undefined).entries()) {
    verifyLeaf(deep, body, leaves[at])
    fold(deep, state, body)
    foldNote(deep, state, body)
  }
  state.size += length
}

function openBody(
  deep: Deep,
  sequence: number,
  sealed: Uint8Array | undefined,
): ReadBody | undefined {
  const key = deep.keyspace.controllerBody(sequence)
  if (sealed === undefined) {
    deep.report({ key, kind: 'body_missing' })
    return undefined
  }
  try {
    const body = readBody(deep.controller.open(key, sealed))
    if (body?.sequence === sequence) return body
  } catch (error) {
    if (!isPrivityError(error)) throw error
  }
  deep.report({ key, kind: 'body_unreadable' })
  return undefined
}

function verifyLeaf(deep: Deep, body: ReadBody, stored: Uint8Array | undefined): void {
  const { index, sequence, commitment } = body
  const leaf = encodeLeaf(deep.controller.leaf, sequence, commitment)
  if (stored !== undefined && equalBytes(stored, leaf)) deep.account(deep.logs[0], index)
  else {
    const key = deep.keyspace.controllerBody(sequence)
    deep.report({ index: BigInt(index), key, kind: 'body_mismatch' })
  }
}

/** Checkpoints of other logs: a register says the newest, and can be written anew. */
function foldNote({ keyspace }: Deep, { noted }: State, { event }: ReadBody): void {
  const { writer, shard, note } = event
  const keys =
    typeof writer === 'number'
      ? keyspace.writer(writer)
      : typeof shard === 'number'
        ? keyspace.shard(shard)
        : undefined
  if (keys === undefined || typeof note !== 'string') return
  const size = readCheckpoint(parseNote(note)?.text ?? '')?.size ?? 0
  noted.set(keys.head, Math.max(size, noted.get(keys.head) ?? 0))
}

function fold(deep: Deep, state: State, body: ReadBody): void {
  const { rows, deleted } = state
  const { rows: changed, event, index } = body
  const [person] = changed.flatMap(([name]) => DOCUMENT.exec(name)?.[1] ?? [])
  const gone = deleted.get(person ?? '') ?? new Set<string>()
  foldUnmarked(deep, state, { body, person })
  const isLifting = event['type'] === 'erasure.cancelled'
  const follows = state.order.follows(body, person)
  if (!follows) reportEntry(deep, body)
  for (const [name, digest, before] of changed) {
    if (name.startsWith(UNLOGGED)) continue
    // What stands before the person is the fence of another erasure, whoever lifted it.
    if (!follows && isLifting && DOCUMENT.test(name)) continue
    if (before !== undefined && !isAsFolded(state, name, before))
      deep.report({ index: BigInt(index), key: deep.keyOf(name), kind: 'row_rewritten' })
    if (digest !== null) rows.set(name, digest)
    else if (!rows.delete(name)) gone.add(name)
  }
  if (person === undefined || (isLifting && !follows)) return
  // The document is what it was before the fence, which the person's own entries tell.
  if (isLifting) rows.delete(`p/${person}`)
  if (ENDS.has(event['type'])) deleted.delete(person)
  else deleted.set(person, gone)
}

function reportEntry({ keyspace, report }: Deep, { sequence, index }: ReadBody): void {
  const key = keyspace.controllerBody(sequence)
  report({ index: BigInt(index), key, kind: 'entry_unexpected' })
}

function foldUnmarked(
  deep: Deep,
  { unmarked: { logs, entries } }: State,
  { body, person }: { readonly body: ReadBody; readonly person: string | undefined },
): void {
  const { event, sequence, index } = body
  const count = Number(event['unmarked'] ?? 0)
  if (count === 0) return
  const { number } = person === undefined ? deep.logs[0] : deep.of(person)
  // How long another log was by then, this one does not say.
  const below = number === deep.logs[0].number ? index : Number.POSITIVE_INFINITY
  logs.set(number, { count: count + (logs.get(number)?.count ?? 0), below })
  entries.push(deep.keyspace.controllerBody(sequence))
}

/** What a person's document was before its fence is told by the person's own entries. */
function isAsFolded({ rows }: State, name: string, before: string | null): boolean {
  const known = rows.get(name)
  return before === (known ?? null) || (known === undefined && DOCUMENT.test(name))
}
