import { concatBytes, fromHex, lengthPrefixed, toHex, utf8 } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { COMMITMENT_BYTES, SALT_BYTES } from '../crypto/chunked.ts'

/** What stands before the chunks of a sealed attachment: version, suite, key id (8), blob id (16), salt, commitment. */
export interface BlobHead {
  readonly keyId: Uint8Array
  readonly blobId: string
  readonly salt: Uint8Array
  readonly commitment: Uint8Array
}

/** Where an attachment belongs: opened as another one it does not open. */
export interface BlobPlace {
  readonly storeId: string
  readonly personId: string
  /** Number of the record type. */
  readonly type: number
  /** Absent for the single record of a type. */
  readonly recordId: string | undefined
  readonly fieldId: string
  readonly accessClass: number
}

const VERSION = 1
/** Chunked, with AES-256-GCM and SHA-512. */
const SUITE = 3
const KEY_ID = 2
const BLOB_ID = 10
const SALT = 26
const COMMITMENT = SALT + SALT_BYTES
/** Bytes before the first chunk. */
export const HEAD_BYTES: number = COMMITMENT + COMMITMENT_BYTES

/** The bytes before the first chunk. */
export function encodeHead({ keyId, blobId, salt, commitment }: BlobHead): Uint8Array {
  return concatBytes([nameOf({ keyId, blobId }), salt, commitment])
}

/**
 * Reads the bytes before the first chunk.
 *
 * @throws {@link unsupported_format} when they are of a version or suite unknown here
 * @throws {@link decryption_failed} when some are missing
 */
export function decodeHead(bytes: Uint8Array): BlobHead {
  const [version = VERSION, suite = SUITE] = bytes
  if (version !== VERSION || suite !== SUITE)
    throw new PrivityError('unsupported_format', { what: 'blob', version })
  if (bytes.length < HEAD_BYTES) throw new PrivityError('decryption_failed', { what: 'blob' })
  return {
    keyId: bytes.slice(KEY_ID, BLOB_ID),
    blobId: toHex(bytes.subarray(BLOB_ID, SALT)),
    salt: bytes.slice(SALT, COMMITMENT),
    commitment: bytes.slice(COMMITMENT, HEAD_BYTES),
  }
}

/** What key and commitment of an attachment are bound to. */
export function contextOf(head: Pick<BlobHead, 'keyId' | 'blobId'>, place: BlobPlace): Uint8Array {
  const { storeId, personId, type, recordId = '', fieldId, accessClass } = place
  return lengthPrefixed([
    nameOf(head),
    utf8(storeId),
    utf8(personId),
    utf8(String(type)),
    utf8(recordId),
    utf8(fieldId),
    utf8(String(accessClass)),
  ])
}

function nameOf({ keyId, blobId }: Pick<BlobHead, 'keyId' | 'blobId'>): Uint8Array {
  return concatBytes([
    Uint8Array.of(VERSION, SUITE),
    keyId,
    fromHex(blobId) ?? new Uint8Array(SALT - BLOB_ID),
  ])
}
