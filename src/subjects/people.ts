import { type Cache, createCache } from '../base/cache.ts'
import type { JsonObject, JsonValue } from '../base/canonical.ts'
import { invalidInput, PrivityError } from '../base/errors.ts'
import { isId } from '../base/id.ts'
import { orAbort } from '../base/signal.ts'
import type { Clock } from '../base/time.ts'
import type { ClassKey } from '../keys/class-key.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import { type EnvelopeContext, ROW_KIND, sealEnvelope } from '../keys/envelope.ts'
import type { PersonKeys } from '../keys/person-keys.ts'
import type { Entry, EntryReceipt } from '../ledger/entry.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { CORE } from '../policy/catalogue.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Built, Change, Rows } from '../storage/participant.ts'
import type { Key, Store } from '../storage/store.ts'
import { type Before, type Draft, openDraft } from './draft.ts'
import type { Head } from './head.ts'
import {
  type Answer,
  createOperation,
  findOperation,
  type Operation,
  sealOperation,
  sealVoid,
} from './operation.ts'
import type { Held, KeyRow } from './key-row.ts'
import type { KeyRows } from './key-rows.ts'
import { type Behind, type KnownHead, openPerson, openSections, type Person } from './person.ts'
import { type Outcome, submitWithKeys, withKeyRow } from './with-key-row.ts'

/** The one way in which anything about a person is read or written. */
export interface People {
  /** Reads and opens a person, and other rows in the same snapshot. */
  read(id: string, also?: readonly Key[], signal?: AbortSignal): Promise<PersonSnapshot>
  /** Changes a person in one commit, with its entry in the log. */
  change<Value extends JsonValue>(request: ChangeRequest<Value>): Promise<Changed<Value>>
  /** Adds a person. */
  add<Value extends JsonValue>(request: AddRequest<Value>): Promise<Changed<Value>>
  readonly deps: PeopleDeps
  /**
   * The later of the clock and the last operation about anybody: a clock set back revives nothing that
   * had run out. Milliseconds since the epoch.
   */
  now(): number
  /** Drops what is kept of a person in memory, once their keys are destroyed. */
  forget(person: Person): void
  /** With the key row that was read for it, where there is a key store. */
  open(id: string, document: Uint8Array | undefined, held: Held | undefined): Person
  /** Opens a document that was read already; fetches the keys that it takes. */
  openStored(id: string, document: Uint8Array | undefined): Promise<Person>
  /** Opens what a fence stands before: for the erasure itself. */
  openFenced(behind: Behind): Person
}

/** A person and the other rows of one snapshot, in the order asked for. */
export interface PersonSnapshot {
  readonly person: Person
  readonly rows: readonly (Uint8Array | undefined)[]
}

/** One operation about a person. */
export interface ChangeRequest<Value extends JsonValue> {
  readonly id: string
  /** Same id, same effect, at most once. Default: a random one. */
  readonly operationId?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** What the operation id stands for: another request under the same id is refused. */
  readonly request: JsonObject
  readonly reads?: readonly Key[]
  /** Of these, rows of other people: at the commit they must be what was read. */
  readonly held?: readonly Key[]
  /** Must be the newest policy; absent for what protects a person under any policy. */
  readonly policy?: string
  /** Decides on fresh rows, and drafts the change. Runs again after a conflict. */
  apply(draft: Draft, rows: Rows): Applied<Value>
}

/** A new person: the rows to look at, and the first change. */
export type AddRequest<Value extends JsonValue> = Omit<ChangeRequest<Value>, 'operationId'> & {
  readonly head: Omit<Head, 'sequence' | 'at'>
}

/** What an operation tells the log, and its answer. */
export interface Applied<Value extends JsonValue> {
  readonly event: JsonObject
  readonly value: Value
}

/** Outcome of an operation. */
export interface Changed<Value> {
  readonly value: Value
  readonly sequence: number
  /** Absent when the operation had been applied before. */
  readonly receipt: EntryReceipt | undefined
}

/** What people need. */
export interface PeopleDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly clock: Clock
  readonly ledger: Ledger
  readonly keys: PersonKeys
  readonly controller: ControllerKey
  readonly storeId: string
  /** Where keys are that are not in the documents. */
  readonly keyRows: KeyRows | undefined
}

const HEADS = { maxEntries: 10_000, maxAgeMs: 600_000 } as const

/** Reads and changes persons over the store, the keys and the log. */
export function createPeople(deps: PeopleDeps): People {
  const heads = createCache<KnownHead>({ ...HEADS, clock: deps.clock })
  const opening = { ...deps, heads }
  const open: People['open'] = (id, document, held) => openPerson(opening, id, { document, held })
  return {
    deps,
    now: () => now(deps),
    forget: ({ id, ring }) => {
      heads.delete(id)
      for (const entry of ring) deps.keys.forget(id, entry)
    },
    open,
    openStored: (id, document) => withKeyRow(deps, { id }, (held) => open(id, document, held)),
    openFenced: (behind) => openSections(opening, behind),
    read: async (id, also = [], signal) => {
      const reading = readWithKeys(deps, id, [personKey(deps, id), ...also])
      const { row, values } = await (signal === undefined ? reading : orAbort(reading, signal))
      const [document, ...rows] = values
      const person = await withKeyRow(deps, { id, row, signal }, (held) =>
        deps.keys.meet(() => open(id, document, held)),
      )
      return { person, rows }
    },
    change: (request) => change(opening, open, request),
    add: (request) => add(opening, request),
  }
}

