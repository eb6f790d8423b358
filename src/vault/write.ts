import type { JsonObject } from '../base/canonical.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import { randomId } from '../base/id.ts'
import type { ParsedAsk } from '../permit/ask.ts'
import { type Concerned, headsOf } from '../permit/concerned.ts'
import { notPermitted, type PersonFacts, type Related } from '../permit/permit.ts'
import type { ParsedChanges, StoredFields } from '../policy/compiled.ts'
import type { Rows } from '../storage/participant.ts'
import type { RecordHead } from '../subjects/head.ts'
import type { ParsedWriteOptions } from '../subjects/write-options.ts'
import { recordReads } from './open-record.ts'
import { ownerReads, requireOwner } from './owner.ts'
import { logRefusalOf } from './read.ts'
import { draftRecord, type RecordDraft } from './record-draft.ts'
import { tokenReads } from './record-tokens.ts'
import { type PartsRemoval, removeWithParts } from './remove-parts.ts'
import { referenceReads, requireReferred } from './references.ts'
import { underNewest } from './under-newest.ts'
import type { Target, Vault } from './vault.ts'
import { requireSubject, withSubjects, type WriteSubjects } from './write-subjects.ts'

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

/** Removes one of many records, with its lookup rows and its parts. */
export async function removeRecord(
  vault: Vault,
  target: Target,
  request: WriteRequest,
): Promise<void> {
  const { options } = request
  const { operationId: _, ...anonymous } = options
  await removeWithParts(vault, target, {
    request,
    commit: (parts) => {
      const isLast = parts?.isLast !== false
      return write(vault, target, {
        ...request,
        // The id stands for the removal as a whole.
        options: isLast ? options : anonymous,
        type: isLast ? 'record.removed' : 'record.parts_removed',
        content: {},
        values: {},
        written: target.record.fields.map(({ id }) => id),
        parts,
        apply: (record) => {
          requireRevision(options, record.head)
          if (isLast) record.remove()
        },
      })
    },
  })
}

interface Write extends WriteRequest {
  readonly type: 'record.created' | 'record.updated' | 'record.removed' | 'record.parts_removed'
  readonly content: JsonObject
  /** Values that are written. */
  readonly values: StoredFields
  /** Ids of the fields that are touched. */
  readonly written: readonly string[]
  readonly parts?: PartsRemoval | undefined
  apply(record: RecordDraft): void
}

async function write(vault: Vault, target: Target, request: Write): Promise<string> {
  const { ask, id, options } = request
  await vault.lookups.open()
  try {
    return await underNewest(vault.lookups, () =>
      withSubjects(vault, target, {
        writing: { ask, id, signal: options.signal },
        run: (subjects) => change(vault, target, { request, subjects }),
      }),
    )
  } catch (error) {
    if (isPrivityError(error, 'not_permitted'))
      await logRefusalOf(vault, { target, id, ask }, error.details.reasons)
    throw error
  }
}

interface Changing {
  readonly request: Write
  readonly subjects: WriteSubjects
}

async function change(
  vault: Vault,
  target: Target,
  { request, subjects }: Changing,
): Promise<string> {
  const { ask, id, recordId, options, type, written } = request
  const { related } = subjects
  const event: JsonObject = {
    type,
    record: target.record.name,
    purpose: ask.name,
    actor: ask.actor.id,
    roles: ask.actor.roles,
    fields: written,
    ...(ask.task === undefined ? {} : { task: ask.task }),
  }
  const referred = referenceReads(vault, target, request)
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
      ...ownerReads(vault, target, request),
      ...(request.parts?.reads() ?? []),
      ...subjects.keys,
      ...referred,
    ],
    held: [...subjects.keys, ...referred],
    apply: (draft, rows) => {
      const concerned = subjects.concernedIn(draft, rows)
      requirePermission(vault, target, { request, concerned, related, rows })
      requireSubject(target, draft)
      requireReferred(vault, target, { ...request, rows })
      requireOwner(vault, target, { draft, rows, values: request.values })
      request.apply(draftRecord(vault, target, { draft, rows, recordId }))
      const told = request.parts?.apply(draft, rows)
      return { event: { ...event, ...told }, value: recordId ?? '' }
    },
  })
  return value
}

/** Who writes which fields, and the rows that say whether they may. */
export interface Permission {
  readonly request: Pick<Write, 'ask' | 'written'>
  readonly concerned: Concerned
  readonly related: Related
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
  { request, concerned, related, rows }: Permission,
): void {
  const { ask, written } = request
  const [noticesKey = ''] = vault.permit.reads
  const facts: PersonFacts = { concerned, notices: rows.get(noticesKey), related }
  const { reasons } = vault.permit.decide(ask, facts)
  const baseless = written.some((id) => {
    const field = target.record.fields.find((candidate) => candidate.id === id)
    return (
      !vault.permit.hasBasis(field?.purposes ?? [], facts) ||
      !isCovered(vault, target, { concerned, id })
    )
  })
  if (reasons.length > 0 || baseless)
    throw notPermitted(ask.name, baseless ? ['no_basis', ...reasons] : reasons)
}

function isCovered(
  { layouts, policy }: Vault,
  { plan, record }: Target,
  { concerned, id }: { readonly concerned: Concerned; readonly id: string },
): boolean {
  if (policy.purposes.get(plan.purpose)?.basis !== 'consent') return true
  return headsOf(concerned).every((head) => {
    const under = head.consents[plan.purpose]?.policy
    return (
      under === policy.hash ||
      under === undefined ||
      layouts.covered(under, plan.purpose, record.name).has(id)
    )
  })
}

function requireRevision({ ifRevision }: ParsedWriteOptions, head: RecordHead | undefined): void {
  if (head === undefined) throw new PrivityError('not_found', { kind: 'record' })
  if (ifRevision !== undefined && ifRevision !== head.revision)
    throw new PrivityError('write_conflict', { attempts: 1 })
}
