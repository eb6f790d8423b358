import { isPrivityError, PrivityError, type DenialReason } from '../base/errors.ts'
import type { Access } from '../audit/segment.ts'
import type { ParsedAsk } from '../permit/ask.ts'
import { type Concerned, concernedOf, idsOf, trailsOf } from '../permit/concerned.ts'
import { notPermitted } from '../permit/permit.ts'
import type { CompiledField, PlanField } from '../policy/compiled.ts'
import type { Head } from '../subjects/head.ts'
import type { Person } from '../subjects/person.ts'
import {
  ensureKnown,
  findRecord,
  type OpenedRecord,
  openRecord,
  recordReads,
  type RecordRows,
  visibleFields,
} from './open-record.ts'
import type { Target, Vault } from './vault.ts'
import { buildView } from './view.ts'
import { isAboutSuch, requireSubject } from './write-subjects.ts'
import type { JsonValue } from '../base/canonical.ts'
import type { Key } from '../storage/store.ts'

/** One access to one record. */
export interface ReadRequest {
  readonly ask: ParsedAsk
  readonly id: string
  readonly recordId: string | undefined
  /** Fields asked for; default: all that the purpose sees. */
  readonly select?: readonly PlanField[]
  readonly action: Access['action'] & ('read' | 'find' | 'list')
  readonly signal?: AbortSignal | undefined
  readonly screen?: Screen
}

/** Says of opened values whether the record is meant: lookups are decrypted and compared. */
export interface Screen {
  /** What is opened for it before anything else is; default: everything at once. */
  readonly first: readonly CompiledField[] | undefined
  matches(values: ReadonlyMap<string, JsonValue>): boolean
}

/** What was read for one access, all at one moment; nothing of it is decided or opened yet. */
export interface Fetched {
  readonly person: Person
  readonly notices: Uint8Array | undefined
  readonly rows: RecordRows
  /** Rows that were asked for beside those of the access. */
  readonly also: readonly (Uint8Array | undefined)[]
}

/**
 * Reads, decides, opens and logs one record; undefined when it does not match.
 *
 * @throws {@link not_permitted} with all reasons, {@link not_found}, {@link erased}, {@link incomplete_record}
 */
export async function readRecord(
  vault: Vault,
  target: Target,
  request: ReadRequest,
): Promise<object | undefined> {
  return readFetched(vault, target, { request, fetched: await fetchRecord(vault, target, request) })
}

/**
 * Reads what an access takes, and other rows with it.
 *
 * @throws {@link not_found} · @throws {@link erased}
 */
export async function fetchRecord(
  vault: Vault,
  target: Target,
  { ask, id, recordId, signal, also = [] }: ReadRequest & { readonly also?: readonly Key[] },
): Promise<Fetched> {
  const decisive = vault.permit.readsFor(ask)
  const own = recordReads(vault, target, { id, recordId })
  const { person, rows } = await vault.people.read(id, [...decisive, ...own, ...also], signal)
  const rest = decisive.length + own.length
  const [page, row] = rows.slice(decisive.length, rest)
  return {
    person,
    notices: decisive.length === 0 ? undefined : rows[0],
    rows: { recordId, page, row },
    also: rows.slice(rest),
  }
}

