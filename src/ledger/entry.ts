import { concatBytes, fromUtf8, toBase64url, utf8 } from '../base/bytes.ts'
import type { JsonObject } from '../base/canonical.ts'
import { ownBytes } from '../base/own-json.ts'
import { hmacSha256, sha256Text } from '../crypto/hash.ts'
import { randomBytes } from '../crypto/random.ts'
import type { SigningKey } from '../crypto/signature.ts'
import type { Applied, Change } from '../storage/participant.ts'
import type { Key } from '../storage/store.ts'

/** What an operation tells the log. */
export type Entry = PersonEntry | ControllerEntry

/** An operation about one person: blinded by a key of that person, so that erasing it unlinks the leaf. */
export interface PersonEntry extends EntryFacts {
  readonly kind: 'person'
  readonly bodyKey: Key
  readonly sequence: number
  tag(message: Uint8Array): Uint8Array
  seal(body: Uint8Array): Uint8Array
  /** The person document that this operation replaces. */
  readonly replaces: Uint8Array | undefined
}

/** An operation about no person, or an erasure; the log numbers and seals it. */
export interface ControllerEntry extends EntryFacts {
  readonly kind: 'controller'
  /** Becomes the newest policy of the store. */
  readonly registers?: string
  /** Signs checkpoints from now on; the one of this entry is signed by both keys. */
  readonly successor?: SigningKey
  /** A restored copy goes on: the checkpoint of the log that it was ahead of, which nothing follows. */
  readonly accepts?: string
  /** From here on, keys are wrapped under this epoch of the provider. */
  readonly rotates?: number
  /**
   * What the body calls a row that is deleted: the tokens of somebody who is erased would else be found again
   * under the keys of lookups.
   */
  alias?(name: string): string
}

interface EntryFacts {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly event: JsonObject
  /** Refused unless this is the newest policy; absent for what protects a person under any policy. */
  readonly policy?: string | undefined
  /** Epoch that this operation wrapped keys under; an older one than the store has in use is wrapped anew. */
  readonly wraps?: number | undefined
}

/** Where an operation stands in the log. */
export interface EntryReceipt {
  readonly origin: string
  readonly index: number
  readonly sequence: number
  /** Of the log in `checkpoint`. */
  readonly size: number
  readonly leaf: Uint8Array
  /** The hashes that lead from the leaf to the root in `checkpoint`. */
  inclusion(): readonly Uint8Array[]
  /** Signed note over a log that holds the entry. */
  readonly checkpoint: string
  /** The one that it was appended to; empty for the first. */
  readonly follows: string
  readonly rollbackProtection: RollbackProtection
}

/** Whether an older copy of the store, put back, would be noticed to lack the entry. */
export type RollbackProtection = 'none' | 'anchored'

/** A body as sealed: the secret that opens its commitment, then canonical JSON. */
export interface Body {
  readonly bytes: Uint8Array
  readonly commitment: Uint8Array
}

/** The blinded sequence and the commitment of a leaf, in base64url. */
export interface Leaf {
  readonly s: string
  readonly b: string
}

/** Every leaf is as long, in bytes. */
export const LEAF_LENGTH = 107

const VERSION = 1
const SECRET_LENGTH = 32
/** 32 bytes in base64url end in a digit whose last two bits are zero. */
const LEAF = /^\{"b":"([\w-]{42}[AEIMQUYcgkosw048])","s":"([\w-]{42}[AEIMQUYcgkosw048])","v":1\}$/
const TAG_LABEL = utf8('privity/leaf/v1\0')
const BODY_LABEL = utf8('privity/body/v1\0')

/** A change, and what it found, as far as somebody looked. */
type Looked = Change<Entry> & Partial<Pick<Applied<Entry>, 'before'>>

/**
 * The body commits to what the operation did: its leaf index, the document it replaces, and key and
 * SHA-256 of every row that it put or deleted, its own excepted. The expected store is the fold of these. An entry
 * about no person also says what those rows were before: what somebody else did to them shows for good.
 */
export function createBody(
  { entry, put, del, before }: Looked,
  place: { readonly index: number; readonly sequence: number; readonly prefix: string },
): Body {
  const name = (key: Key): string => key.slice(place.prefix.length)
  const replaces = entry.kind === 'person' ? entry.replaces : undefined
  const alias = entry.kind === 'controller' ? entry.alias : undefined
  const gone = (key: Key): string => alias?.(name(key)) ?? name(key)
  const was = (key: Key): readonly (string | null)[] => {
    if (entry.kind === 'person' || before?.has(key) !== true) return []
    const value = before.get(key)
    return [value === undefined ? null : sha256Text(value)]
  }
  const body = ownBytes({
    at: entry.at,
    event: entry.event,
    index: place.index,
    replaces: replaces === undefined ? null : sha256Text(replaces),
    rows: [
      ...put.map(([key, value]) => [name(key), sha256Text(value), ...was(key)]),
      // Of whom is erased, the log keeps no more than it has to.
      ...del.map((key) => [gone(key), null, ...(alias === undefined ? was(key) : [])]),
    ],
    sequence: place.sequence,
    v: VERSION,
  })
  const secret = randomBytes(SECRET_LENGTH)
  return { bytes: concatBytes([secret, body]), commitment: commitmentOf(secret, body) }
}

/** Splits the plaintext of a body row. */
export function splitBody(plaintext: Uint8Array): {
  readonly secret: Uint8Array
  readonly body: Uint8Array
} {
  return { secret: plaintext.subarray(0, SECRET_LENGTH), body: plaintext.subarray(SECRET_LENGTH) }
}

/** What the leaf says of a body; hiding as long as the secret is. */
export function commitmentOf(secret: Uint8Array, body: Uint8Array): Uint8Array {
  return hmacSha256(secret, BODY_LABEL, body)
}

/** What the secret of a body is the key for. */
export function commitmentMessage(body: Uint8Array): Uint8Array {
  return concatBytes([BODY_LABEL, body])
}

/** A leaf never tells whom it is about: a blinded sequence and a blinded commitment. */
export function encodeLeaf(
  tag: (message: Uint8Array) => Uint8Array,
  sequence: number,
  commitment: Uint8Array,
): Uint8Array {
  return ownBytes({ b: toBase64url(commitment), s: leafTag(tag, sequence), v: VERSION })
}

/** The blinded sequence of a leaf: whoever holds the key of the tag finds the leaves of its owner. */
export function leafTag(tag: (message: Uint8Array) => Uint8Array, sequence: number): string {
  return toBase64url(tag(tagMessage(sequence)))
}

/** What the key of the tag is for. */
export function tagMessage(sequence: number): Uint8Array {
  return concatBytes([TAG_LABEL, utf8(String(sequence))])
}

/** Reads a leaf in its one spelling; undefined for anything else. */
export function parseLeaf(leaf: Uint8Array): Leaf | undefined {
  const [, b, s] = LEAF.exec(leaf.length === LEAF_LENGTH ? (fromUtf8(leaf) ?? '') : '') ?? []
  return b === undefined || s === undefined ? undefined : { s, b }
}
