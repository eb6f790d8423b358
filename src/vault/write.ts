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
import { recordReads } from './open-record.ts'
import { logRefusalOf } from './read.ts'
import { draftRecord, type RecordDraft } from './record-draft.ts'
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
      reads: [...vault.permit.reads, ...recordReads(vault, target, request)],
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
    throw error
  }
}

interface Permission {
  readonly request: Write
  readonly draft: Draft
  readonly related: boolean
  readonly rows: Rows
}

/** The purpose must have a live basis, and its consent must cover every field that is written. */
function requirePermission(
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
