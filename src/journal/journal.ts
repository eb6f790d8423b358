import { equalBytes } from '../base/bytes.ts'
import { chunksOf } from '../base/chunks-of.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import type { Clock } from '../base/time.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { backoff, pause } from '../storage/patience.ts'
import type { Row, Store } from '../storage/store.ts'
import {
  hashOf,
  type JournalEntry,
  type JournalNote,
  openEntry,
  openPlace,
  type Place,
  sealEntry,
  sealPlace,
  START,
} from './journal-entry.ts'

/**
 * Erasures, in a store of their own: a chain of rows that only grows, so that a backup of the people, put back,
 * is known to be of before. Only the controller's key reads and writes it.
 */
export interface Journal {
  /**
   * Durable once it resolves, to the number of the entry. What comes at once goes in one commit; what was told twice
   * does no harm. Refused over a gap: the chain has to have what is known of it.
   *
   * @throws {@link store_unavailable} · @throws {@link journal_diverged}
   */
  append(note: JournalNote): Promise<number>
  /**
   * Where the chain ends now.
   *
   * @throws {@link journal_diverged} when that is before a place that was known, or says something else there
   */
  end(known: Place): Promise<Place>
  /**
   * The entries behind one place up to another, page by page.
   *
   * @throws {@link journal_diverged} when one is missing, was changed, or does not follow the one before
   */
  pages(from: Place, to: Place): AsyncIterable<readonly JournalEntry[]>
  /**
   * Entries by their numbers.
   *
   * @throws {@link journal_diverged} when one is missing or was changed
   */
  entries(numbers: readonly number[]): Promise<readonly JournalEntry[]>
  /** The furthest place that is known here. The chain has had it, so it has it whenever it goes on. */
  known(): Place
  /** A place that others know of. */
  expect(place: Place): void
}

/** What a journal stands on. */
export interface JournalDeps {
  readonly journal: Store
  readonly keyspace: Keyspace
  readonly controller: Pick<ControllerKey, 'seal' | 'open'>
  readonly clock: Clock
}

/** A journal at work: one that was set back would else go on over the gap, and nobody would miss what is gone. */
interface Working extends JournalDeps, Pick<Journal, 'known' | 'expect'> {}

interface Waiting {
  readonly note: JournalNote
  readonly resolve: (seq: number) => void
  readonly reject: (error: unknown) => void
}

const PAGE = 256
const MOST_AT_ONCE = 256
const ATTEMPTS = 64

/** The journal in a store. */
export function createJournal(deps: JournalDeps): Journal {
  let waiting: Waiting[] = []
  let isWorking = false
  let furthest = START
  const working: Working = {
    ...deps,
    known: () => furthest,
    expect: (place) => {
      if (place.seq > furthest.seq) furthest = place
    },
  }
  async function work(): Promise<void> {
    isWorking = true
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MOST_AT_ONCE)
      waiting = waiting.slice(MOST_AT_ONCE)
      await appendWaiting(working, batch)
    }
    isWorking = false
  }
  return {
    append: (note) =>
      new Promise((resolve, reject) => {
        waiting.push({ note, resolve, reject })
        if (!isWorking) void work()
      }),
    end: (known) => readEnd(working, known),
    pages: (from, to) => readPages(deps, from, to),
    entries: (numbers) => readEntries(deps, numbers),
    known: working.known,
    expect: working.expect,
  }
}

async function appendWaiting(deps: Working, batch: readonly Waiting[]): Promise<void> {
  const notes = batch.map(({ note }) => note)
  try {
    const first = await appendAll(deps, notes)
    for (const [at, { resolve }] of batch.entries()) resolve(first + at)
  } catch (error) {
    for (const { reject } of batch) reject(error)
  }
}

/** Resolves to the number of the first. */
async function appendAll(deps: Working, notes: readonly JournalNote[]): Promise<number> {
  const { journal, keyspace, clock } = deps
  for (let attempt = 1; ; attempt += 1) {
    const { end: before, sealed } = await lookBehind(deps, deps.known())
    const { rows, end } = chain(deps, before, notes)
    try {
      await journal.commit({ checks: [[keyspace.journalHead, sealed ?? null]], put: rows, del: [] })
      deps.expect(end)
      return before.seq + 1
    } catch (error) {
      if (isPrivityError(error, 'outcome_unknown') && (await isThere(journal, rows))) {
        deps.expect(end)
        return before.seq + 1
      }
      const mayPass =
        isPrivityError(error, 'write_conflict') || isPrivityError(error, 'outcome_unknown')
      if (!mayPass || attempt === ATTEMPTS) throw error
      await pause(clock, backoff(attempt))
    }
  }
}

