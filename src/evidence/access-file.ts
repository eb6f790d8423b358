import { toBase64url } from '../base/bytes.ts'
import { canonicalBytes, type JsonObject, type JsonValue } from '../base/canonical.ts'
import { bytesOf, hasMembers, isCount, isJsonObject, readList } from '../base/json-shape.ts'
import { ownBytes } from '../base/own-json.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { pathOf } from './tiles.ts'

/** The accesses to one person in one segment of an access log, and nobody else's. */
export interface AccessFile {
  /** Of the segment, in the access log. */
  readonly leaf: Uint8Array
  /** From the leaf to the root of the access log. */
  readonly proof: readonly Uint8Array[]
  /** Entries of the segment. */
  readonly size: number
  /** Those about the person, in order. */
  readonly entries: readonly ProvenAccess[]
}

/** One access, and its place in the segment. */
export interface ProvenAccess {
  readonly entry: JsonObject
  readonly position: number
  /** From the entry to the root of the segment. */
  readonly proof: readonly Uint8Array[]
}

/** Where the checkpoint of an access log is. */
export function writerName(writer: number): string {
  return `access/${writer}/checkpoint`
}

/** Where the accesses to a person in one segment are. */
export function accessName(writer: number, id: string, index: number): string {
  return `access/${writer}/${id}/${pathOf(index)}`
}

/** Canonical JSON. */
export function encodeAccessFile({ leaf, proof, size, entries }: AccessFile): Uint8Array {
  return canonicalBytes({
    leaf: toBase64url(leaf),
    proof: proof.map(toBase64url),
    size,
    entries: entries.map(({ proof, ...entry }) => ({ ...entry, proof: proof.map(toBase64url) })),
  })
}

/** Undefined for anything that {@link encodeAccessFile} does not write. */
export function decodeAccessFile(bytes: Uint8Array): AccessFile | undefined {
  const json = parseCanonical(bytes)
  if (!hasMembers(json, 4)) return undefined
  const { size } = json
  const leaf = bytesOf(json['leaf'])
  const proof = toProof(json['proof'])
  const entries = readList(json['entries'], toEntry)
  if (leaf === undefined || proof === undefined || entries === undefined) return undefined
  return isCount(size) ? { leaf, proof, size, entries } : undefined
}

/** The bytes of an entry, as the segment hashed them. */
export function entryBytes({ entry }: ProvenAccess): Uint8Array {
  return ownBytes(entry)
}

function toEntry(value: JsonValue): ProvenAccess | undefined {
  if (!hasMembers(value, 3)) return undefined
  const { entry, position } = value
  const proof = toProof(value['proof'])
  if (!isJsonObject(entry) || !isCount(position) || proof === undefined) return undefined
  return { entry, position, proof }
}

function toProof(value: JsonValue | undefined): readonly Uint8Array[] | undefined {
  return readList(value, bytesOf)
}
