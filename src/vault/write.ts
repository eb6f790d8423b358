import type { JsonObject } from '../base/canonical.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import { randomId } from '../base/id.ts'
import type { ParsedAsk } from '../permit/ask.ts'
import { notPermitted, type PersonFacts } from '../permit/permit.ts'
import type { ParsedChanges, StoredFields } from '../policy/compiled.ts'
import type { Rows } from '../storage/participant.ts'
import type { Draft } from '../subjects/draft.ts'
import type { RecordHead } from '../subjects/head.ts'
import type { ParsedWriteOptions } from '../subjects/write-options.ts'
import { isOutrun } from './lookups.ts'
import { recordReads } from './open-record.ts'
import { logRefusalOf } from './read.ts'
import { draftRecord, type RecordDraft } from './record-draft.ts'
import { tokenReads } from './record-tokens.ts'
import type { Target, Vault } from './vault.ts'

/** Who writes about whom. */
export interface WriteRequest {
  readonly ask: ParsedAsk
  readonly id: string
  readonly recordId: string | undefined
  readonly options: ParsedWriteOptions
}

/** Stores a new record; resolves to its id when the person may have many. */
export async function createRecord(
  vault: Vault,
  target: Target,
  { fields, ...request }: WriteRequest & { readonly fields: StoredFields },
): Promise<string> {
  const recordId = target.record.many ? randomId() : undefined
  return write(vault, target, {
    ...request,
    recordId,
    type: 'record.created',
    content: { fields },
    values: fields,
    written: Object.keys(fields),
    apply: (record) => {
      if (record.head !== undefined) throw new PrivityError('already_exists', { kind: 'record' })
      record.save({ set: fields, unset: [] })
    },
  })
}

/** Changes some fields of a record. */
export async function updateRecord(
  vault: Vault,
  target: Target,
  { changes, ...request }: WriteRequest & { readonly changes: ParsedChanges },
): Promise<void> {
  const { set, unset } = changes
  await write(vault, target, {
    ...request,
    type: 'record.updated',
    content: { fields: set, unset },
    values: set,
    written: [...Object.keys(set), ...unset],
    apply: (record) => {
      requireRevision(request.options, record.head)
      record.save(changes)
    },
  })
}

/** Removes one of many records, with its lookup rows. */
export async function removeRecord(
  vault: Vault,
  target: Target,
  request: WriteRequest,
): Promise<void> {
  await write(vault, target, {
    ...request,
    type: 'record.removed',
    content: {},
    values: {},
    written: target.record.fields.map(({ id }) => id),
    apply: (record) => {
      requireRevision(request.options, record.head)
      record.remove()
    },
  })
}

interface Write extends WriteRequest {
  readonly type: 'record.created' | 'record.updated' | 'record.removed'
  readonly content: JsonObject
  /** Values that are written. */
  readonly values: StoredFields
  /** Ids of the fields that are touched. */
  readonly written: readonly string[]
  apply(record: RecordDraft): void
}

async function write(vault: Vault, target: Target, request: Write): Promise<string> {
  const { ask, id, recordId, options, type, written } = request
  const related = await vault.permit.related(ask, id)
  const event: JsonObject = {
    type,
    record: target.record.name,
    purpose: ask.name,
    actor: ask.actor.id,
    roles: ask.actor.roles,
    fields: written,
    ...(ask.task === undefined ? {} : { task: ask.task }),
  }
  await vault.lookups.open()
  const { version } = vault.lookups
  try {
    const { value } = await vault.people.change<string>({
      id,
      operationId: options.operationId,
      signal: options.signal,
      policy: vault.policy.hash,
      // The id of a new record is an answer, not a part of what was asked.
      request: {
        ...event,
        ...request.content,
        ...(type === 'record.created' || recordId === undefined ? {} : { recordId }),
      },
      reads: [
        ...vault.permit.reads,
        ...recordReads(vault, target, request),
        ...tokenReads(vault, target, request.values),
      ],
      apply: (draft, rows) => {
        requirePermission(vault, target, { request, draft, related, rows })
        request.apply(draftRecord(vault, target, { draft, rows, recordId }))
        return { event, value: recordId ?? '' }
      },
    })
    return value
  } catch (error) {
    if (isPrivityError(error, 'not_permitted')) {
      await logRefusalOf(vault, { target, id, ask }, error.details.reasons)
    }
    // Another process started a generation of lookup keys: provably not applied, and done again under it.
    if (isPrivityError(error, 'write_conflict') && (await isOutrun(vault.lookups, version)))
      return write(vault, target, request)
    throw error
  }
}

/** Who writes which fields, and the rows that say whether they may. */
export interface Permission {
  readonly request: Pick<Write, 'ask' | 'written'>
  readonly draft: Draft
  readonly related: boolean
  readonly rows: Rows
}

/**
 * The purpose must have a live basis, and its consent must cover every field that is written.
 *
 * @throws {@link not_permitted} with all reasons
 */
export function requirePermission(
  vault: Vault,
  target: Target,
  { request, draft, related, rows }: Permission,
): void {
  const { ask, written } = request
  const [noticesKey = ''] = vault.permit.reads
  const facts: PersonFacts = { head: draft.head, notices: rows.get(noticesKey), related }
  const { reasons } = vault.permit.decide(ask, facts)
  const baseless = written.some((id) => {
    const field = target.record.fields.find((candidate) => candidate.id === id)
    return (
      !vault.permit.hasBasis(field?.purposes ?? [], facts) ||
      !isCovered(vault, target, { draft, id })
    )
  })
  if (reasons.length > 0 || baseless)
    throw notPermitted(ask.name, baseless ? ['no_basis', ...reasons] : reasons)
}

function isCovered(
  { layouts, policy }: Vault,
  { plan, record }: Target,
  { draft, id }: { readonly draft: Draft; readonly id: string },
): boolean {
  if (policy.purposes.get(plan.purpose)?.basis !== 'consent') return true
  const under = draft.head.consents[plan.purpose]?.policy
  return (
    under === policy.hash ||
    under === undefined ||
    layouts.covered(under, plan.purpose, record.name).has(id)
  )
}

function requireRevision({ ifRevision }: ParsedWriteOptions, head: RecordHead | undefined): void {
  if (head === undefined) throw new PrivityError('not_found', { kind: 'record' })
  if (ifRevision !== undefined && ifRevision !== head.revision)
    throw new PrivityError('write_conflict', { attempts: 1 })
}
