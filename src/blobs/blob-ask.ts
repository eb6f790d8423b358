import * as z from 'zod/mini'
import { abortSignal } from '../base/abort-signal.ts'
import { invalidInput, PrivityError } from '../base/errors.ts'
import { isId, type SubjectId } from '../base/id.ts'
import { parseInput } from '../base/parse.ts'
import { type AccessAsk, type ParsedAsk, parseAsk } from '../permit/ask.ts'
import type { CompiledField, CompiledRecord } from '../policy/compiled.ts'
import type { RecordType } from '../policy/record-type.ts'
import type { AllowedKeys } from '../policy/view-types.ts'
import type { Target, Vault } from '../vault/vault.ts'

/** Who handles which attachment of whom, and for what. */
export interface BlobAsk<R, P extends string, K extends keyof R> extends AccessAsk<P> {
  /** Whose record the attachment belongs to. */
  readonly subjectId: SubjectId
  /** The record that the attachment belongs to. */
  readonly record: K
  /** Of one of many records of a person. */
  readonly recordId?: string
  /** The field that says something of the attachment; whoever may see it may open the attachment. */
  readonly field: AllowedKeys<FieldsOf<R[K]>, P>
  /** Gives up, also in the middle of the stream. */
  readonly signal?: AbortSignal
}

/** Which attachment is to be made. */
export interface SealBlobAsk<R, P extends string, K extends keyof R> extends BlobAsk<R, P, K> {
  /** Same id, same attachment in the log, at most once. Default: a new id. */
  readonly operationId?: string
}

/** Which attachment is to be opened. */
export interface OpenBlobAsk<R, P extends string, K extends keyof R> extends BlobAsk<R, P, K> {
  /** As `seal` gave it. */
  readonly blobId: string
}

type FieldsOf<T> = T extends RecordType<infer F, infer _O> ? F : never

/** An ask that was checked against the policy. */
export interface ParsedBlobAsk {
  readonly ask: ParsedAsk
  readonly id: string
  readonly target: Target
  readonly recordId: string | undefined
  readonly field: CompiledField
  /** The purpose serves the field, and sees it as it is: a view shows less than the attachment would. */
  readonly isServed: boolean
  readonly signal: AbortSignal | undefined
  readonly blobId: string | undefined
  readonly operationId: string | undefined
}

const text = z.string().check(
  z.minLength(1),
  z.maxLength(256),
  z.refine((value) => value.isWellFormed()),
)
const blobAsk = z.strictObject({
  purpose: z.unknown(),
  actor: z.unknown(),
  task: z.optional(z.unknown()),
  subjectId: z.string(),
  record: z.string(),
  recordId: z.optional(z.string()),
  field: z.string(),
  signal: abortSignal,
})
const sealAsk = z.extend(blobAsk, { operationId: z.optional(text) })
const openAsk = z.extend(blobAsk, { blobId: z.string() })

/** @throws {@link invalid_input} · @throws {@link not_declared} */
export function parseSealAsk(vault: Vault, ask: unknown): ParsedBlobAsk {
  const { operationId, ...common } = parseInput(sealAsk, ask)
  return { ...parseCommon(vault, common), operationId, blobId: undefined }
}

/** @throws {@link invalid_input} · @throws {@link not_declared} · @throws {@link not_found} */
export function parseOpenAsk(
  vault: Vault,
  ask: unknown,
): ParsedBlobAsk & { readonly blobId: string } {
  const { blobId, ...common } = parseInput(openAsk, ask)
  if (!isId(blobId)) throw new PrivityError('not_found', { kind: 'blob' })
  return { ...parseCommon(vault, common), operationId: undefined, blobId }
}

function parseCommon(
  { policy, layouts }: Vault,
  given: z.output<typeof blobAsk>,
): Omit<ParsedBlobAsk, 'blobId' | 'operationId'> {
  const { subjectId: id, record: recordName, field: fieldName, recordId, signal, ...rest } = given
  const ask = parseAsk(policy, rest)
  const record = requireRecord(policy.records, recordName)
  const plan = record.plans.get(ask.name)
  if (plan === undefined) throw new TypeError('a purpose of the policy has no plan')
  const target: Target = { record, plan, type: layouts.typeOf(record.name) }
  const field = requireField(record, fieldName)
  const served = plan.fields.find((candidate) => candidate.id === field.id)
  const isServed = served !== undefined && served.view === undefined
  return { ask, id, target, recordId: parseRecordId(record, recordId), field, isServed, signal }
}

function requireRecord(records: ReadonlyMap<string, CompiledRecord>, name: string): CompiledRecord {
  const record = records.get(name)
  if (record !== undefined) return record
  const declared = [...records.keys()]
  throw new PrivityError('not_declared', { kind: 'record', path: ['record'], declared })
}

function requireField({ fields }: CompiledRecord, name: string): CompiledField {
  const field = fields.find((candidate) => candidate.name === name)
  if (field !== undefined) return field
  const declared = fields.map((candidate) => candidate.name)
  throw new PrivityError('not_declared', { kind: 'field', path: ['field'], declared })
}

function parseRecordId({ many }: CompiledRecord, recordId: string | undefined): string | undefined {
  if (many === (recordId === undefined))
    throw invalidInput(['recordId'], many ? 'missing' : 'not_many')
  if (recordId !== undefined && !isId(recordId))
    throw new PrivityError('not_found', { kind: 'record' })
  return recordId
}
