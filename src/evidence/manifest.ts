import { toBase64url, utf8 } from '../base/bytes.ts'
import { canonicalJson, type JsonObject, type JsonValue } from '../base/canonical.ts'
import { isId } from '../base/id.ts'
import { bytesOf, hasMembers, isCount, isJsonObject, readList } from '../base/json-shape.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import type { Instant } from '../base/time.ts'
import type { Jwks } from '../crypto/verify-jws.ts'

/** What a bundle of evidence says of itself, under the signature of the log. */
export interface Manifest {
  /** Of the main log. */
  readonly origin: string
  /** Leaves of the main log, and of each further one that has people. */
  readonly sizes: readonly number[]
  readonly exportedAt: Instant
  readonly verifierKeys: readonly string[]
  readonly jwks: Jwks
  /** Finds the leaves about no single person; absent unless their bodies are disclosed. */
  readonly controllerKey?: Uint8Array | undefined
  readonly subjects: readonly ManifestSubject[]
}

/** A person whose entries are disclosed. */
export interface ManifestSubject {
  readonly id: string
  /** Finds the leaves of this person. */
  readonly tagKey: Uint8Array
  /** How many segments of access logs hold accesses to this person. */
  readonly segments: number
}

const FORMAT = 'privity.evidence/1'
const KEY_LENGTH = 32
const SUBJECT_MEMBERS = 3

/** One line of canonical JSON. */
export function formatManifest(manifest: Manifest): string {
  const { controllerKey, subjects, ...rest } = manifest
  const json = canonicalJson({
    format: FORMAT,
    ...rest,
    controllerKey: controllerKey === undefined ? null : toBase64url(controllerKey),
    subjects: subjects.map(({ tagKey, ...subject }) => ({
      ...subject,
      tagKey: toBase64url(tagKey),
    })),
  })
  return `${json}\n`
}

/** Undefined unless {@link formatManifest} writes exactly this text. */
export function parseManifest(text: string): Manifest | undefined {
  const json = text.endsWith('\n') ? parseCanonical(utf8(text.slice(0, -1))) : undefined
  if (!isJsonObject(json) || json['format'] !== FORMAT) return undefined
  const { format, controllerKey, subjects, ...rest } = json
  const people = readList(subjects, parseSubject)
  const key = parseKey(controllerKey)
  if (people === undefined || (key === undefined && controllerKey !== null) || !isRest(rest))
    return undefined
  if (new Set(people.map(({ id }) => id)).size < people.length) return undefined
  return { ...rest, controllerKey: key, subjects: people }
}

/** The key of 32 bytes that a text in base64url stands for. */
export function parseKey(value: JsonValue | undefined): Uint8Array | undefined {
  const key = bytesOf(value)
  return key?.length === KEY_LENGTH ? key : undefined
}

function parseSubject(value: JsonValue): ManifestSubject | undefined {
  if (!hasMembers(value, SUBJECT_MEMBERS)) return undefined
  const { id, segments } = value
  const tagKey = parseKey(value['tagKey'])
  return isId(id) && tagKey !== undefined && isCount(segments)
    ? { id, tagKey, segments }
    : undefined
}

type Rest = Omit<Manifest, 'controllerKey' | 'subjects'>

function isRest(rest: object): rest is Rest {
  const { origin, sizes, exportedAt, verifierKeys, jwks, ...others } = rest as JsonObject
  if (Object.keys(others).length > 0 || typeof origin !== 'string') return false
  if (!isListOf(sizes, isCount) || sizes.length === 0) return false
  if (typeof exportedAt !== 'string' || new Date(exportedAt).toJSON() !== exportedAt) return false
  if (!isListOf(verifierKeys, (key) => typeof key === 'string')) return false
  return isJsonObject(jwks) && isListOf(jwks['keys'], isJsonObject)
}

function isListOf(
  value: JsonValue | undefined,
  is: (item: JsonValue) => boolean,
): value is readonly JsonValue[] {
  return Array.isArray(value) && value.every((item) => is(item))
}
