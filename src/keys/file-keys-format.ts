import { fromUtf8, toBase64url, toHex, utf8 } from '../base/bytes.ts'
import { canonicalBytes, type JsonObject, type JsonValue } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { isId } from '../base/id.ts'
import { bytesOf, hasMembers, isCount, isJsonObject, readList } from '../base/json-shape.ts'
import { fromInstant, toInstant } from '../base/time.ts'
import { sha256 } from '../crypto/hash.ts'

/** What a key file holds: every epoch there ever was, so that no number is used twice. */
export interface KeyFile {
  /** Random, made with the file. */
  readonly id: string
  /** Numbered from 1 without a gap; the last is the current one and lives. */
  readonly epochs: readonly FileEpoch[]
}

/** An epoch with its secret, or what is left of one. */
export type FileEpoch = LiveEpoch | DeadEpoch

/** Times are milliseconds since the epoch. */
export interface LiveEpoch {
  readonly epoch: number
  readonly createdAt: number
  readonly secret: Uint8Array
}

/** The number and the times stay. */
export interface DeadEpoch {
  readonly epoch: number
  readonly createdAt: number
  readonly destroyedAt: number
}

const FORMAT = 'privity-keys'
const VERSION = 1
const SECRET_LENGTH = 32

/** The bytes of a key file. */
export function encodeKeyFile({ id, epochs }: KeyFile): Uint8Array {
  const content = { format: FORMAT, version: VERSION, id, epochs: epochs.map(toJson) }
  return utf8(`${JSON.stringify({ ...content, sum: sumOf(content) }, null, 2)}\n`)
}

/**
 * Reads a key file whole or not at all: a secret with a wrong bit would open nothing, and nobody would know why.
 *
 * @throws {@link unsupported_format} for one of another version
 * @throws {@link key_unreadable} for one that is torn or damaged, and for any other file
 */
export function decodeKeyFile(bytes: Uint8Array): KeyFile {
  const json = parseJson(bytes)
  if (!isJsonObject(json) || json['format'] !== FORMAT) throw unreadable()
  const { version, id, epochs, sum } = json
  if (version !== VERSION) {
    const known = typeof version === 'number' ? version : 0
    throw new PrivityError('unsupported_format', { what: 'key_file', version: known })
  }
  const list = readList(epochs, readEpoch)
  const isWhole = hasMembers(json, 5) && isSumOf({ format: FORMAT, version, id, epochs }, sum)
  if (!isWhole || !isId(id) || list === undefined || !isSequence(list)) throw unreadable()
  return { id, epochs: list }
}

/** Whether the secret is still there. */
export function isLive(epoch: FileEpoch): epoch is LiveEpoch {
  return 'secret' in epoch
}

function isSequence(epochs: readonly FileEpoch[]): boolean {
  const last = epochs.at(-1)
  return (
    last !== undefined && isLive(last) && epochs.every(({ epoch }, index) => epoch === index + 1)
  )
}

function toJson(epoch: FileEpoch): JsonObject {
  const born = { epoch: epoch.epoch, createdAt: toInstant(epoch.createdAt) }
  if (isLive(epoch)) return { ...born, secret: toBase64url(epoch.secret) }
  return { ...born, destroyedAt: toInstant(epoch.destroyedAt) }
}

function readEpoch(json: JsonValue): FileEpoch | undefined {
  if (!hasMembers(json, 3)) return undefined
  const { epoch } = json
  const createdAt = readInstant(json['createdAt'])
  if (!isCount(epoch) || createdAt === undefined) return undefined
  const secret = bytesOf(json['secret'])
  if (secret?.length === SECRET_LENGTH) return { epoch, createdAt, secret }
  const destroyedAt = readInstant(json['destroyedAt'])
  return destroyedAt === undefined ? undefined : { epoch, createdAt, destroyedAt }
}

function readInstant(json: JsonValue | undefined): number | undefined {
  return typeof json === 'string' ? fromInstant(json) : undefined
}

function parseJson(bytes: Uint8Array): JsonValue | undefined {
  try {
    return JSON.parse(fromUtf8(bytes) ?? '')
  } catch {
    // The message of the parser quotes the file.
    return undefined
  }
}

function isSumOf(content: object, sum: JsonValue | undefined): boolean {
  try {
    return sumOf(content) === sum
  } catch {
    // A part is missing, or damage made a text of it that cannot be written.
    return false
  }
}

/** Finds damage; whoever can write the file could also compute it. */
function sumOf(content: object): string {
  return toHex(sha256(canonicalBytes(content)))
}

function unreadable(): PrivityError {
  return new PrivityError('key_unreadable', { what: 'key_file' })
}
