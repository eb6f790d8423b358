import type { JsonObject } from '../base/canonical.ts'
import type { Entry } from '../ledger/entry.ts'
import type { Built, Rows } from '../storage/participant.ts'
import type { Key } from '../storage/store.ts'
import { type Before, type Draft, openDraft } from './draft.ts'
import type { People } from './people.ts'
import { personEntry } from './person-entry.ts'
import type { Person } from './person.ts'
import { type Outcome, submitWithKeys } from './with-key-row.ts'

/** A change that the house makes for itself, and that nobody asked for under an operation id. */
export interface UpkeepRequest {
  readonly id: string
  readonly signal?: AbortSignal | undefined
  readonly reads?: readonly Key[]
  /** Of these, rows of other people: at the commit they must be what was read. */
  readonly held?: readonly Key[]
  /** Must be the newest policy; absent for what has nothing to do with one. */
  readonly policy?: string
  /** Decides on fresh rows; undefined when there is nothing to do any more, so that it may run again. */
  plan(person: Person, rows: Rows): Upkeep | undefined
}

/** What is done. */
export interface Upkeep {
  /** The person to start from, with another key ring. */
  readonly before: Before
  readonly event: JsonObject
  /** Epoch that the keys of that ring were wrapped under, if any was. */
  readonly wraps?: number
  edit?(draft: Draft, rows: Rows): void
}

/**
 * Changes a person in one commit, conditional on the rows that it read; resolves to whether there was anything
 * to do.
 *
 * @throws {@link not_found} · @throws {@link erased}
 */
export async function keepPersonUp(people: People, request: UpkeepRequest): Promise<boolean> {
  const { deps } = people
  const key = deps.keyspace.person(request.id)
  const { value } = await submitWithKeys<boolean>(deps, request, (held) => ({
    reads: [key, ...(request.reads ?? [])],
    held: request.held,
    signal: request.signal,
    build: (rows) => {
      const person = people.open(request.id, rows.get(key), held)
      const upkeep = request.plan(person, rows)
      if (upkeep === undefined) return { kind: 'done', value: { done: false } }
      return draftUpkeep(people, { person, upkeep, policy: request.policy }, rows)
    },
  }))
  return value
}

interface Drafting {
  readonly person: Person
  readonly upkeep: Upkeep
  readonly policy: string | undefined
}

function draftUpkeep(
  people: People,
  { person, upkeep, policy }: Drafting,
  rows: Rows,
): Built<Entry, Outcome<boolean>> {
  const { event, before, wraps } = upkeep
  const at = Math.max(people.now(), person.head.at)
  const { draft, close, lacks } = openDraft(people.deps, before, at)
  upkeep.edit?.(draft, rows)
  if (lacks().length > 0) return { kind: 'postponed', value: { lacks: lacks() } }
  const { core, document } = person
  const change = close()
  const entry = personEntry(people.deps, { draft, core, event, replaces: document, policy })
  // The older of both: what was wrapped under it has to be wrapped anew.
  const epochs = [wraps, entry.wraps].flatMap((epoch) => epoch ?? [])
  const oldest = epochs.length === 0 ? {} : { wraps: Math.min(...epochs) }
  return {
    kind: 'change',
    change: { ...change, entry: { ...entry, ...oldest } },
    value: { done: true },
  }
}
