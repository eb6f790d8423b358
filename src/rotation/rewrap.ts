import { isPrivityError } from '../base/errors.ts'
import { inPages } from '../base/in-pages.ts'
import { isSameKey } from '../keys/key-list.ts'
import type { RingEntry } from '../keys/key-ring.ts'
import type { PersonKeys } from '../keys/person-keys.ts'
import { decodeStoredKey, encodeStoredKey, epochOf } from '../keys/stored-key.ts'
import type { ControllerEntry } from '../ledger/entry.ts'
import type { Rows } from '../storage/participant.ts'
import type { Row } from '../storage/store.ts'
import type { People } from '../subjects/people.ts'
import { type KeyRows, requireOpenRow } from '../subjects/key-rows.ts'
import type { Person } from '../subjects/person.ts'
import { keepPersonUp } from '../subjects/upkeep.ts'
import { allOf, isUnreadableOrMissing } from './outcomes.ts'
import { requireInUse, type RotationDeps } from './rotate.ts'
import { epochClassOf, findStoredKeys, type FoundKey, type StoredKeyFamily } from './stored-keys.ts'
import { type StoredPerson, type WalkWatch, walkPeople } from './walk-people.ts'

/** What was wrapped under the epoch in use, and what was not. */
export interface RewrapReport {
  /** The epoch in use. */
  readonly epoch: number
  /** People whose keys were wrapped anew. */
  readonly people: number
  /** Keys of those people that were wrapped anew. */
  readonly personKeys: number
  /** Keys of lookups and of pseudonyms that were wrapped anew. */
  readonly storedKeys: number
  /** What is still under an older epoch, by why. */
  readonly left: LeftKeys
}

/** Keys that stay as they were. */
export interface LeftKeys {
  /** Keys of classes that this process was not given: another one has to do it. */
  readonly unavailable: number
  /** People whose erasure was begun: it destroys their keys. */
  readonly erasing: number
  /** Keys, or documents, that do not open: `ledger.verify({ deep: true })` says more. */
  readonly unreadable: number
}

interface Counts {
  people: number
  personKeys: number
  storedKeys: number
  readonly left: { -readonly [K in keyof LeftKeys]: number }
}

/** What rewrapping needs. */
export interface RewrapDeps extends RotationDeps {
  /** As the catalogue says now. */
  families(): Promise<readonly StoredKeyFamily[]>
  /** Destroys the keys of somebody who is erased, and whose row of the key store was brought back. */
  destroyAgain(id: string): Promise<void>
}

const NOTHING: RewrappedPerson = { rewrapped: 0, unavailable: 0, unreadable: 0 }
/** Rows of one commit. */
const BATCH = 200

/**
 * Wraps every key under the epoch in use: the same keys, so nothing is sealed anew. What was done stays done, so
 * that an interrupted run is gone on with by another.
 *
 * @throws {@link key_unknown} · @throws {@link key_unreadable} · @throws {@link key_unavailable} when the provider does
 * not open what it wrapped under the epoch in use
 */
export async function rewrapAll(deps: RewrapDeps, watch: WalkWatch): Promise<RewrapReport> {
  const { keys, keyRows } = deps.people.deps
  await requireInUse(deps)
  for (;;) {
    const { epoch } = keys
    const counts = await rewrapOnce(deps, watch)
    // Rows of a key store are no part of the log, which would refuse what is wrapped under an older epoch.
    if (keyRows !== undefined) await requireInUse(deps)
    if (keyRows === undefined || keys.epoch === epoch) return { epoch: keys.epoch, ...counts }
  }
}

async function rewrapOnce(deps: RewrapDeps, watch: WalkWatch): Promise<Counts> {
  const { people } = deps
  const left = { unavailable: 0, erasing: 0, unreadable: 0 }
  const counts: Counts = { people: 0, personKeys: 0, storedKeys: 0, left }
  await rewrapStoredKeys(deps, counts)
  for await (const some of walkPeople(people.deps, watch)) {
    left.unreadable += some.reduce((sum, { lost }) => sum + lost, 0)
    await allOf(
      some.filter(({ isBroughtBack }) => isBroughtBack).map(({ id }) => deps.destroyAgain(id)),
    )
    const outdated = some.filter((person) => isOutdated(person, people.deps.keys.epoch))
    await people.deps.keys.load(outdated.flatMap(({ ring }) => ring ?? []))
    await allOf(outdated.map((person) => rewrapOne(deps, counts, { ...watch, person })))
  }
  return counts
}

/**
 * Wraps a person's keys under the epoch in use, in one commit, of the key store if there is one; resolves to the keys
 * that this process could not open, and stay as they are.
 *
 * @throws {@link erased} · @throws {@link not_found}
 * @throws {@link key_unavailable} without the class that everybody's decisions are sealed under
 */
export async function rewrapPerson(
  people: People,
  id: string,
  { signal, unlisted = [] }: RewrapPersonOptions = {},
): Promise<RewrappedPerson> {
  const { keys, keyRows } = people.deps
  if (keyRows !== undefined) return rewrapRow(people, keyRows, { id, unlisted })
  let outcome: RewrappedPerson = NOTHING
  await keepPersonUp(people, {
    id,
    signal,
    plan: (person) => {
      const { epoch } = keys
      const ring = rewrapRing(people, person)
      outcome = ring.outcome
      if (outcome.rewrapped === 0) return undefined
      const event = { type: 'keys.rewrapped', epoch, keys: outcome.rewrapped }
      return { before: { ...person, ring: ring.entries }, event, wraps: epoch }
    },
  })
  return outcome
}

