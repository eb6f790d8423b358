import { concatBytes, equalBytes } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import {
  CHUNK_BYTES,
  CHUNK_TAG_BYTES,
  type Chunked,
  openChunked,
  SALT_BYTES,
} from '../crypto/chunked.ts'
import { randomBytes } from '../crypto/random.ts'
import type { ClassKey } from '../keys/class-key.ts'
import { type BlobHead, type BlobPlace, contextOf, encodeHead } from './blob-format.ts'
import type { ByteReader } from './byte-source.ts'
import { regroup } from './regroup.ts'

/** WebCrypto works in other threads: chunk by chunk, most of the time would go by in waiting for them. */
const AT_ONCE = 8
const SEALED_BYTES = CHUNK_BYTES + CHUNK_TAG_BYTES

/** Seals a source under a key of its own; first come the bytes of the head. */
export async function* sealChunks(
  key: ClassKey,
  { blobId, place }: { readonly blobId: string; readonly place: BlobPlace },
  source: ByteReader,
): AsyncGenerator<Uint8Array> {
  const named = { keyId: key.id, blobId, salt: randomBytes(SALT_BYTES) }
  const message = await messageOf(key, named, place)
  yield encodeHead({ ...named, commitment: message.commitment })
  let index = 0
  for await (const bytes of regroup(source, AT_ONCE * CHUNK_BYTES)) {
    const sealing = cut(bytes, CHUNK_BYTES).map((chunk, at) => message.seal(index + at, chunk))
    index += sealing.length
    yield concatBytes(await Promise.all(sealing))
  }
}

/**
 * The message that a head stands before, with nothing opened yet.
 *
 * @throws {@link decryption_failed} when the head was changed, or belongs to another place
 */
export async function openMessage(
  key: ClassKey,
  head: BlobHead,
  place: BlobPlace,
): Promise<Chunked> {
  const message = await messageOf(key, head, place)
  if (equalBytes(message.commitment, head.commitment)) return message
  throw new PrivityError('decryption_failed', { what: 'blob' })
}

/** Only what was authenticated; ends only when the last chunk was. */
export async function* openChunks(
  message: Chunked,
  source: ByteReader,
): AsyncGenerator<Uint8Array> {
  let index = 0
  for await (const bytes of regroup(source, AT_ONCE * SEALED_BYTES)) {
    const opening = cut(bytes, SEALED_BYTES).map((chunk, at) => message.open(index + at, chunk))
    index += opening.length
    const opened = await Promise.all(opening)
    const altered = opened.indexOf(undefined)
    const genuine = opened.slice(0, altered === -1 ? opened.length : altered)
    const plaintext = concatBytes(genuine.filter((chunk) => chunk !== undefined))
    if (plaintext.length > 0) yield plaintext
    if (altered !== -1) throw new PrivityError('decryption_failed', { what: 'blob' })
  }
}

/** A full group has full chunks only; any other is the last, and so is its last chunk, which may be empty. */
function cut(group: Uint8Array, length: number): readonly Uint8Array[] {
  const full = Math.floor(group.length / length)
  const count = full === AT_ONCE ? full : full + 1
  return Array.from({ length: count }, (_, at) => group.subarray(at * length, (at + 1) * length))
}

async function messageOf(
  key: ClassKey,
  head: Pick<BlobHead, 'keyId' | 'blobId' | 'salt'>,
  place: BlobPlace,
): Promise<Chunked> {
  const secret = key.blobKey()
  try {
    return await openChunked({ key: secret, salt: head.salt, context: contextOf(head, place) })
  } finally {
    secret.fill(0)
  }
}
