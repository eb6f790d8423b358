import type { Cache } from '../base/cache.ts'
import type { JsonObject, JsonValue } from '../base/canonical.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { Entry, EntryReceipt } from '../ledger/entry.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { CORE } from '../policy/catalogue.ts'
import type { Built, Change, Participant, Rows } from '../storage/participant.ts'
import type { Key } from '../storage/store.ts'
import { type Before, type Draft, type DraftDeps, openDraft } from './draft.ts'
import type { Head } from './head.ts'
import type { Held } from './key-row.ts'
import {
  type Answer,
  createOperation,
  findOperation,
  type Operation,
  sealOperation,
  sealVoid,
} from './operation.ts'
import type { KnownHead, Person } from './person.ts'
import { personEntry } from './person-entry.ts'
import { personRow } from './person-row.ts'
import { type Outcome, submitWithKeys, type WithKeysDeps } from './with-key-row.ts'

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

/** What changing a person needs. */
export interface ChangeDeps extends DraftDeps, WithKeysDeps {
  readonly ledger: Ledger
  readonly controller: Pick<ControllerKey, 'operationToken'>
  readonly heads: Cache<KnownHead>
  /** Milliseconds since the epoch; never before the last operation about anybody. */
  now(): number
  open(id: string, document: Uint8Array | undefined, held: Held | undefined): Person
}

/** Changes a person in one commit, with its entry in the log. */
export async function changePerson<Value extends JsonValue>(
  deps: ChangeDeps,
  request: ChangeRequest<Value>,
): Promise<Changed<Value>> {
  const attempt = attemptOf(deps, request)
  const { key, operation } = attempt
  return submit(deps, attempt, (held) => {
    const opened = (rows: Rows): Person => deps.open(request.id, rows.get(key), held)
    return {
      build: (rows) => {
        const before = opened(rows)
        const done = findOperation<Value>(before, operation, rows.get(operation.row))
        if (done !== undefined) return { kind: 'done', value: { done } }
        return draftChange(deps, { ...attempt, before, replaces: before.document }, rows)
      },
      abandon: (rows) => abandon(deps, opened(rows), operation),
    }
  })
}

/** Adds a person. */
export async function addPerson<Value extends JsonValue>(
  deps: ChangeDeps,
  request: AddRequest<Value>,
): Promise<Changed<Value>> {
  const attempt = attemptOf(deps, request)
  const { id, head } = request
  return submit(deps, attempt, (held) => ({
    build: (rows) => {
      // A random id that is taken was taken by this very request, whose outcome was unknown.
      if (rows.get(attempt.key) !== undefined)
        return { kind: 'done', value: { done: { value: id as never, sequence: 1 } } }
      const before: Before = {
        id,
        head: { ...head, sequence: 0, at: 0 },
        ring: [],
        missing: [],
        offered: held?.offered ?? [],
        sections: [],
        key: () => undefined,
      }
      return draftChange(deps, { ...attempt, before, replaces: undefined }, rows)
    },
  }))
}

/** A request, the document that it is about, and what keeps it from being done twice. */
interface Attempt<Value extends JsonValue> {
  readonly request: ChangeRequest<Value>
  readonly key: Key
  readonly operation: Operation
}

function attemptOf<Value extends JsonValue>(
  deps: ChangeDeps,
  request: ChangeRequest<Value>,
): Attempt<Value> {
  const key = personRow(deps, request.id)
  return { request, key, operation: createOperation(deps, request) }
}

type Work<Value> = Pick<Participant<Entry, Outcome<Answer<Value>>>, 'build' | 'abandon'>

async function submit<Value extends JsonValue>(
  deps: ChangeDeps,
  { request, key, operation }: Attempt<Value>,
  work: (held: Held | undefined) => Work<Value>,
): Promise<Changed<Value>> {
  const { value, receipt } = await submitWithKeys<Answer<Value>>(deps, request, (held) => ({
    reads: [key, operation.row, ...(request.reads ?? [])],
    held: request.held,
    signal: request.signal,
    operationId: operation.id,
    ...work(held),
  }))
  return { ...value, receipt }
}

interface DraftInput<Value extends JsonValue> extends Attempt<Value> {
  readonly before: Before
  readonly replaces: Uint8Array | undefined
}

function draftChange<Value extends JsonValue>(
  deps: ChangeDeps,
  { before, replaces, operation, request }: DraftInput<Value>,
  rows: Rows,
): Built<Entry, Outcome<Answer<Value>>> {
  // Validity is judged by the later of the clock and the last operation: a clock set back revives nothing.
  const at = Math.max(deps.now(), before.head.at)
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
  const at = Math.max(deps.now(), person.head.at)
  const { draft, close } = openDraft(deps, person, at)
  const { core, document } = person
  draft.put(operation.row, sealVoid(core, operation))
  const event = { type: 'operation.voided' }
  return {
    ...close(),
    entry: personEntry(deps, { draft, core, event, replaces: document, policy: undefined }),
  }
}