/** Both at once: a key that the document counts on and the row lacks is looked for again. */
async function readWithKeys(
  { store, keyRows }: PeopleDeps,
  id: string,
  keys: readonly Key[],
): Promise<{
  readonly row: KeyRow | undefined
  readonly values: Awaited<ReturnType<Store['read']>>
}> {
  if (keyRows === undefined) return { row: undefined, values: await store.read(keys) }
  const [row, values] = await Promise.all([keyRows.read(id), store.read(keys)])
  return { row, values }
}

interface ChangeDeps extends PeopleDeps {
  readonly heads: Cache<KnownHead>
}

async function change<Value extends JsonValue>(
  deps: ChangeDeps,
  open: People['open'],
  request: ChangeRequest<Value>,
): Promise<Changed<Value>> {
  const key = personKey(deps, request.id)
  const operation = createOperation(deps, request)
  const { value, receipt } = await submitWithKeys<Answer<Value>>(deps, request, (held) => ({
    reads: [key, operation.row, ...(request.reads ?? [])],
    held: request.held,
    signal: request.signal,
    operationId: operation.id,
    build: (rows) => {
      const person = open(request.id, rows.get(key), held)
      const done = findOperation<Value>(person, operation, rows.get(operation.row))
      if (done !== undefined) return { kind: 'done', value: { done } }
      return draftChange(
        deps,
        { before: person, replaces: person.document, operation, request },
        rows,
      )
    },
    abandon: (rows) => {
      const person = open(request.id, rows.get(key), held)
      return abandon(deps, person, operation)
    },
  }))
  return { ...value, receipt }
}

async function add<Value extends JsonValue>(
  deps: ChangeDeps,
  request: AddRequest<Value>,
): Promise<Changed<Value>> {
  const key = personKey(deps, request.id)
  const operation = createOperation(deps, request)
  const nobody: Omit<Before, 'offered'> = {
    id: request.id,
    head: { ...request.head, sequence: 0, at: 0 },
    ring: [],
    missing: [],
    sections: [],
    key: () => undefined,
  }
  const { value, receipt } = await submitWithKeys<Answer<Value>>(deps, request, (held) => ({
    reads: [key, operation.row, ...(request.reads ?? [])],
    held: request.held,
    signal: request.signal,
    operationId: operation.id,
    build: (rows) => {
      // A random id that is taken was taken by this very request, whose outcome was unknown.
      if (rows.get(key) !== undefined)
        return { kind: 'done', value: { done: { value: request.id as never, sequence: 1 } } }
      const before: Before = { ...nobody, offered: held?.offered ?? [] }
      return draftChange(deps, { before, replaces: undefined, operation, request }, rows)
    },
  }))
  return { ...value, receipt }
}

interface DraftInput<Value extends JsonValue> {
  readonly before: Before
  readonly replaces: Uint8Array | undefined
  readonly operation: Operation
  readonly request: Pick<ChangeRequest<Value>, 'apply' | 'policy'>
}

function draftChange<Value extends JsonValue>(
  deps: ChangeDeps,
  { before, replaces, operation, request }: DraftInput<Value>,
  rows: Rows,
): Built<Entry, Outcome<Answer<Value>>> {
  // Validity is judged by the later of the clock and the last operation: a clock set back revives nothing.
  const at = Math.max(now(deps), before.head.at)
  const { draft, close, lacks } = openDraft(deps, before, at)
  const { event, value } = request.apply(draft, rows)
  const core = draft.key(CORE)
  if (lacks().length > 0) return { kind: 'postponed', value: { lacks: lacks() } }
  draft.put(operation.row, sealOperation(core, operation, { sequence: draft.sequence, value }))
  return {
    kind: 'change',
    change: {
      ...close(),
      entry: personEntry(deps, { draft, core, event, replaces, policy: request.policy }),
    },
    value: { done: { value, sequence: draft.sequence } },
  }
}

/** Takes the operation's row, so that an attempt that may still be under way can never land. */
function abandon(deps: ChangeDeps, person: Person, operation: Operation): Change<Entry> {
  const at = Math.max(now(deps), person.head.at)
  const { draft, close } = openDraft(deps, person, at)
  const { core, document } = person
  draft.put(operation.row, sealVoid(core, operation))
  const event = { type: 'operation.voided' }
  return {
    ...close(),
    entry: personEntry(deps, { draft, core, event, replaces: document, policy: undefined }),
  }
}

/** What the log is told of a change to a person. */
export interface EntryInput {
  readonly draft: Draft
  readonly core: ClassKey
  readonly event: JsonObject
  readonly replaces: Uint8Array | undefined
  readonly policy: string | undefined
}

/** The entry of a change to a person. */
export function personEntry(
  deps: PeopleDeps,
  { draft, core, event, replaces, policy }: EntryInput,
): Entry {
  const { id, sequence, at, wraps } = draft
  const context = bodyContext(deps.storeId, id, sequence)
  return {
    kind: 'person',
    bodyKey: deps.keyspace.body(id, sequence),
    sequence,
    at,
    event,
    replaces,
    policy,
    wraps,
    tag: core.tag,
    seal: (body) => sealEnvelope(core, context, body),
  }
}

/** Context of the body of a ledger entry: written once, so without a revision. */
export function bodyContext(storeId: string, personId: string, sequence: number): EnvelopeContext {
  return {
    kind: ROW_KIND.body,
    storeId,
    personId,
    accessClass: CORE,
    recordId: String(sequence),
    revision: 0,
  }
}

function now({ clock, ledger }: PeopleDeps): number {
  return Math.max(clock.now(), ledger.lastAt())
}

/** Any string that is no registered id, well-formed or not, is simply not found. */
function personKey({ keyspace }: PeopleDeps, id: unknown): Key {
  if (typeof id !== 'string') throw invalidInput(['subjectId'], 'not_a_string')
  if (!isId(id)) throw new PrivityError('not_found', { kind: 'subject' })
  return keyspace.person(id)
}
