import { equalBytes } from '../base/bytes.ts'
import type { JsonObject } from '../base/canonical.ts'
import { isPrivityError } from '../base/errors.ts'
import { formatCheckpoint } from '../crypto/checkpoint.ts'
import { inclusionPath, perfectNodes } from '../crypto/merkle-path.ts'
import {
  foldHashes,
  growTree,
  leafHash,
  type NodeId,
  type Range,
  rootOf,
  type TreeNode,
} from '../crypto/merkle.ts'
import { addSignature, signNote } from '../crypto/note.ts'
import type { SigningKey } from '../crypto/signature.ts'
import type { LogKeys } from '../storage/keyspace.ts'
import type { Row } from '../storage/store.ts'
import { encodeHead, type LogHead, originOf, verifyHead } from './log-head.ts'
import type { Signers } from './signers.ts'

/** One append-only log (RFC 6962): the main one, or one writer's accesses. */
export interface Log {
  /** Of the newest head that was seen. */
  readonly origin: string
  /** Of the newest head that was seen. */
  readonly generation: number
  readonly keys: LogKeys
  /** The head as stored; an empty log when there is none yet. Verified unless this instance wrote it. */
  head(bytes: Uint8Array | undefined): Promise<LogHead>
  /** Time in the latest head that was seen; milliseconds since the epoch. */
  lastAt(): number
  /** Rows that append these leaves, the new head among them. */
  append(head: LogHead, added: Added): Promise<Appended>
}

/** What an append adds. */
export interface Added {
  readonly leaves: readonly Uint8Array[]
  readonly at: number
  readonly state: JsonObject
  /** Default: as before. */
  readonly generation?: number
  /** Signs from the next append on, and this one beside the key that it replaces. */
  readonly successor?: SigningKey | undefined
}

/** What an append makes. */
export interface Appended {
  readonly head: LogHead
  readonly put: readonly Row[]
  /** The hashes that lead from one of the appended leaves to the root of the new head. */
  inclusion(index: number): readonly Uint8Array[]
}

/** What a log needs. */
export interface LogDeps {
  readonly origin: string
  readonly keys: LogKeys
  readonly signers: Signers
  /** Authenticates what the signed note does not cover. */
  mac(message: Uint8Array): Uint8Array
}

/**
 * Nodes are stored at every fourth level only: a proof reads at most sixteen rows per stored level, and an
 * append writes one node row per sixteen leaves instead of one per leaf.
 */
export const NODE_LEVELS = 4

const EMPTY: LogHead = {
  range: { size: 0, hashes: [] },
  note: '',
  at: 0,
  generation: 0,
  state: {},
}

/** A log over the rows of `keys`, signed under its origin. */
export function createLog(deps: LogDeps): Log {
  /** The last head this instance made or verified: checking a signature costs more than an append. */
  let trusted: Trusted | undefined
  return {
    get origin() {
      return originOf(deps.origin, this.generation)
    },
    get generation() {
      return trusted?.head.generation ?? 0
    },
    keys: deps.keys,
    lastAt: () => trusted?.head.at ?? 0,
    head: async (bytes) => {
      if (bytes === undefined) return EMPTY
      if (trusted !== undefined && equalBytes(trusted.bytes, bytes)) return trusted.head
      const head = await verify(deps, bytes)
      // An older one that was read late does not set the time back.
      if (head.range.size >= (trusted?.head.range.size ?? 0))
        trusted = { bytes: bytes.slice(), head }
      return head
    },
    append: async (before, added) => {
      const { range, put, hashOf } = extend(before.range, added.leaves, deps.keys)
      const generation = added.generation ?? before.generation
      const note = await sign(deps, { range, generation, successor: added.successor })
      const at = Math.max(before.at, added.at)
      const head: LogHead = { range, note, at, generation, state: added.state }
      const bytes = encodeHead(head, deps)
      trusted = { bytes, head }
      return {
        head,
        put: [...put, [deps.keys.head, bytes]],
        inclusion: (index) =>
          inclusionPath(index, range.size).map((nodes) => foldHashes(nodes.map(hashOf))),
      }
    },
  }
}

interface Trusted {
  readonly bytes: Uint8Array
  readonly head: LogHead
}

/** A signature that no known key made may be that of a key which another process put in use. */
async function verify({ signers, ...deps }: LogDeps, bytes: Uint8Array): Promise<LogHead> {
  try {
    return await verifyHead(bytes, { ...deps, publicKeys: signers.publicKeys })
  } catch (error) {
    const foreign =
      isPrivityError(error, 'ledger_inconsistent') && error.details.kind === 'signature'
    if (!foreign) throw error
    await signers.refresh()
    return verifyHead(bytes, { ...deps, publicKeys: signers.publicKeys })
  }
}

interface Signing {
  readonly range: Range
  readonly generation: number
  readonly successor: SigningKey | undefined
}

async function sign(
  { origin, signers }: LogDeps,
  { range, generation, successor }: Signing,
): Promise<string> {
  const name = originOf(origin, generation)
  const text = formatCheckpoint({ origin: name, size: range.size, root: rootOf(range) })
  const note = await signNote(text, name, signers.current)
  return successor === undefined ? note : addSignature(note, name, successor)
}

interface Extended {
  readonly range: Range
  readonly put: readonly Row[]
  /** Of the subtrees that were on the right edge, or came into being. */
  hashOf(node: NodeId): Uint8Array
}

function extend(before: Range, leaves: readonly Uint8Array[], keys: LogKeys): Extended {
  const put: Row[] = []
  const nodes: TreeNode[] = []
  const tree = growTree(before.size, ...before.hashes)
  function visit(node: TreeNode): void {
    nodes.push(node)
    if (node.level % NODE_LEVELS === 0) put.push([keys.node(node.level, node.index), node.hash])
  }
  for (const leaf of leaves) {
    const index = tree.size
    const hash = leafHash(leaf)
    put.push([keys.leaf(index), leaf])
    nodes.push({ level: 0, index, hash })
    tree.append(hash, visit)
  }
  let byName: ReadonlyMap<string, Uint8Array> | undefined
  return {
    range: tree.range(),
    put,
    hashOf: (node) => {
      // All siblings of an appended leaf are among these: what lies left of it was on the edge.
      byName ??= new Map([...edgeOf(before), ...nodes].map((known) => [nameOf(known), known.hash]))
      return byName.get(nameOf(node)) ?? new Uint8Array(0)
    },
  }
}

function edgeOf({ size, hashes }: Range): readonly TreeNode[] {
  return perfectNodes([0, size]).map((node, position) => ({
    ...node,
    hash: hashes[position] ?? new Uint8Array(0),
  }))
}

function nameOf({ level, index }: NodeId): string {
  return `${level}/${index}`
}
