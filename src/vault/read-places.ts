import { isPrivityError } from '../base/errors.ts'
import type { ParsedAsk } from '../permit/ask.ts'
import type { Found } from '../policy/accessor-types.ts'
import type { Key } from '../storage/store.ts'
import { isUnreadable } from '../subjects/unreadable.ts'
import type { Place } from './lookup-places.ts'
import type { WatchedRows } from './lookup-keys.ts'
import {
  fetchRecord,
  isStill,
  logAccesses,
  type Prepared,
  prepareFetched,
  type ReadRequest,
} from './read.ts'
import type { Target, Vault } from './vault.ts'

/** Where a list goes on, and how far. */
export interface WalkOptions {
  readonly limit: number
  readonly after: Place | undefined
  readonly signal: AbortSignal | undefined
  readonly subjectId: string | undefined
}

/** Records to read one after the other, and who asks. */
export interface Reading {
  readonly ask: ParsedAsk
  readonly options: WalkOptions
  readonly places: AsyncIterable<Place>
  readonly action: 'find' | 'list'
  readonly screen?: ReadRequest['screen'] & {}
  readonly watch?: Watch
}

/** Rows on which the places rest: read with the first record, instead of in a round of their own. */
export interface Watch {
  readonly keys: readonly Key[]
  hasChanged(rows?: WatchedRows): Promise<boolean>
}

interface Walk {
  readonly vault: Vault
  readonly target: Target
  readonly reading: Reading
  /** Until something was read. */
  watch: Watch | undefined
  isOutrun: boolean
  given: number
  /** Handed out since somebody last changed between being opened and being handed out; less than none just after. */
  streak: number
  unread: unknown
  /** The app was asked, and did not answer: the next of so many would wait as long. */
  isSilent: boolean
  readonly skip: (error: unknown) => void
}

/** What became of a place: nothing, where it is left out. Last comes how the walk ended. */
type Outcome = Ready | { readonly failures: readonly unknown[] } | undefined

interface Ready {
  readonly place: Place
  readonly prepared: Prepared
}

/** Most that is looked at, opened and logged before the first of it is handed out. */
const PAGE = 32
/** Read one by one after a change, since the next may not be far: what was opened in vain is logged all the same. */
const WARY = -8

/**
 * Gives nothing, and returns true, when what is watched has changed: others may have written elsewhere since. What
 * does not open, or could not be decided, hides none of the others, and is told last, as an error: behind it a
 * cursor goes on.
 */
export async function* readPlaces(
  vault: Vault,
  target: Target,
  reading: Reading,
): AsyncGenerator<Found<object>, boolean> {
  const walk: Walk = {
    vault,
    target,
    reading,
    watch: reading.watch,
    isOutrun: false,
    given: 0,
    streak: 0,
    unread: undefined,
    isSilent: false,
    skip: (error) => {
      walk.unread ??= error
    },
  }
  yield* inPages(walk, reading.places)
  if (walk.isOutrun || (await walk.watch?.hasChanged()) === true) return true
  if (walk.unread !== undefined) throw walk.unread
  return false
}

/**
 * Logs a page before the first of it is given. Who changed since it was opened is read again, with all behind. An
 * error comes after what was opened before it.
 */
async function* inPages(
  walk: Walk,
  places: AsyncIterable<Place> | Iterable<Place>,
): AsyncGenerator<Found<object>, void> {
  const { limit, signal } = walk.reading.options
  let page: Ready[] = []
  let looked = 0
  for await (const outcome of outcomesOf(walk, places)) {
    const end = outcome !== undefined && 'failures' in outcome ? outcome : undefined
    if (outcome !== undefined && 'prepared' in outcome) page.push(outcome)
    looked += 1
    if (end === undefined && page.length < roomOf(walk) && looked < PAGE) continue
    await logPage(walk, page)
    for (const [at, ready] of page.entries()) {
      signal?.throwIfAborted()
      // One alone was decided after it was asked for.
      if (page.length > 1 && !(await isGiven(walk, ready))) {
        walk.streak = WARY
        yield* inPages(walk, placesOf(page.slice(at)))
        break
      }
      yield foundAt(ready)
      walk.given += 1
      walk.streak += 1
    }
    for (const failure of end?.failures ?? []) throw failure
    if (walk.given >= limit) return
    page = []
    looked = 0
  }
}

/** As many again as were handed out: who stops early is not logged as having seen much more than that. */
function roomOf({ vault, reading, given, streak }: Walk): number {
  const ahead = vault.audit.mode === 'strict' ? Math.min(streak + 1, PAGE) : 1
  return Math.max(1, Math.min(ahead, reading.options.limit - given))
}

async function* outcomesOf(
  walk: Walk,
  places: AsyncIterable<Place> | Iterable<Place>,
): AsyncGenerator<Outcome> {
  try {
    for await (const place of places) {
      const outcome = await prepare(walk, place)
      if (walk.isOutrun) return
      yield outcome
    }
    yield { failures: [] }
  } catch (error) {
    yield { failures: [error] }
  }
}

async function prepare(walk: Walk, place: Place): Promise<Ready | undefined> {
  const { vault, target, reading, watch, skip } = walk
  const { ask, action, screen, options } = reading
  const { signal } = options
  signal?.throwIfAborted()
  const screened = screen === undefined ? {} : { screen }
  const unsure: ReadRequest['unsure'] = (refusal, related) => {
    skip(refusal)
    walk.isSilent = related === 'silent'
  }
  const request: ReadRequest = { ask, action, signal, unsure, ...place, ...screened }
  const also = watch?.keys ?? []
  const fetched = await orLeftOut(fetchRecord(vault, target, { ...request, also }), skip)
  if (fetched === undefined) return undefined
  walk.isOutrun = (await watch?.hasChanged(fetched.also)) === true
  if (walk.isOutrun) return undefined
  walk.watch = undefined
  const prepared = await orLeftOut(prepareFetched(vault, target, { request, fetched }), skip)
  if (walk.isSilent) throw walk.unread
  return prepared === undefined ? undefined : { place, prepared }
}

async function logPage({ vault, reading }: Walk, page: readonly Ready[]): Promise<void> {
  if (page.length === 0) return
  reading.options.signal?.throwIfAborted()
  await logAccesses(
    vault,
    page.flatMap(({ prepared }) => prepared.accesses),
  )
}

/** Why not is told when it is read again. */
async function isGiven({ vault, reading }: Walk, { place, prepared }: Ready): Promise<boolean> {
  const { ask, options } = reading
  const request = { ask, id: place.id, signal: options.signal }
  return (await orLeftOut(isStill(vault, request, prepared), () => undefined)) === true
}

function placesOf(page: readonly Ready[]): readonly Place[] {
  return page.map(({ place }) => place)
}

/** Who may not be seen, or is gone since the page was read, is left out without a trace in the answer. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'not_permitted',
  'not_found',
  'erased',
  'incomplete_record',
])

async function orLeftOut<T>(
  reading: Promise<T>,
  skip: (error: unknown) => void,
): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (isUnreadable(error)) skip(error)
    else if (!isPrivityError(error) || !LEFT_OUT.has(error.code)) throw error
    return undefined
  }
}

function foundAt({ place, prepared }: Ready): Found<object> {
  const { id, recordId } = place
  const cursor = recordId === undefined ? id : `${id}.${recordId}`
  return Object.freeze({ subjectId: id, recordId: recordId ?? id, view: prepared.view, cursor })
}