/** The rows of these notes behind a place, and the head last; and the place where they end. */
function chain(
  { controller, keyspace }: JournalDeps,
  before: Place,
  notes: readonly JournalNote[],
): { readonly rows: readonly Row[]; readonly end: Place } {
  const rows: Row[] = []
  let place = before
  for (const note of notes) {
    const seq = place.seq + 1
    const key = keyspace.journalEntry(seq)
    const row = sealEntry(controller, key, { ...note, seq, prevHash: place.hash })
    rows.push([key, row])
    place = { seq, hash: hashOf(row) }
  }
  const head = sealPlace(controller, keyspace.journalHead, place)
  return { rows: [...rows, [keyspace.journalHead, head]], end: place }
}

/** Whether a commit of unknown outcome was applied: others may have gone on behind it. */
async function isThere(journal: Store, rows: readonly Row[]): Promise<boolean> {
  const [first] = rows
  if (first === undefined) return false
  const [stored] = await journal.read([first[0]])
  return stored !== undefined && equalBytes(stored, first[1])
}

async function readEnd(deps: Working, known: Place): Promise<Place> {
  const furthest = deps.known()
  const { end } = await lookBehind(deps, known.seq < furthest.seq ? furthest : known)
  deps.expect(end)
  return end
}

/** Where the chain ends, not before a place that is known, and the row that says so. */
async function lookBehind(
  { journal, keyspace, controller }: JournalDeps,
  known: Place,
): Promise<{ readonly end: Place; readonly sealed: Uint8Array | undefined }> {
  const rows = [keyspace.journalHead, keyspace.journalEntry(Math.max(1, known.seq))]
  const [sealed, row] = await journal.read(rows)
  if (sealed === undefined && known.seq === 0) return { end: START, sealed }
  if (sealed === undefined) throw diverged('behind', known.seq)
  const end = openPlace(controller, keyspace.journalHead, sealed)
  if (end === undefined) throw diverged('unreadable', known.seq)
  if (end.seq < known.seq) throw diverged('behind', end.seq)
  const isSame = known.seq === 0 || (row !== undefined && hashOf(row) === known.hash)
  if (!isSame) throw diverged('head', known.seq)
  return { end, sealed }
}

async function* readPages(
  { journal, keyspace, controller }: JournalDeps,
  from: Place,
  to: Place,
): AsyncGenerator<readonly JournalEntry[]> {
  let place = from
  while (place.seq < to.seq) {
    const length = Math.min(PAGE, to.seq - place.seq)
    const keys = Array.from({ length }, (_, at) => keyspace.journalEntry(place.seq + 1 + at))
    const rows = await journal.read(keys)
    const entries: JournalEntry[] = []
    for (const [at, key] of keys.entries()) {
      const row = rows[at]
      if (row === undefined) throw diverged('chain', place.seq)
      const entry = openEntry(controller, key, row)
      if (entry === undefined) throw diverged('unreadable', place.seq)
      if (entry.seq !== place.seq + 1 || entry.prevHash !== place.hash)
        throw diverged('chain', place.seq)
      entries.push(entry)
      place = { seq: entry.seq, hash: hashOf(row) }
    }
    yield entries
  }
  if (place.hash !== to.hash) throw diverged('head', place.seq)
}

async function readEntries(
  { journal, keyspace, controller }: JournalDeps,
  numbers: readonly number[],
): Promise<readonly JournalEntry[]> {
  const entries: JournalEntry[] = []
  for (const some of chunksOf(numbers, PAGE)) {
    const keys = some.map((seq) => keyspace.journalEntry(seq))
    const rows = await journal.read(keys)
    for (const [at, key] of keys.entries()) {
      const [row, seq = 0] = [rows[at], some[at]]
      if (row === undefined) throw diverged('chain', seq)
      const entry = openEntry(controller, key, row)
      if (entry === undefined) throw diverged('unreadable', seq)
      entries.push(entry)
    }
  }
  return entries
}

function diverged(
  reason: 'behind' | 'head' | 'chain' | 'unreadable',
  seq: number,
): PrivityError<'journal_diverged'> {
  return new PrivityError('journal_diverged', { reason, seq })
}
