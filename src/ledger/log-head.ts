import { concatBytes, equalBytes, fromBase64url, toBase64url, utf8 } from '../base/bytes.ts'
import type { JsonObject, JsonValue } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { isCount, isJsonObject } from '../base/json-shape.ts'
import { ownBytes } from '../base/own-json.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { type Range, rootOf } from '../crypto/merkle.ts'
import { readCheckpoint } from '../crypto/checkpoint.ts'
import { type NoteKey, parseNote, verifyNote } from '../crypto/note.ts'

/** The row that every batch compares and rewrites: right edge of the tree, signed note, counters. */
export interface LogHead {
  readonly range: Range
  /** Signed note for exactly this size. */
  readonly note: string
  /** Milliseconds since the epoch of the last entry. */
  readonly at: number
  /** How often a restored copy of this log was accepted: each goes on under an origin of its own. */
  readonly generation: number
  /** What the log's owner keeps with it. */
  readonly state: JsonObject
}

/** What a head row is held against. */
export interface HeadTrust {
  /** Of the first generation. */
  readonly origin: string
  readonly publicKeys: readonly Uint8Array[]
  /** A keyed digest that nobody but this store's owner can make. */
  mac(message: Uint8Array): Uint8Array
}

const VERSION = 1
const RESTORED = /\/restored\/([1-9][0-9]{0,8})$/
const MAC_LABEL = utf8('privity/head/v1\0')

/** The name of a log in its checkpoints. */
export function originOf(origin: string, generation: number): string {
  return generation === 0 ? origin : `${origin}/restored/${generation}`
}

/** The name of a log in its first generation, and which generation it is of. */
export function splitOrigin(name: string): {
  readonly first: string
  readonly generation: number
} {
  const [suffix = '', digits = '0'] = RESTORED.exec(name) ?? []
  return { first: name.slice(0, name.length - suffix.length), generation: Number(digits) }
}

/** The bytes of a head row: canonical JSON. The note covers the leaves only, the digest the rest. */
export function encodeHead(head: LogHead, trust: Omit<HeadTrust, 'publicKeys'>): Uint8Array {
  const { range, note } = head
  return ownBytes({
    v: VERSION,
    size: range.size,
    edge: range.hashes.map(toBase64url),
    note,
    ...beside(head),
    mac: macOf(head, trust),
  })
}

/**
 * Reads a head row and holds it against its own signed note: the edge must give the root that was signed.
 *
 * @throws {@link ledger_inconsistent} when it does not, or the signature is not ours
 */
export async function verifyHead(bytes: Uint8Array, trust: HeadTrust): Promise<LogHead> {
  const decoded = decodeHead(bytes)
  const note = decoded === undefined ? undefined : parseNote(decoded.head.note)
  const checkpoint = note === undefined ? undefined : readCheckpoint(note.text)
  if (decoded === undefined || note === undefined || checkpoint === undefined)
    throw inconsistent(trust, 'head')
  const { head, mac } = decoded
  const name = originOf(trust.origin, head.generation)
  if (checkpoint.origin !== name || checkpoint.size !== head.range.size)
    throw inconsistent(trust, 'root')
  if (!equalBytes(checkpoint.root, rootOf(head.range))) throw inconsistent(trust, 'root')
  const keys = trust.publicKeys.map((publicKey): NoteKey => ({ name, publicKey }))
  if (!(await verifyNote(note, keys))) throw inconsistent(trust, 'signature')
  if (mac !== macOf(head, trust)) throw inconsistent(trust, 'head')
  return head
}

function beside({ at, generation, state }: LogHead): JsonObject {
  return { at, generation, state }
}

function macOf(head: LogHead, { origin, mac }: Omit<HeadTrust, 'publicKeys'>): string {
  const message = ownBytes({ origin, size: head.range.size, ...beside(head) })
  return toBase64url(mac(concatBytes([MAC_LABEL, message])))
}

function decodeHead(
  bytes: Uint8Array,
): { readonly head: LogHead; readonly mac: string } | undefined {
  const json = parseCanonical(bytes)
  if (!isJsonObject(json) || json['v'] !== VERSION) return undefined
  const { size, edge, note, at, generation, state, mac } = json as {
    readonly [name: string]: JsonValue | undefined
  }
  if (
    !isCount(size) ||
    !isCount(at) ||
    !isCount(generation) ||
    typeof note !== 'string' ||
    typeof mac !== 'string' ||
    !isJsonObject(state) ||
    !Array.isArray(edge)
  ) {
    return undefined
  }
  const hashes = edge.map((hash) => (typeof hash === 'string' ? fromBase64url(hash) : undefined))
  const complete = hashes.every((hash): hash is Uint8Array => hash?.length === 32)
  // One perfect subtree per bit of the size (RFC 9162 §2.1): any other count is no edge.
  if (!complete || hashes.length !== bitCount(size)) return undefined
  return { head: { range: { size, hashes }, note, at, generation, state }, mac }
}

function bitCount(size: number): number {
  return [...size.toString(2)].filter((bit) => bit === '1').length
}

function inconsistent({ origin }: HeadTrust, kind: string): PrivityError {
  return new PrivityError('ledger_inconsistent', { origin, kind })
}