/** Goes on where {@link fetchRecord} ended. @throws {@link not_permitted} · @throws {@link incomplete_record} */
export async function readFetched(
  vault: Vault,
  target: Target,
  { request, fetched }: { readonly request: ReadRequest; readonly fetched: Fetched },
): Promise<object | undefined> {
  const { ask, screen } = request
  const { person, notices, rows } = fetched
  const concerned = await concernedOf(vault.people, person, request.signal)
  const related = await vault.permit.related(ask, idsOf(person))
  const { allowed, reasons } = vault.permit.decide(ask, { concerned, notices, related })
  if (!allowed) throw await refuse(vault, { target, request, concerned, reasons })
  if (request.action === 'read') requireSubject(target, person)
  // Kept from when the type was about somebody else: a search leaves it out.
  else if (!isAboutSuch(target, person)) throw new PrivityError('not_found', { kind: 'record' })
  const record = findRecord(vault, target, { person, rows })
  await ensureKnown(vault, { person, record, purpose: ask.name, concerned })
  const wanted = request.select ?? target.plan.fields
  const visible = visibleFields(vault, target, concerned)
  const fields = visible === target.plan.fields ? wanted : wanted.filter(isIn(visible))
  const open = (some: readonly CompiledField[]): OpenedRecord | Promise<OpenedRecord> =>
    openAgain(vault, person, () => openRecord(vault, target, { person, record, fields: some }))
  // Who shares a token by chance is not disclosed to anybody, and stands in no log.
  if (screen?.first !== undefined) {
    const { values } = await open(fields.filter(isIn(screen.first)))
    if (!screen.matches(values)) return undefined
  }
  const opened = await open(fields)
  if (screen?.matches(opened.values) === false) return undefined
  const view = buildView(target.plan, wanted, opened)
  await logAccess(vault, { target, request, concerned }, { classes: opened.classes })
  return view
}

function isIn(some: readonly CompiledField[]): (field: CompiledField) => boolean {
  const ids = new Set(some.map(({ id }) => id))
  return ({ id }) => ids.has(id)
}

/** A provider that was down, or a class that was withheld, may have come back since. */
function openAgain<T>({ people }: Vault, { ring }: Person, open: () => T): T | Promise<T> {
  try {
    return open()
  } catch (error) {
    if (!isPrivityError(error, 'key_unavailable')) throw error
    return people.deps.keys.load(ring).then(open)
  }
}

interface Accessing {
  readonly target: Target
  readonly request: Pick<ReadRequest, 'ask' | 'action'>
  readonly concerned: Concerned
}

/** A refusal is thrown even if it cannot be logged. */
async function refuse(
  vault: Vault,
  { reasons, ...access }: Accessing & { readonly reasons: readonly DenialReason[] },
): Promise<PrivityError> {
  // A list leaves people out by asking for everyone: that is no attempt on any one of them.
  if (access.request.action === 'read') await logRefusal(vault, access, reasons)
  return notPermitted(access.request.ask.name, reasons)
}

/** Logs that an access was refused, as far as the store lets it and there is such a person. */
export async function logRefusalOf(
  vault: Vault,
  { target, id, ask }: { readonly target: Target; readonly id: string; readonly ask: ParsedAsk },
  reasons: readonly DenialReason[],
): Promise<void> {
  try {
    const { person } = await vault.people.read(id)
    const concerned = await concernedOf(vault.people, person)
    await logRefusal(vault, { target, concerned, request: { ask, action: 'read' } }, reasons)
  } catch (error) {
    if (!isPrivityError(error)) throw error
  }
}

async function logRefusal(
  vault: Vault,
  access: Accessing,
  reasons: readonly DenialReason[],
): Promise<void> {
  try {
    await logAccess(vault, access, { action: 'refused', reasons })
  } catch (error) {
    if (!isPrivityError(error)) throw error
  }
}

/** In the trail of everybody whom it is about. */
async function logAccess(vault: Vault, access: Accessing, outcome: Partial<Access>): Promise<void> {
  const [head, ...others] = trailsOf(access.concerned)
  const record = (trail: Head): Promise<void> =>
    vault.audit.record({ ...accessOf(vault, access, trail), ...outcome })
  if (head === undefined) return
  if (others.length === 0) return record(head)
  await Promise.all([head, ...others].map(record))
}

function accessOf(vault: Vault, { target, request }: Accessing, head: Head): Access {
  const { ask, action } = request
  return {
    pseudonym: head.pseudonym,
    actor: ask.actor,
    purpose: ask.name,
    action,
    record: target.record.name,
    classes: [],
    head: head.sequence,
    at: vault.people.deps.clock.now(),
    ...(ask.task === undefined ? {} : { task: ask.task }),
  }
}