/** Without an entry in the log: which keys the document counts on stays as it was. */
async function rewrapRow(
  people: People,
  keyRows: KeyRows,
  { id, unlisted }: Pick<StoredPerson, 'id' | 'unlisted'>,
): Promise<RewrappedPerson> {
  let outcome: RewrappedPerson = NOTHING
  await keyRows.swap(id, (row) => {
    requireOpenRow(people.deps, id, row)
    const ring = rewrapRing(people, { id, ring: row.entries, unlisted })
    outcome = ring.outcome
    const isSame = ring.entries.every((entry, at) => entry === row.entries[at])
    return isSame ? undefined : { fence: undefined, entries: ring.entries }
  })
  return outcome
}

/** What is known of a person whose keys are wrapped. */
export interface RewrapPersonOptions {
  readonly signal?: AbortSignal | undefined
  /** Keys in the key store that the document does not count on: when they do not open, nobody misses them. */
  readonly unlisted?: readonly RingEntry[]
}

/** Keys of one person, by what became of them. */
export interface RewrappedPerson {
  readonly rewrapped: number
  readonly unavailable: number
  readonly unreadable: number
}

function rewrapRing(
  { deps: { keys } }: People,
  {
    id,
    ring,
    unlisted = [],
  }: Pick<Person, 'id' | 'ring'> & Partial<Pick<StoredPerson, 'unlisted'>>,
): { readonly entries: readonly RingEntry[]; readonly outcome: RewrappedPerson } {
  const outcome = { rewrapped: 0, unavailable: 0, unreadable: 0 }
  const entries = ring.map((entry) => {
    // A newer one was wrapped by a process that knows more.
    if (entry.epoch >= keys.epoch) return entry
    try {
      const rewrapped = keys.rewrap(id, entry)
      outcome.rewrapped += 1
      return rewrapped
    } catch (error) {
      const isWithheld = isPrivityError(error, 'key_unavailable')
      if (!isWithheld && !isUnreadableOrMissing(error)) throw error
      // Of an epoch that is gone may be what nobody counts on: it is missed by nobody.
      if (unlisted.some((name) => isSameKey(name, entry))) return entry
      outcome[isWithheld ? 'unavailable' : 'unreadable'] += 1
      return entry
    }
  })
  return { entries, outcome }
}

function isOutdated({ ring, isFenced }: StoredPerson, epoch: number): boolean {
  if (isFenced) return (ring ?? []).length > 0
  return ring === undefined || ring.some((entry) => entry.epoch < epoch)
}

async function rewrapOne(
  { people }: RewrapDeps,
  counts: Counts,
  { person, signal }: Pick<WalkWatch, 'signal'> & { readonly person: StoredPerson },
): Promise<void> {
  const { left } = counts
  try {
    const outcome = await rewrapPerson(people, person.id, { signal, unlisted: person.unlisted })
    counts.people += outcome.rewrapped > 0 ? 1 : 0
    counts.personKeys += outcome.rewrapped
    left.unavailable += outcome.unavailable
    left.unreadable += outcome.unreadable
  } catch (error) {
    if (isPrivityError(error, 'erased')) left.erasing += 1
    else if (isPrivityError(error, 'key_unavailable')) left.unavailable += person.ring?.length ?? 1
    else if (isUnreadableOrMissing(error)) left.unreadable += 1
    else throw error
  }
}

async function rewrapStoredKeys(deps: RewrapDeps, counts: Counts): Promise<void> {
  for await (const batch of inPages(outdatedKeys(deps), BATCH))
    await rewrapBatch(deps, counts, batch)
}

async function* outdatedKeys(deps: RewrapDeps): AsyncGenerator<FoundKey> {
  const { store, keys } = deps.people.deps
  for await (const found of findStoredKeys(store, await deps.families()))
    if (found.epoch < keys.epoch) yield found
}

async function rewrapBatch(
  { people }: RewrapDeps,
  counts: Counts,
  batch: readonly FoundKey[],
): Promise<void> {
  const { keys } = people.deps
  await keys.load(batch.map(epochClassOf))
  let outcome: RewrappedRows = { put: [], unavailable: 0, unreadable: 0 }
  await people.deps.ledger.submit<null>({
    reads: batch.map(({ row: [key] }) => key),
    build: (rows) => {
      const { epoch } = keys
      outcome = rewrapRows(keys, batch, rows)
      if (outcome.put.length === 0) return { kind: 'done', value: null }
      const event = { type: 'keys.rewrapped', epoch, keys: outcome.put.length }
      const entry: ControllerEntry = { kind: 'controller', at: people.now(), event, wraps: epoch }
      return { kind: 'change', change: { put: outcome.put, del: [], entry }, value: null }
    },
  })
  counts.storedKeys += outcome.put.length
  counts.left.unavailable += outcome.unavailable
  counts.left.unreadable += outcome.unreadable
}

interface RewrappedRows {
  readonly put: readonly Row[]
  readonly unavailable: number
  readonly unreadable: number
}

/** As they are now: one that was destroyed meanwhile stays destroyed. */
function rewrapRows(keys: PersonKeys, batch: readonly FoundKey[], rows: Rows): RewrappedRows {
  const put: Row[] = []
  const left = { unavailable: 0, unreadable: 0 }
  for (const { row, slot } of batch) {
    const stored = rows.get(row[0])
    if (stored === undefined || epochOf(stored) >= keys.epoch) continue
    try {
      const key = decodeStoredKey(keys, slot, stored)
      put.push([row[0], encodeStoredKey(keys, slot, key)])
      key.fill(0)
    } catch (error) {
      if (isPrivityError(error, 'key_unavailable')) left.unavailable += 1
      else if (isUnreadableOrMissing(error)) left.unreadable += 1
      else throw error
    }
  }
  return { put, ...left }
}
