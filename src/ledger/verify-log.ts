import { equalBytes } from '../base/bytes.ts'
import { isPrivityError } from '../base/errors.ts'
import { appendLeaf, leafHash, type Range, rootOf } from '../crypto/merkle.ts'
import type { LogKeys } from '../storage/keyspace.ts'
import type { Store } from '../storage/store.ts'
import { NODE_LEVELS, type Log } from './log.ts'
import type { LogHead } from './log-head.ts'

/** Something that does not hold. */
export interface Fault {
  /** Leaf that the fault is about, or the first of a subtree. */
  readonly index?: bigint
  readonly key?: string
  readonly kind: FaultKind
}

/** What can be wrong with the rows of a log. */
export type FaultKind =
  | 'leaf_missing'
  | 'leaf_beyond_head'
  | 'node_missing'
  | 'node_mismatch'
  | 'root_mismatch'
  | 'head_invalid'
  | 'log_set_back'

/** What `verify` found. */
export interface Verification {
  readonly ok: boolean
  /** Leaves that were verified. */
  readonly size: bigint
  readonly faults: readonly Fault[]
}

/** How a verification is watched and stopped. */
export interface VerifyOptions {
  readonly signal?: AbortSignal
  /** Called after each page with how many leaves are verified. What it throws is ignored. */
  readonly onProgress?: (done: bigint, of: bigint) => void
}

const PAGE = 1_000
/** Enough to see what happened; a log that is broken everywhere must not fill the memory. */
const MAX_FAULTS = 1_000

/** Reads every leaf, recomputes every stored node and the root, and holds them against the signed note. */
export async function verifyLog(
  store: Store,
  log: Log,
  options: VerifyOptions = {},
): Promise<Verification> {
  const [bytes] = await store.read([log.keys.head])
  const head = await readHead(log, bytes)
  if (head === undefined)
    return { ok: false, size: 0n, faults: [{ key: log.keys.head, kind: 'head_invalid' }] }
  const walk: Walk = {
    store,
    keys: log.keys,
    head: bytes,
    size: head.range.size,
    faults: [],
    options,
  }
  const range = await walkLeaves(walk)
  if (range !== undefined && !equalBytes(rootOf(range), rootOf(head.range))) {
    walk.faults.push({ key: log.keys.head, kind: 'root_mismatch' })
  }
  return { ok: walk.faults.length === 0, size: BigInt(head.range.size), faults: walk.faults }
}

interface Walk {
  readonly store: Store
  readonly keys: LogKeys
  /** The head that is verified, as stored. */
  readonly head: Uint8Array | undefined
  readonly size: number
  readonly faults: Fault[]
  readonly options: VerifyOptions
}

async function readHead(log: Log, bytes: Uint8Array | undefined): Promise<LogHead | undefined> {
  try {
    return await log.head(bytes)
  } catch (error) {
    if (isPrivityError(error, 'ledger_inconsistent')) return undefined
    throw error
  }
}

/** Undefined when a leaf is missing: the nodes above it can then not be told. */
async function walkLeaves(walk: Walk): Promise<Range | undefined> {
  let range: Range = { size: 0, hashes: [] }
  while (range.size < walk.size) {
    walk.options.signal?.throwIfAborted()
    const page = await readLeaves(walk, range.size)
    if (page === undefined) return undefined
    const completed: {
      readonly level: number
      readonly index: number
      readonly hash: Uint8Array
    }[] = []
    for (const leaf of page) {
      const appended = appendLeaf(range, leafHash(leaf))
      completed.push(...appended.completed.filter(({ level }) => level % NODE_LEVELS === 0))
      range = appended.range
    }
    await verifyNodes(walk, completed)
    tell(walk, range)
  }
  await rejectTail(walk)
  return range
}

/** What the app's callback throws is its own affair, and must not stop a verification half way. */
function tell({ options, size }: Walk, range: Range): void {
  try {
    options.onProgress?.(BigInt(range.size), BigInt(size))
  } catch {
    return
  }
}

async function readLeaves(walk: Walk, from: number): Promise<readonly Uint8Array[] | undefined> {
  const limit = Math.min(PAGE, walk.size - from)
  const after = from === 0 ? {} : { after: walk.keys.leaf(from - 1) }
  const rows = await walk.store.scan(walk.keys.leaves, { ...after, limit })
  const gap = Array.from({ length: limit }).findIndex(
    (_, offset) => rows[offset]?.[0] !== walk.keys.leaf(from + offset),
  )
  if (gap < 0) return rows.map(([, leaf]) => leaf)
  report(walk, { index: BigInt(from + gap), key: walk.keys.leaf(from + gap), kind: 'leaf_missing' })
  return undefined
}

async function verifyNodes(
  walk: Walk,
  nodes: readonly { readonly level: number; readonly index: number; readonly hash: Uint8Array }[],
): Promise<void> {
  const keys = nodes.map(({ level, index }) => walk.keys.node(level, index))
  const rows = keys.length === 0 ? [] : await walk.store.read(keys)
  nodes.forEach(({ level, index, hash }, position) => {
    const row = rows[position]
    if (row !== undefined && equalBytes(row, hash)) return
    const kind = row === undefined ? 'node_missing' : 'node_mismatch'
    report(walk, {
      index: BigInt(index) * 2n ** BigInt(level),
      key: walk.keys.node(level, index),
      kind,
    })
  })
}

/** A leaf behind the head was written by nobody who holds the signing key, unless the log grew meanwhile. */
async function rejectTail({ store, keys, head, size, faults }: Walk): Promise<void> {
  const after = size === 0 ? {} : { after: keys.leaf(size - 1) }
  const [beyond] = await store.scan(keys.leaves, { ...after, limit: 1 })
  if (beyond === undefined) return
  const [now] = await store.read([keys.head])
  const grown = now !== undefined && head !== undefined && !equalBytes(now, head)
  if (!grown) faults.push({ index: BigInt(size), key: beyond[0], kind: 'leaf_beyond_head' })
}

function report({ faults }: Walk, fault: Fault): void {
  if (faults.length < MAX_FAULTS) faults.push(fault)
}
