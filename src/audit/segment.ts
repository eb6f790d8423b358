import { lengthPrefixed, toBase64url, utf8 } from '../base/bytes.ts'
import { canonicalBytes, canonicalJson, type JsonObject } from '../base/canonical.ts'
import { appendLeaf, leafHash, type Range, rootOf } from '../crypto/merkle.ts'
import { randomBytes } from '../crypto/random.ts'

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

/** The accesses of one group commit. */
export interface Segment {
  /** Canonical JSON of the salted entries. */
  readonly bytes: Uint8Array
  /**
   * Over the entries as leaves. Each has a salt of its own, so one person's evidence shows nothing of the
   * others in the same segment.
   */
  readonly root: Uint8Array
}

const SALT_LENGTH = 16
const VERSION = 1

/** Salts and hashes the accesses of a segment. */
export function createSegment(accesses: readonly Access[]): Segment {
  const salts = randomBytes(SALT_LENGTH * accesses.length)
  const entries = accesses.map((access, index) => {
    const salt = salts.subarray(index * SALT_LENGTH, (index + 1) * SALT_LENGTH)
    return canonicalJson({ v: VERSION, salt: toBase64url(salt), ...toJson(access) })
  })
  let range: Range = { size: 0, hashes: [] }
  for (const entry of entries) range = appendLeaf(range, leafHash(utf8(entry))).range
  return { bytes: utf8(`[${entries.join(',')}]`), root: rootOf(range) }
}

/** The leaf of a segment: the root itself needs no blinding, since its entries are salted. */
export function encodeSegmentLeaf(
  tag: (message: Uint8Array) => Uint8Array,
  {
    writer,
    index,
    root,
  }: { readonly writer: number; readonly index: number; readonly root: Uint8Array },
): Uint8Array {
  const message = lengthPrefixed([
    utf8('privity/segment/v1'),
    utf8(String(writer)),
    utf8(String(index)),
  ])
  return canonicalBytes({ v: VERSION, s: toBase64url(tag(message)), b: toBase64url(root) })
}

function toJson(access: Access): JsonObject {
  const { pseudonym, actor, task, reasons, ...rest } = access
  return {
    ...rest,
    subject: pseudonym,
    actor: actor.id,
    roles: actor.roles,
    ...(task === undefined ? {} : { task }),
    ...(reasons === undefined ? {} : { reasons }),
  }
}
