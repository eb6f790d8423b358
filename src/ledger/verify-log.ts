import { equalBytes } from '../base/bytes.ts'
import { isPrivityError } from '../base/errors.ts'
import { ignoreThrown } from '../base/ignore-thrown.ts'
import { endOfTurn } from '../base/platform.ts'
import {
  type GrowingTree,
  growTree,
  leafHash,
  type Range,
  type TreeNode,
} from '../crypto/merkle.ts'
import { perfectNodes } from '../crypto/merkle-path.ts'
import type { LogKeys } from '../storage/keyspace.ts'
import { scanPages } from '../storage/scan-rows.ts'
import type { Key, Row, Store } from '../storage/store.ts'
import { NODE_LEVELS, type Log } from './log.ts'
import type { LogHead } from './log-head.ts'

/** Something that does not hold. */
export interface Fault {
  /** Leaf that the fault is about, or the first of a subtree. */
  readonly index?: bigint
  /** Key of the row, where it is one. */
  readonly key?: string
  /** What is wrong; docs/verification.md explains each. */
  readonly kind: FaultKind
}

/** What can be wrong with the rows of a store. */
export type FaultKind =
  | 'leaf_missing'
  | 'leaf_beyond_head'
  | 'node_missing'
  | 'node_mismatch'
  | 'root_mismatch'
  | 'head_invalid'
  | 'log_set_back'
  | 'row_missing'
  | 'row_changed'
  | 'row_unexpected'
  | 'row_rewritten'
  | 'body_missing'
  | 'body_unmarked'
  | 'body_unreadable'
  | 'body_mismatch'
  | 'entry_unexpected'
  | 'document_unreadable'
  | 'segment_missing'
  | 'segment_mismatch'
  | 'key_unavailable'
  | 'key_row_missing'
  | 'key_row_changed'
  | 'key_row_unexpected'
  | 'key_row_fenced'

/** What `verify` found. */
export interface Verification {
  /** Whether there is no fault. */
  readonly ok: boolean
  /** Leaves that were verified. */
  readonly size: bigint
  /** The first 1,000. */
  readonly faults: readonly Fault[]
  /**
   * Entries of erased people whom nobody could open any more: which leaves are theirs is only known by that no others
   * lack their body. Hold it against what you know. Absent: none, or nobody looked.
   */
  readonly unmarked?: bigint
}

/** How a verification is watched and stopped. */
export interface WatchOptions {
  /** Ends the check with its reason. */
  readonly signal?: AbortSignal
  /** Called now and then with how many leaves are verified. What it throws is ignored. */
  readonly onProgress?: (done: bigint, of: bigint) => void
}

/** What is verified. */
export interface VerifyOptions extends WatchOptions {
  /** Also holds every other row against what the log committed to. Default: the log alone. */
  readonly deep?: boolean
  /**
   * How many entries there were of erased people whom nobody could open any more, as far as you know: what was found
   * then has to be as many. Default: any number, which is told.
   */
  readonly unmarked?: bigint
}

const PAGE = 1_000
/** Enough to see what happened; a log that is broken everywhere must not fill the memory. */
export const MAX_FAULTS = 1_000

/** Reads every leaf of a log that was begun, recomputes every stored node and the root, and holds them against the signed note. */
export async function verifyLog(
  store: Store,
  log: Log,
  options: WatchOptions = {},
): Promise<Verification> {
  const [bytes] = await store.read([log.keys.head])
  const head = await readHead(log, bytes)
  if (head === undefined)
    return { ok: false, size: 0n, faults: [{ key: log.keys.head, kind: 'head_invalid' }] }
  if (bytes === undefined)
    return { ok: false, size: 0n, faults: [{ key: log.keys.head, kind: 'row_missing' }] }
  const walk: Walk = { store, log, keys: log.keys, head, options, faults: [], tree: growTree() }
  await walkLeaves(walk)
  if (walk.tree.size === head.range.size) compareEdges(walk, walk.tree.range())
  await rejectNodes(walk)
  return { ok: walk.faults.length === 0, size: BigInt(head.range.size), faults: walk.faults }
}

/** Tells the app how far a verification is. */
export function tell({ onProgress }: WatchOptions, done: number, of: number): void {
  ignoreThrown(() => onProgress?.(BigInt(done), BigInt(of)))
}

interface Walk {
  readonly store: Store
  readonly log: Log
  readonly keys: LogKeys
  /** The head that is verified. */
  readonly head: LogHead
  readonly options: WatchOptions
  readonly faults: Fault[]
  /** Of all leaves up to the first that is missing: the nodes above that one cannot be told. */
  readonly tree: GrowingTree
}

async function readHead(log: Log, bytes: Uint8Array | undefined): Promise<LogHead | undefined> {
  try {
    return await log.head(bytes)
  } catch (error) {
    if (isPrivityError(error, 'ledger_inconsistent')) return undefined
    throw error
  }
}

