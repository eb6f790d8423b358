import { createCache } from '../base/cache.ts'
import type { JsonValue } from '../base/canonical.ts'
import { orAbort } from '../base/signal.ts'
import type { Clock } from '../base/time.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { PersonKeys } from '../keys/person-keys.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Key, Store } from '../storage/store.ts'
import {
  addPerson,
  type AddRequest,
  type Changed,
  changePerson,
  type ChangeRequest,
} from './change-person.ts'
import type { Held, KeyRow } from './key-row.ts'
import type { KeyRows } from './key-rows.ts'
import { type Behind, type KnownHead, openPerson, openSections, type Person } from './person.ts'
import { personRow } from './person-row.ts'
import { withKeyRow } from './with-key-row.ts'

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
  const { clock, ledger, keys } = deps
  const heads = createCache<KnownHead>({ ...HEADS, clock })
  const opening = { ...deps, heads }
  const now: People['now'] = () => Math.max(clock.now(), ledger.lastAt())
  const open: People['open'] = (id, document, held) => openPerson(opening, id, { document, held })
  const changing = { ...opening, now, open }
  return {
    deps,
    now,
    forget: ({ id, ring }) => {
      heads.delete(id)
      for (const entry of ring) keys.forget(id, entry)
    },
    open,
    openStored: (id, document) => withKeyRow(deps, { id }, (held) => open(id, document, held)),
    openFenced: (behind) => openSections(opening, behind),
    read: async (id, also = [], signal) => {
      const reading = readWithKeys(deps, id, [personRow(deps, id), ...also])
      const { row, values } = await (signal === undefined ? reading : orAbort(reading, signal))
      const [document, ...rows] = values
      const person = await withKeyRow(deps, { id, row, signal }, (held) => open(id, document, held))
      return { person, rows }
    },
    change: (request) => changePerson(changing, request),
    add: (request) => addPerson(changing, request),
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
