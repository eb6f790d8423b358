import { sameBytes } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import type { ClassKey } from '../keys/class-key.ts'
import type { RingEntry } from '../keys/key-ring.ts'
import { admit, type Admitted } from '../permit/admit.ts'
import type { Person } from '../subjects/person.ts'
import { ensureKnown, findRecord, recordReads, visibleFields } from '../vault/open-record.ts'
import type { Vault } from '../vault/vault.ts'
import { requireSubject } from '../vault/write-subjects.ts'
import type { ParsedBlobAsk } from './blob-ask.ts'
import { openChunks, openMessage } from './blob-chunks.ts'
import { type BlobHead, decodeHead, HEAD_BYTES } from './blob-format.ts'
import { openKey } from './open-key.ts'
import { type ByteSource, openSource } from './byte-source.ts'
import { splitHead } from './regroup.ts'
import { toStream } from './to-stream.ts'

type OpenAsk = ParsedBlobAsk & { readonly blobId: string }

/** Decides, finds the key, logs the access, and only then opens as it is read. */
export async function openBlob(
  vault: Vault,
  asked: OpenAsk,
  sealed: ByteSource,
): Promise<ReadableStream<Uint8Array>> {
  const reader = openSource(sealed, asked.signal)
  try {
    const admitted = await admitTo(vault, asked)
    const { head, rest } = await splitHead(reader, HEAD_BYTES)
    const parsed = decodeHead(head)
    const { entry, key } = await keyOf(vault, admitted.person, parsed)
    const { storeId } = vault.people.deps
    const { target, id, recordId, field, blobId } = asked
    const { accessClass } = entry
    const place = {
      storeId,
      personId: id,
      type: target.type,
      recordId,
      fieldId: field.id,
      accessClass,
    }
    // One attachment given for another of the same field is as wrong as one of another field.
    if (parsed.blobId !== blobId) throw new PrivityError('decryption_failed', { what: 'blob' })
    const message = await openMessage(key, parsed, place)
    await admitted.log([accessClass])
    return toStream(openChunks(message, rest), rest)
  } catch (error) {
    reader.cancel(error)
    throw error
  }
}

async function admitTo(vault: Vault, asked: OpenAsk): Promise<Admitted> {
  const { ask, id, target, recordId, field, signal } = asked
  const also = recordReads(vault, target, { id, recordId })
  const admitted = await admit(vault, { ask, id, record: target.record.name, also, signal })
  const { person, concerned, rows } = admitted
  requireSubject(target, person)
  const [page, row] = rows
  const record = findRecord(vault, target, { person, rows: { recordId, page, row } })
  await ensureKnown(vault, { person, record, purpose: ask.name, concerned })
  const visible = visibleFields(vault, target, concerned)
  if (!asked.isServed || !visible.some((candidate) => candidate.id === field.id))
    throw await admitted.refuse(['field_not_in_purpose'])
  return admitted
}

interface Found {
  readonly entry: RingEntry
  readonly key: ClassKey
}

/** By the id of the key: what was sealed before its field changed its class opens as before. */
async function keyOf({ people }: Vault, person: Person, { keyId }: BlobHead): Promise<Found> {
  const entry = person.ring.find((candidate) => sameBytes(candidate.keyId, keyId))
  if (entry === undefined) throw new PrivityError('key_unknown', { what: 'blob' })
  return { entry, key: await openKey(people.deps, person.id, entry) }
}
