import type { JsonObject } from '../base/canonical.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import { randomId } from '../base/id.ts'
import type { ClassKey } from '../keys/class-key.ts'
import { keysOfClass } from '../keys/key-ring.ts'
import { notPermitted } from '../permit/permit.ts'
import { recordReads } from '../vault/open-record.ts'
import { logRefusalOf } from '../vault/read.ts'
import { draftRecord } from '../vault/record-draft.ts'
import type { Vault } from '../vault/vault.ts'
import { requirePermission } from '../vault/write.ts'
import { requireSubject, withSubjects, type WriteSubjects } from '../vault/write-subjects.ts'
import type { ParsedBlobAsk } from './blob-ask.ts'
import { sealChunks } from './blob-chunks.ts'
import { openKey } from './open-key.ts'
import { type ByteReader, type ByteSource, openSource } from './byte-source.ts'
import { toStream } from './to-stream.ts'

/** An attachment on its way out: the app keeps the bytes, and the id. */
export interface SealedBlob {
  /** Random; for opening it. */
  readonly blobId: string
  /** For the app to keep, wherever it likes; it is sealed as it is read. */
  readonly sealed: ReadableStream<Uint8Array>
}

/** Enters the attachment into the log, with the key if it is the first of its class, then seals as it is read. */
export async function sealBlob(
  vault: Vault,
  asked: ParsedBlobAsk,
  source: ByteSource,
): Promise<SealedBlob> {
  const reader = openSource(source, asked.signal)
  try {
    return await startSealing(vault, asked, reader)
  } catch (error) {
    reader.cancel(error)
    throw error
  }
}

async function startSealing(
  vault: Vault,
  asked: ParsedBlobAsk,
  reader: ByteReader,
): Promise<SealedBlob> {
  const { target, id, recordId, field } = asked
  const blobId = await enter(vault, asked)
  const accessClass = vault.layouts.classOf(field.classKey)
  const key = await keyOf(vault, asked, accessClass)
  const { storeId } = vault.people.deps
  const place = {
    storeId,
    personId: id,
    type: target.type,
    recordId,
    fieldId: field.id,
    accessClass,
  }
  return { blobId, sealed: toStream(sealChunks(key, { blobId, place }, reader), reader) }
}

async function enter(vault: Vault, asked: ParsedBlobAsk): Promise<string> {
  try {
    if (!asked.isServed) throw notPermitted(asked.ask.name, ['field_not_in_purpose'])
    return await enterPermitted(vault, asked)
  } catch (error) {
    if (isPrivityError(error, 'not_permitted')) {
      const { target, id, ask } = asked
      await logRefusalOf(vault, { target, id, ask }, error.details.reasons)
    }
    throw error
  }
}

async function enterPermitted(vault: Vault, asked: ParsedBlobAsk): Promise<string> {
  return withSubjects(vault, asked.target, {
    writing: asked,
    run: (subjects) => enterAbout(vault, asked, subjects),
  })
}

async function enterAbout(
  vault: Vault,
  { ask, id, target, recordId, field, operationId, signal }: ParsedBlobAsk,
  subjects: WriteSubjects,
): Promise<string> {
  const { related } = subjects
  const request: JsonObject = {
    type: 'blob.sealed',
    record: target.record.name,
    ...(recordId === undefined ? {} : { recordId }),
    purpose: ask.name,
    actor: ask.actor.id,
    roles: ask.actor.roles,
    fields: [field.id],
    ...(ask.task === undefined ? {} : { task: ask.task }),
  }
  const blobId = randomId()
  const accessClass = vault.layouts.classOf(field.classKey)
  const { value } = await vault.people.change<string>({
    id,
    operationId,
    signal,
    policy: vault.policy.hash,
    request,
    reads: [
      ...vault.permit.reads,
      ...recordReads(vault, target, { id, recordId }),
      ...subjects.keys,
    ],
    held: subjects.keys,
    apply: (draft, rows) => {
      const writing = { ask, written: [field.id] }
      const concerned = subjects.concernedIn(draft, rows)
      requirePermission(vault, target, { request: writing, concerned, related, rows })
      requireSubject(target, draft)
      const { head } = draftRecord(vault, target, { draft, rows, recordId })
      if (head === undefined) throw new PrivityError('not_found', { kind: 'record' })
      // Made here, if it is the first of its class, so that it is in the document before anything is sealed.
      draft.key(accessClass)
      return { event: { ...request, blobId, class: accessClass }, value: blobId }
    },
  })
  return value
}

async function keyOf(
  { people }: Vault,
  { id, signal }: ParsedBlobAsk,
  accessClass: number,
): Promise<ClassKey> {
  const { person } = await people.read(id, [], signal)
  // One that an erasure is about to destroy stands before the one that takes its place.
  const entry = keysOfClass(person.ring, accessClass).at(-1)
  if (entry === undefined) throw new PrivityError('key_unknown', { what: 'blob' })
  return openKey(people.deps, id, entry)
}
