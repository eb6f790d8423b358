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
  /** How many entries about no person there are; absent unless their bodies are disclosed. */
  readonly controllerEntries?: number | undefined
  readonly subjects: readonly ManifestSubject[]
}

/** A person whose entries are disclosed. */
export interface ManifestSubject {
  readonly id: string
  /** Finds the leaves of this person. */
  readonly tagKey: Uint8Array
  /** Stands for the person in access logs. */
  readonly pseudonym: string
  /** How many segments of access logs hold accesses to this person. */
  readonly segments: number
}

const FORMAT = 'privity.evidence/1'
const TAG_KEY_LENGTH = 32
const SUBJECT_MEMBERS = 4
const PSEUDONYM = /^[\w-]{1,64}$/

/** One line of canonical JSON. */
export function formatManifest(manifest: Manifest): string {
  const { controllerEntries, subjects, ...rest } = manifest
  const json = canonicalJson({
    format: FORMAT,
    ...rest,
    controllerEntries: controllerEntries ?? null,
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
  const { format, controllerEntries, subjects, ...rest } = json
  const people = readList(subjects, parseSubject)
  const counted = controllerEntries === null || isCount(controllerEntries)
  if (people === undefined || !counted || !isRest(rest)) return undefined
  if (new Set(people.map(({ id }) => id)).size < people.length) return undefined
  return { ...rest, controllerEntries: controllerEntries ?? undefined, subjects: people }
}

function parseSubject(value: JsonValue): ManifestSubject | undefined {
  if (!hasMembers(value, SUBJECT_MEMBERS)) return undefined
  const { id, pseudonym, segments } = value
  const tagKey = bytesOf(value['tagKey'])
  if (!isId(id) || tagKey?.length !== TAG_KEY_LENGTH) return undefined
  if (typeof pseudonym !== 'string' || !PSEUDONYM.test(pseudonym)) return undefined
  return isCount(segments) ? { id, tagKey, pseudonym, segments } : undefined
}

type Rest = Omit<Manifest, 'controllerEntries' | 'subjects'>

function isRest(rest: object): rest is Rest {
  const { origin, sizes, exportedAt, verifierKeys, jwks, ...others } = rest as JsonObject
  if (Object.keys(others).length > 0 || typeof origin !== 'string') return false
  if (!Array.isArray(sizes) || sizes.length === 0 || !sizes.every(isCount)) return false
  if (typeof exportedAt !== 'string' || new Date(exportedAt).toJSON() !== exportedAt) return false
  if (!Array.isArray(verifierKeys) || !verifierKeys.every((key) => typeof key === 'string'))
    return false
  return isJsonObject(jwks) && Array.isArray(jwks['keys']) && jwks['keys'].every(isJsonObject)
}
