import { equalBytes } from '../base/bytes.ts'
import type { JsonObject } from '../base/canonical.ts'
import { appendLeaf, leafHash, type Range, rootOf } from '../crypto/merkle.ts'
import type { SigningKey } from '../crypto/signature.ts'
import type { LogKeys } from '../storage/keyspace.ts'
import type { Row } from '../storage/store.ts'
import { formatCheckpoint } from '../crypto/checkpoint.ts'
import { encodeHead, type LogHead, verifyHead } from './log-head.ts'
import { signNote } from '../crypto/note.ts'

/** One append-only log (RFC 6962): the main one, or one writer's accesses. */
export interface Log {
  readonly origin: string
  readonly keys: LogKeys
  /** The head as stored; an empty log when there is none yet. Verified unless this instance wrote it. */
  head(bytes: Uint8Array | undefined): Promise<LogHead>
  /** Time in the latest head that was seen; milliseconds since the epoch. */
  lastAt(): number
  /** Rows that append these leaves, the new head among them. */
  append(
    head: LogHead,
    appended: Appended,
  ): Promise<{ readonly head: LogHead; readonly put: readonly Row[] }>
}

/** What an append adds. */
export interface Appended {
  readonly leaves: readonly Uint8Array[]
  readonly at: number
  readonly state: JsonObject
}

/** What a log needs. */
export interface LogDeps {
  readonly origin: string
  readonly keys: LogKeys
  readonly signer: SigningKey
}

/**
 * Nodes are stored at every fourth level only: a proof reads at most sixteen rows per stored level, and an
 * append writes one node row per sixteen leaves instead of one per leaf.
 */
export const NODE_LEVELS = 4

const EMPTY: LogHead = { range: { size: 0, hashes: [] }, note: '', at: 0, state: {} }

/** A log over the rows of `keys`, signed by `signer` under its origin. */
export function createLog({ origin, keys, signer }: LogDeps): Log {
  /** The last head this instance made or verified: checking a signature costs more than an append. */
  let trusted: { readonly bytes: Uint8Array; readonly head: LogHead } | undefined
  return {
    origin,
    keys,
    lastAt: () => trusted?.head.at ?? 0,
    head: async (bytes) => {
      if (bytes === undefined) return EMPTY
      if (trusted !== undefined && equalBytes(trusted.bytes, bytes)) return trusted.head
      const head = await verifyHead(bytes, { name: origin, publicKey: signer.publicKey })
      trusted = { bytes: bytes.slice(), head }
      return head
    },
    append: async (before, { leaves, at, state }) => {
      const { range, put } = extend(before.range, leaves, keys)
      const text = formatCheckpoint({ origin, size: range.size, root: rootOf(range) })
      const note = await signNote(text, origin, signer)
      const head: LogHead = { range, note, at: Math.max(before.at, at), state }
      const bytes = encodeHead(head)
      trusted = { bytes, head }
      return { head, put: [...put, [keys.head, bytes]] }
    },
  }
}

function extend(
  before: Range,
  leaves: readonly Uint8Array[],
  keys: LogKeys,
): { readonly range: Range; readonly put: readonly Row[] } {
  const put: Row[] = []
  let range = before
  for (const leaf of leaves) {
    put.push([keys.leaf(range.size), leaf])
    const appended = appendLeaf(range, leafHash(leaf))
    for (const { level, index, hash } of appended.completed) {
      if (level % NODE_LEVELS === 0) put.push([keys.node(level, index), hash])
    }
    range = appended.range
  }
  return { range, put }
}
