import { toBase64url } from '../base/bytes.ts'
import { invalidInput, PrivityError } from '../base/errors.ts'
import { readRows } from '../storage/read-rows.ts'
import {
  foldHashes,
  leafHash,
  type NodeId,
  nodeHash,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from '../crypto/merkle.ts'
import { consistencyPath, inclusionPath, perfectNodes } from '../crypto/merkle-path.ts'
import type { Key, Store } from '../storage/store.ts'
import { type Log, NODE_LEVELS } from './log.ts'
import type { FaultKind } from './verify-log.ts'

/** A leaf, and the size of the tree that it is proven to be in. */
export interface InclusionAsk {
  readonly index: number
  readonly size: number
}

/** Two sizes of one log, the smaller first. */
export interface ConsistencyAsk {
  readonly size1: number
  readonly size2: number
}

/**
 * The hashes that prove that a leaf was in the log at a size (RFC 6962 section 2.1.1). What the rows give is
 * held against the signed root before it leaves.
 *
 * @throws {@link invalid_input} unless the index is below the size, and the log has that size
 * @throws {@link ledger_inconsistent} when a row that is needed is missing or was changed
 */
export async function inclusionProof(
  store: Pick<Store, 'read'>,
  log: Log,
  { index, size }: InclusionAsk,
): Promise<readonly Uint8Array[]> {
  const path = inclusionPath(index, size)
  const leaf: readonly NodeId[] = [{ level: 0, index }]
  const tree = await readTree(store, log, { size, spans: [leaf, ...path] })
  const proof = path.map(tree.hashOf)
  const claim = { index: BigInt(index), size: BigInt(size), proof, root: tree.root }
  if (!verifyInclusion({ ...claim, leafHash: tree.hashOf(leaf) }))
    throw inconsistent(log, 'root_mismatch')
  return proof
}

/**
 * The hashes that prove that the log at `size2` is the log at `size1` with leaves appended (RFC 6962 section
 * 2.1.2); none for a log without leaves, of which nothing can be proven.
 *
 * @throws {@link invalid_input} unless the log has both sizes, the smaller first
 * @throws {@link ledger_inconsistent} when a row that is needed is missing or was changed
 */
export async function consistencyProof(
  store: Pick<Store, 'read'>,
  log: Log,
  { size1, size2 }: ConsistencyAsk,
): Promise<readonly Uint8Array[]> {
  const path = size1 === 0 ? [] : consistencyPath(size1, size2)
  const before = perfectNodes([0, size1])
  const tree = await readTree(store, log, { size: size2, spans: [before, ...path] })
  if (size1 === 0) return []
  const proof = path.map(tree.hashOf)
  const claim = { size1: BigInt(size1), size2: BigInt(size2), proof, root2: tree.root }
  if (!verifyConsistency({ ...claim, root1: tree.hashOf(before) }))
    throw inconsistent(log, 'root_mismatch')
  return proof
}

/**
 * The root of the log when it was of a size, in base64url, proven to lead to the signed one; undefined for a size
 * that it has not reached.
 *
 * @throws {@link ledger_inconsistent} when a row that is needed is missing or was changed
 */
export async function rootAt(
  store: Pick<Store, 'read'>,
  log: Log,
  size: number,
): Promise<string | undefined> {
  const [bytes] = await store.read([log.keys.head])
  if (size > (await log.head(bytes)).range.size) return undefined
  return toBase64url((await readTree(store, log, { size, spans: [] })).root)
}

/** Perfect subtrees side by side, the largest first. */
type Span = readonly NodeId[]

/** A log at one size, as far as its rows were asked for. */
interface Tree {
  /** As signed, or proven to lead to what was signed. */
  readonly root: Uint8Array
  readonly hashOf: (span: Span) => Uint8Array
}

async function readTree(
  store: Pick<Store, 'read'>,
  log: Log,
  { size, spans }: { readonly size: number; readonly spans: readonly Span[] },
): Promise<Tree> {
  const [bytes] = await store.read([log.keys.head])
  const { range } = await log.head(bytes)
  if (!Number.isSafeInteger(size) || size < 0 || size > range.size)
    throw invalidInput(['size'], 'out_of_range')
  const current = size === range.size
  const grown = current || size === 0 ? [] : consistencyPath(size, range.size)
  const base = current ? [] : perfectNodes([0, size])
  const hashOf = await readSpans(store, log, [...spans, base, ...grown])
  const signed = rootOf(range)
  if (current) return { root: signed, hashOf }
  const root = hashOf(base)
  const sizes = { size1: BigInt(size), size2: BigInt(range.size) }
  const claim = { ...sizes, root1: root, root2: signed, proof: grown.map(hashOf) }
  if (size > 0 && !verifyConsistency(claim)) throw inconsistent(log, 'root_mismatch')
  return { root, hashOf }
}

/** Rows of nodes and leaves never change, so they need not be of one snapshot with the head. */
async function readSpans(
  store: Pick<Store, 'read'>,
  log: Log,
  spans: readonly Span[],
): Promise<Tree['hashOf']> {
  const keys = [...new Set(spans.flat().flatMap((node) => rowsOf(node).map(keyIn(log))))]
  const found = await readRows(store, keys)
  function hashOfRow(row: NodeId): Uint8Array {
    const bytes = found.get(keyIn(log)(row))
    if (bytes === undefined)
      throw inconsistent(log, row.level === 0 ? 'leaf_missing' : 'node_missing')
    return row.level === 0 ? leafHash(bytes) : bytes
  }
  return (span) => foldHashes(span.map((node) => joinPairs(rowsOf(node).map(hashOfRow))))
}

/** The stored nodes, or leaves, that a perfect subtree is made of: at most eight. */
function rowsOf({ level, index }: NodeId): readonly NodeId[] {
  const count = 2 ** (level % NODE_LEVELS)
  return Array.from({ length: count }, (_, offset) => ({
    level: level - (level % NODE_LEVELS),
    index: index * count + offset,
  }))
}

function keyIn({ keys }: Log): (row: NodeId) => Key {
  return ({ level, index }) => (level === 0 ? keys.leaf(index) : keys.node(level, index))
}

/** The root over a power of two of subtrees that are all of one size. */
function joinPairs(hashes: readonly Uint8Array[]): Uint8Array {
  const [first, second] = hashes
  if (first === undefined || second === undefined) return foldHashes(hashes)
  const middle = hashes.length / 2
  return nodeHash(joinPairs(hashes.slice(0, middle)), joinPairs(hashes.slice(middle)))
}

function inconsistent({ origin }: Log, kind: FaultKind): PrivityError {
  return new PrivityError('ledger_inconsistent', { origin, kind })
}
