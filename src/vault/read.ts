import { isPrivityError, PrivityError, type DenialReason } from '../base/errors.ts'
import type { Access } from '../audit/segment.ts'
import type { ParsedAsk } from '../permit/ask.ts'
import { type Concerned, concernedOf, idsOf, trailsOf } from '../permit/concerned.ts'
import type { Decision } from '../permit/decide.ts'
import { notPermitted, type Related } from '../permit/permit.ts'
import type { CompiledField, PlanField } from '../policy/compiled.ts'
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
  /** Told of a refusal that nothing but the app's own failure to answer stands for, and of any once it is silent. */
  readonly unsure?: (refusal: PrivityError, related: Related) => void
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

/** What was opened, and what the log has to say before anybody gets it. */
export interface Prepared {
  readonly view: object
  /** In the trail of everybody whom it is about. */
  readonly accesses: readonly Access[]
}

/**
 * Reads, decides, opens and logs one record.
 *
 * @throws {@link not_permitted} with all reasons, {@link not_found}, {@link erased}, {@link incomplete_record}
 */
export async function readRecord(
  vault: Vault,
  target: Target,
  request: ReadRequest,
): Promise<object | undefined> {
  const fetched = await fetchRecord(vault, target, request)
  const prepared = await prepareFetched(vault, target, { request, fetched })
  await logAccesses(vault, prepared?.accesses ?? [])
  return prepared?.view
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

/**
 * Decides and opens where {@link fetchRecord} ended; undefined when it does not match.
 *
 * @throws {@link not_permitted} · @throws {@link incomplete_record}
 */
export async function prepareFetched(
  vault: Vault,
  target: Target,
  { request, fetched }: { readonly request: ReadRequest; readonly fetched: Fetched },
): Promise<Prepared | undefined> {
  const { ask, screen } = request
  const { person, rows } = fetched
  const { concerned, ...decided } = await decideOn(vault, request, fetched)
  if (!decided.allowed) throw await refuse(vault, { target, request, concerned, ...decided })
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
  const { classes } = opened
  return { view, accesses: accessesOf(vault, { target, request, concerned }, { classes }) }
}

/**
 * Whether it would be given now as it was prepared: it is decided anew, and nothing about anybody concerned has
 * changed.
 *
 * @throws {@link not_found} · @throws {@link erased}
 */
export async function isStill(
  vault: Vault,
  request: Pick<ReadRequest, 'ask' | 'id' | 'signal'>,
  { accesses }: Prepared,
): Promise<boolean> {
  const { ask, id, signal } = request
  const { person, rows } = await vault.people.read(id, vault.permit.readsFor(ask), signal)
  const { allowed, concerned } = await decideOn(vault, request, { person, notices: rows[0] })
  const trails = trailsOf(concerned)
  const isSame = ({ pseudonym, head }: Access, at: number): boolean =>
    trails[at]?.pseudonym === pseudonym && trails[at].sequence === head
  return allowed && trails.length === accesses.length && accesses.every(isSame)
}

/** Logs what was prepared, all at once. */
export async function logAccesses(vault: Vault, accesses: readonly Access[]): Promise<void> {
  await Promise.all(accesses.map((access) => vault.audit.record(access)))
}

interface Decided extends Decision {
  readonly concerned: Concerned
  readonly related: Related
}

async function decideOn(
  { people, permit }: Vault,
  { ask, signal }: Pick<ReadRequest, 'ask' | 'signal'>,
  { person, notices }: Pick<Fetched, 'person' | 'notices'>,
): Promise<Decided> {
  const concerned = await concernedOf(people, person, signal)
  const related = await permit.related(ask, idsOf(person), signal)
  return { concerned, related, ...permit.decide(ask, { concerned, notices, related }) }
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
  readonly request: Pick<ReadRequest, 'ask' | 'action' | 'unsure'>
  readonly concerned: Concerned
}

/** A refusal is thrown even if it cannot be logged. */
async function refuse(
  vault: Vault,
  { reasons, related, ...access }: Accessing & Pick<Decided, 'reasons' | 'related'>,
): Promise<PrivityError> {
  const { request } = access
  const refusal = notPermitted(request.ask.name, reasons)
  // A list leaves people out by asking for everyone: that is no attempt on any one of them.
  if (request.action === 'read') await logRefusal(vault, access, reasons)
  else if (related === 'silent' || (related === undefined && reasons.length === 1))
    request.unsure?.(notPermitted(request.ask.name, ['no_relationship']), related)
  return refusal
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
    await logAccesses(vault, accessesOf(vault, access, { action: 'refused', reasons }))
  } catch (error) {
    if (!isPrivityError(error)) throw error
  }
}

/** In the trail of everybody whom it is about. */
function accessesOf(
  { people }: Vault,
  { target, request, concerned }: Accessing,
  outcome: Partial<Access>,
): readonly Access[] {
  const { ask, action } = request
  const at = people.deps.clock.now()
  return trailsOf(concerned).map((head) => ({
    pseudonym: head.pseudonym,
    actor: ask.actor,
    purpose: ask.name,
    action,
    record: target.record.name,
    classes: [],
    head: head.sequence,
    at,
    ...(ask.task === undefined ? {} : { task: ask.task }),
    ...outcome,
  }))
}
