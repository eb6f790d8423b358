/** One thing that a writer did or was told. */
export interface LogEvent {
  /**
   * - `begin`: a writer asks for an entry to be appended. The same entry may be asked for again.
   * - `applied`: it was told that it is in the log, at this index.
   * - `failed`: it was told that it is not in the log.
   * - `unknown`: it was told that nobody knows. A call that never ended counts as one.
   */
  readonly kind: 'begin' | 'applied' | 'failed' | 'unknown'
  /** Names the entry, and not the call: a call that is repeated has the same one. */
  readonly entry: string
  /** Where it is, for `applied`. */
  readonly index?: number
}

/** A row of a log, as it was read in the end. */
export interface LogRow {
  readonly index: number
  readonly entry: string
}

/** What became of a log that several writers appended to. */
export interface LogHistory {
  /** Of all writers, in the order in which they happened. */
  readonly events: readonly LogEvent[]
  /** The log as it is in the end, in the order in which it was read. */
  readonly log: readonly LogRow[]
}

/**
 * - `gap`: the indexes do not count from 0 without a gap.
 * - `lost`: an entry was acknowledged and is not in the log.
 * - `moved`: an entry was acknowledged at another index than it is at.
 * - `repeated`: an entry is in the log more than once.
 * - `index_given_twice`: two entries were acknowledged at one index.
 * - `refused_but_there`: every writer of the entry was told that it is not there, and it is.
 * - `unasked`: nobody asked for what is in the log.
 * - `out_of_order`: an entry was asked for after another one was acknowledged, and stands before it.
 * - `bad_history`: an outcome without a beginning, or one that says where without being `applied`.
 */
export type LogFaultKind =
  | 'gap'
  | 'lost'
  | 'moved'
  | 'repeated'
  | 'index_given_twice'
  | 'refused_but_there'
  | 'unasked'
  | 'out_of_order'
  | 'bad_history'

/** Something that an append-only log must not do. */
export interface LogFault {
  readonly kind: LogFaultKind
  /** The entry it is about; for a gap, the one behind it. */
  readonly entry: string
}

/** What the writers of one entry were told, and where it may stand. */
interface Asked {
  /** Calls that have begun and not ended. */
  open: number
  /** Some call may have been applied. */
  isPossible: boolean
  readonly given: Set<number>
  /** No entry that was asked for after one was acknowledged may stand before that one. */
  readonly after: number
}

/**
 * Holds a log against what its writers were told, in linear time: what was acknowledged is there,
 * once, without gaps, where it was said to be, and in the order of real time; what was refused is
 * not; what is in doubt is there once or not at all.
 *
 * @example
 * ```ts
 * import { checkLog } from 'privity/testkit'
 *
 * const events = [
 *   { kind: 'begin', entry: 'a' },
 *   { kind: 'applied', entry: 'a', index: 0 },
 * ] as const
 * console.log(checkLog({ events, log: [] })) // [ { kind: 'lost', entry: 'a' } ]
 * ```
 */
export function checkLog({ events, log }: LogHistory): readonly LogFault[] {
  const faults: LogFault[] = []
  const asked = readEvents(events, faults)
  const places = readLog(log, faults)
  for (const [entry, told] of asked) {
    const place = places.get(entry)
    const kind = place === undefined ? faultOfAbsent(told) : faultOfPlace(told, place)
    if (kind !== undefined) faults.push({ kind, entry })
  }
  for (const entry of places.keys()) if (!asked.has(entry)) faults.push({ kind: 'unasked', entry })
  return faults
}

function readEvents(events: readonly LogEvent[], faults: LogFault[]): ReadonlyMap<string, Asked> {
  const asked = new Map<string, Asked>()
  const owners = new Map<number, string>()
  let newest = -1
  for (const event of events) {
    const { kind, entry, index } = event
    if (kind === 'begin') {
      begin(asked, entry, newest)
      continue
    }
    const told = asked.get(entry)
    if (told === undefined || told.open === 0 || !isSound(event)) {
      faults.push({ kind: 'bad_history', entry })
      continue
    }
    told.open -= 1
    if (kind === 'unknown') told.isPossible = true
    if (index === undefined) continue
    told.given.add(index)
    if ((owners.get(index) ?? entry) !== entry) faults.push({ kind: 'index_given_twice', entry })
    owners.set(index, entry)
    newest = Math.max(newest, index)
  }
  return asked
}

function begin(asked: Map<string, Asked>, entry: string, after: number): void {
  const told = asked.get(entry)
  if (told === undefined) asked.set(entry, { open: 1, isPossible: false, given: new Set(), after })
  else told.open += 1
}

function isSound({ kind, index }: LogEvent): boolean {
  if (kind !== 'applied') return index === undefined
  return index !== undefined && Number.isSafeInteger(index) && index >= 0
}

/** Where each entry stands, the first time. */
function readLog(log: readonly LogRow[], faults: LogFault[]): ReadonlyMap<string, number> {
  const places = new Map<string, number>()
  let next = 0
  for (const { index, entry } of log) {
    if (index !== next) faults.push({ kind: 'gap', entry })
    if (places.has(entry)) faults.push({ kind: 'repeated', entry })
    else places.set(entry, index)
    next = index + 1
  }
  return places
}

function faultOfAbsent({ given }: Asked): LogFaultKind | undefined {
  return given.size > 0 ? 'lost' : undefined
}

function faultOfPlace(told: Asked, place: number): LogFaultKind | undefined {
  const { given, open, isPossible, after } = told
  if ([...given].some((index) => index !== place)) return 'moved'
  if (given.size === 0 && open === 0 && !isPossible) return 'refused_but_there'
  return place <= after ? 'out_of_order' : undefined
}