async function walkLeaves(walk: Walk): Promise<void> {
  const { size } = walk.head.range
  let next = 0
  for await (const rows of pagesOf(walk, walk.keys.leaves)) {
    const before = next
    next = await takeLeaves(walk, rows, next)
    if (next > before) tell(walk.options, Math.min(next, size), size)
    await endOfTurn()
  }
  if (next < size) reportGap(walk, next)
}

/** The index of the leaf that comes after this page. */
async function takeLeaves(walk: Walk, rows: readonly Row[], first: number): Promise<number> {
  const { keys, tree } = walk
  const { size } = walk.head.range
  const nodes: TreeNode[] = []
  const strangers: Key[] = []
  const visit = (node: TreeNode): void => {
    if (node.level % NODE_LEVELS === 0) nodes.push(node)
  }
  let next = first
  for (const [key, leaf] of rows) {
    const index = key === keys.leaf(next) ? next : placeOf(keys, key)
    if (index === undefined || index >= size) {
      strangers.push(key)
      continue
    }
    if (index > next) reportGap(walk, next)
    if (index === tree.size) tree.append(leafHash(leaf), visit)
    next = index + 1
  }
  await verifyNodes(walk, nodes)
  await rejectStrangers(walk, strangers)
  return next
}

function placeOf(keys: LogKeys, key: Key): number | undefined {
  const index = Number.parseInt(key.slice(keys.leaves.length), 16)
  return key === keys.leaf(index) ? index : undefined
}

function reportGap(walk: Walk, index: number): void {
  report(walk, { index: BigInt(index), key: walk.keys.leaf(index), kind: 'leaf_missing' })
}

async function verifyNodes(walk: Walk, nodes: readonly TreeNode[]): Promise<void> {
  const keys = nodes.map(({ level, index }) => walk.keys.node(level, index))
  const rows = keys.length === 0 ? [] : await walk.store.read(keys)
  nodes.forEach((node, position) => {
    const row = rows[position]
    if (row !== undefined && equalBytes(row, node.hash)) return
    const kind = row === undefined ? 'node_missing' : 'node_mismatch'
    report(walk, { index: firstOf(node), key: walk.keys.node(node.level, node.index), kind })
  })
}

function firstOf({ level, index }: Pick<TreeNode, 'level' | 'index'>): bigint {
  return BigInt(index) * 2n ** BigInt(level)
}

/** A leaf behind the head was written by nobody who holds the signing key, unless the log grew meanwhile. */
async function rejectStrangers(walk: Walk, keys: readonly Key[]): Promise<void> {
  if (keys.length === 0) return
  const size = await sizeNow(walk)
  for (const key of keys) {
    const index = placeOf(walk.keys, key)
    if (index === undefined) report(walk, { key, kind: 'row_unexpected' })
    else if (index >= size) report(walk, { index: BigInt(index), key, kind: 'leaf_beyond_head' })
  }
}

/** Read after the rows that it is to explain. */
async function sizeNow({ store, log, head }: Walk): Promise<number> {
  const [bytes] = await store.read([log.keys.head])
  const now = await readHead(log, bytes)
  return now?.range.size ?? head.range.size
}

/** The right edge covers the last leaves, which no stored node does. */
function compareEdges(walk: Walk, { hashes }: Range): void {
  const { keys, head } = walk
  perfectNodes([0, head.range.size]).forEach((node, position) => {
    const [found, signed] = [hashes[position], head.range.hashes[position]]
    if (found !== undefined && signed !== undefined && equalBytes(found, signed)) return
    report(walk, { index: firstOf(node), key: keys.head, kind: 'root_mismatch' })
  })
}

/** Nodes that nobody stored: those that should be there were compared with the leaves. */
async function rejectNodes(walk: Walk): Promise<void> {
  const { keys, head } = walk
  for await (const rows of pagesOf(walk, keys.nodes)) {
    const strangers = rows.filter(([key]) => !isNode(keys, key, head.range.size))
    const size = strangers.length === 0 ? 0 : await sizeNow(walk)
    for (const [key] of strangers) {
      if (!isNode(keys, key, size)) report(walk, { key, kind: 'row_unexpected' })
    }
  }
}

function isNode(keys: LogKeys, key: Key, size: number): boolean {
  const [level = Number.NaN, index = Number.NaN] = key
    .slice(keys.nodes.length)
    .split('/')
    .map((digits) => Number.parseInt(digits, 16))
  return (
    key === keys.node(level, index) &&
    level > 0 &&
    level % NODE_LEVELS === 0 &&
    (index + 1) * 2 ** level <= size
  )
}

function pagesOf({ store, options }: Walk, prefix: Key): ReturnType<typeof scanPages> {
  return scanPages(store, prefix, { page: PAGE, signal: options.signal })
}

function report({ faults }: Walk, fault: Fault): void {
  if (faults.length < MAX_FAULTS) faults.push(fault)
}
