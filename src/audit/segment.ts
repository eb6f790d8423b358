import { lengthPrefixed, toBase64url, utf8 } from '../base/bytes.ts'
import { ownBytes } from '../base/own-json.ts'
import { randomBytes } from '../crypto/random.ts'
import { segmentRoot } from './segment-proof.ts'

/** One access, as it is logged: whom it was about only by pseudonym. */
export interface Access {
  readonly pseudonym: string
  readonly actor: { readonly id: string; readonly roles: readonly string[] }
  readonly purpose: string
  readonly action: 'read' | 'find' | 'list' | 'refused'
  readonly record: string
  /** Numbers of the access classes that were opened. */
  readonly classes: readonly number[]
  /** Sequence of the head that the decision was made on. */
  readonly head: number
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly task?: string
  readonly reasons?: readonly string[]
}

/** An access as an entry of a segment. */
export interface LoggedAccess extends Access {
  /** Without it, nobody can tell from the hash of an entry what it says. */
  readonly salt: string
}

/** Accesses that were logged together. */
export interface Segment {
  /** As they came, before their times were put in order. */
  readonly accesses: readonly Access[]
  /** Canonical JSON of the salted entries. */
  readonly bytes: Uint8Array
  /**
   * Over the entries as leaves. Each has a salt of its own, so one person's evidence shows nothing of the
   * others in the same segment.
   */
  readonly root: Uint8Array
  /** Time of the last entry; milliseconds since the epoch. */
  readonly at: number
}

/** A segment is one of a writer. */
export interface SegmentPlace {
  readonly writer: number
  readonly index: number
}

/** Most entries of a segment. */
export const SEGMENT_ENTRIES = 256
/** A row takes 512 KiB, and a character of a text up to three bytes. */
const SEGMENT_CHARACTERS = 160 * 1_024
const SALT_LENGTH = 16
const VERSION = 1

/**
 * Salts and hashes accesses, in as many segments as they need.
 *
 * Times never go back within one writer's log: an access of a clock that was set back is logged at the time
 * of the one before it. The order in which things were logged is then the order of their times, and a time
 * is found by halving instead of by reading everything.
 *
 * @param since - Time of the last entry of the log; milliseconds since the epoch
 */
export function createSegments(accesses: readonly Access[], since = 0): readonly Segment[] {
  return cut(saltAll(accesses, since)).map((entries) => {
    const texts = entries.map(({ text }) => text)
    return {
      accesses: entries.map(({ access }) => access),
      bytes: utf8(`[${texts.join(',')}]`),
      root: segmentRoot(texts),
      at: entries.at(-1)?.at ?? since,
    }
  })
}

/** Reads one entry, as {@link createSegments} wrote it. */
export function parseAccess(text: string): LoggedAccess {
  const { v: _, subject, actor, roles, ...rest } = JSON.parse(text)
  return { ...rest, pseudonym: subject, actor: { id: actor, roles } }
}

/** The leaf of a segment: the root itself needs no blinding, since its entries are salted. */
export function encodeSegmentLeaf(
  tag: (message: Uint8Array) => Uint8Array,
  { writer, index, root }: SegmentPlace & Pick<Segment, 'root'>,
): Uint8Array {
  const message = lengthPrefixed([
    utf8('privity/segment/v1'),
    utf8(String(writer)),
    utf8(String(index)),
  ])
  return ownBytes({ b: toBase64url(root), s: toBase64url(tag(message)), v: VERSION })
}

interface Entry {
  readonly access: Access
  readonly at: number
  /** Canonical JSON. */
  readonly text: string
}

function saltAll(accesses: readonly Access[], since: number): readonly Entry[] {
  const saltAt = salter(accesses.length)
  let at = since
  return accesses.map((access, position) => {
    at = Math.max(at, access.at)
    return { access, at, text: encodeAccess(access, at, saltAt(position)) }
  })
}

/** Gives salts as text; where there is a Buffer, in a third of the time. */
function salter(count: number): (position: number) => string {
  const salts = randomBytes(SALT_LENGTH * count)
  const start = (position: number): number => position * SALT_LENGTH
  if (typeof Buffer !== 'function')
    return (position) => toBase64url(salts.subarray(start(position), start(position + 1)))
  const buffer = Buffer.from(salts.buffer, salts.byteOffset, salts.length)
  return (position) => buffer.toString('base64url', start(position), start(position + 1))
}

/** Names in the order of RFC 8785, which `JSON.stringify` keeps: a fifth of the time of sorting them. */
function encodeAccess(access: Access, at: number, salt: string): string {
  return JSON.stringify({
    action: access.action,
    actor: access.actor.id,
    at,
    classes: access.classes,
    head: access.head,
    purpose: access.purpose,
    reasons: access.reasons,
    record: access.record,
    roles: access.actor.roles,
    salt,
    subject: access.pseudonym,
    task: access.task,
    v: VERSION,
  })
}

function cut(entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const parts: Entry[][] = []
  let characters = 0
  for (const entry of entries) {
    const part = parts.at(-1)
    characters += entry.text.length
    if (part !== undefined && part.length < SEGMENT_ENTRIES && characters <= SEGMENT_CHARACTERS) {
      part.push(entry)
    } else {
      parts.push([entry])
      characters = entry.text.length
    }
  }
  return parts
}
