import { equalBytes, fromBase64url, toBase64url } from '../base/bytes.ts'
import {
  canonicalBytes,
  type JsonObject,
  type JsonValue,
  parseCanonical,
} from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
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
  /** What the log's owner keeps with it. */
  readonly state: JsonObject
}

const VERSION = 1

/** The bytes of a head row: canonical JSON. */
export function encodeHead({ range, note, at, state }: LogHead): Uint8Array {
  return canonicalBytes({
    v: VERSION,
    size: range.size,
    edge: range.hashes.map(toBase64url),
    note,
    at,
    state,
  })
}

/**
 * Reads a head row and holds it against its own signed note: the edge must give the root that was signed.
 *
 * @throws {@link ledger_inconsistent} when it does not, or the signature is not ours
 */
export async function verifyHead(bytes: Uint8Array, key: NoteKey): Promise<LogHead> {
  const head = decodeHead(bytes)
  const note = head === undefined ? undefined : parseNote(head.note)
  const checkpoint = note === undefined ? undefined : readCheckpoint(note.text)
  if (head === undefined || note === undefined || checkpoint === undefined)
    throw inconsistent(key, 'head')
  const fits = checkpoint.origin === key.name && checkpoint.size === head.range.size
  if (!fits || !equalBytes(checkpoint.root, rootOf(head.range))) throw inconsistent(key, 'root')
  if (!(await verifyNote(note, [key]))) throw inconsistent(key, 'signature')
  return head
}

function decodeHead(bytes: Uint8Array): LogHead | undefined {
  const json = parseCanonical(bytes)
  if (!isObject(json) || json['v'] !== VERSION) return undefined
  const { size, edge, note, at, state } = json as { readonly [name: string]: JsonValue | undefined }
  if (
    !isCount(size) ||
    !isCount(at) ||
    typeof note !== 'string' ||
    !isObject(state) ||
    !Array.isArray(edge)
  ) {
    return undefined
  }
  const hashes = edge.map((hash) => (typeof hash === 'string' ? fromBase64url(hash) : undefined))
  const complete = hashes.every((hash): hash is Uint8Array => hash?.length === 32)
  // One perfect subtree per bit of the size (RFC 9162 §2.1): any other count is no edge.
  if (!complete || hashes.length !== bitCount(size)) return undefined
  return { range: { size, hashes }, note, at, state }
}

function bitCount(size: number): number {
  return [...size.toString(2)].filter((bit) => bit === '1').length
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function inconsistent({ name }: NoteKey, kind: string): PrivityError {
  return new PrivityError('ledger_inconsistent', { origin: name, kind })
}
