import { toBase64url, toHex } from '../base/bytes.ts'
import { canonicalBytes, type JsonObject, type JsonValue } from '../base/canonical.ts'
import { invalidInput } from '../base/errors.ts'
import { ownBytes } from '../base/own-json.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { sha256Text } from '../crypto/hash.ts'
import { randomBytes } from '../crypto/random.ts'
import type { ClassKey } from '../keys/class-key.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import { type EnvelopeContext, openEnvelope, ROW_KIND, sealEnvelope } from '../keys/envelope.ts'
import { CORE } from '../policy/catalogue.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Key } from '../storage/store.ts'
import type { Person } from './person.ts'

/** An operation id of a person, and what it stands for. */
export interface Operation {
  readonly id: string
  readonly row: Key
  /** Of the request: another one under the same id is refused. */
  readonly requestHash: string
  readonly context: EnvelopeContext
}

/** What an operation answered. */
export interface Answer<Value> {
  readonly value: Value
  readonly sequence: number
}

/** What operations need. */
export interface OperationDeps {
  readonly keyspace: Keyspace
  readonly controller: Pick<ControllerKey, 'operationToken'>
  readonly storeId: string
}

/** Who asks for what, under which id. */
export interface OperationRequest {
  readonly id: string
  readonly operationId?: string | undefined
  readonly request: JsonObject
}

const ID_LENGTH = 16

/** The operation of a request, under its own id or a random one. The id shows in no key. */
export function createOperation(
  { keyspace, controller, storeId }: OperationDeps,
  { id: personId, operationId, request }: OperationRequest,
): Operation {
  const id = operationId ?? toHex(randomBytes(ID_LENGTH))
  const hash = toBase64url(controller.operationToken(personId, id))
  return {
    id,
    row: keyspace.operation(personId, hash),
    requestHash: sha256Text(canonicalBytes(request)),
    context: {
      kind: ROW_KIND.operation,
      storeId,
      personId,
      accessClass: CORE,
      recordId: hash,
      revision: 0,
    },
  }
}

/** The row that says an operation was applied, and what it answered. */
export function sealOperation<Value extends JsonValue>(
  core: ClassKey,
  { requestHash, context }: Operation,
  { value, sequence }: Answer<Value>,
): Uint8Array {
  return sealEnvelope(core, context, ownBytes({ request: requestHash, sequence, value }))
}

/** The row that says an operation never was, and by standing there keeps a late attempt from landing. */
export function sealVoid(core: ClassKey, { context }: Operation): Uint8Array {
  return sealEnvelope(core, context, ownBytes({ void: true }))
}

/**
 * What an operation answered when it was applied; undefined when it was not.
 *
 * @throws {@link invalid_input} when the id was used for another request
 */
export function findOperation<Value extends JsonValue>(
  { core }: Pick<Person, 'core'>,
  { requestHash, context }: Operation,
  sealed: Uint8Array | undefined,
): Answer<Value> | undefined {
  if (sealed === undefined) return undefined
  const record = parseCanonical(openEnvelope(core, context, sealed)) as
    | ({ readonly void?: true; readonly request: string } & Answer<Value>)
    | undefined
  if (record === undefined || record.void === true) return undefined
  if (record.request !== requestHash) throw invalidInput(['operationId'], 'reused')
  return { value: record.value, sequence: record.sequence }
}
