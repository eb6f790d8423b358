import { equalBytes } from '../../base/bytes.ts'
import { isPrivityError } from '../../base/errors.ts'
import { readCheckpoint } from '../../crypto/checkpoint.ts'
import { parseNote } from '../../crypto/note.ts'
import { encodeLeaf } from '../../ledger/entry.ts'
import { createLog } from '../../ledger/log.ts'
import type { Key } from '../../storage/store.ts'
import { type Deep, readAll } from './deep.ts'
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
  readonly unmarked: number
  /** How long the log was, when the main log was told of it last, by the key of its head. */
  readonly noted: ReadonlyMap<Key, number>
  /** Folds what a head counts; without one, what the head counts that is stored now. */
  advance(head?: Uint8Array): Promise<void>
}

interface State {
  size: number
  unmarked: number
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
    unmarked: 0,
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
    get unmarked() {
      return state.unmarked
    },
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
    fold(state, body)
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

function fold(state: State, { rows: changed, event }: ReadBody): void {
  const { rows, deleted } = state
  state.unmarked += Number(event['unmarked'] ?? 0)
  const [person] = changed.flatMap(([name]) => DOCUMENT.exec(name)?.[1] ?? [])
  const gone = deleted.get(person ?? '') ?? new Set<string>()
  for (const [name, digest] of changed) {
    if (name.startsWith(UNLOGGED)) continue
    if (digest !== null) rows.set(name, digest)
    else if (!rows.delete(name)) gone.add(name)
  }
  if (person === undefined) return
  // The document is what it was before the fence, which the person's own entries tell.
  if (event['type'] === 'erasure.cancelled') rows.delete(`p/${person}`)
  if (ENDS.has(event['type'])) deleted.delete(person)
  else deleted.set(person, gone)
}
