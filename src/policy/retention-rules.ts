import { latest } from '../base/earliest.ts'
import { addDuration } from '../base/time.ts'
import type { Anonymiser, Retention, RetentionFloor } from './retention.ts'
import { clockAt, momentOf } from './zone.ts'

/** When what happened; milliseconds since the epoch, by event. */
export type EventTimes = { readonly [event: string]: number }

/** When a field of a record goes, and what keeps it. */
export interface FieldRules {
  readonly id: string
  readonly name: string
  /** Of the field and of its record: the earliest end counts. */
  readonly maxima: readonly Retention[]
  /** What needs it: the last end counts. Empty when none of its purposes says how long. */
  readonly purposes: readonly Need[]
  /** The last end counts, and nothing goes before it. */
  readonly floors: readonly RetentionFloor[]
  /** Makes of the value what may stay. Absent: it is erased. */
  readonly anonymise?: Anonymiser
}

/** A purpose of a field, and how long it needs that; until the purpose itself ends, if nothing is said. */
export interface Need {
  readonly purpose: string
  readonly retention?: Retention
}

/** When purposes ended for a person, or will: milliseconds since the epoch. Others go on. */
export type PurposeEnds = ReadonlyMap<string, number>

/** What keeps a field, and until when: milliseconds, or unknown while its event has not happened. */
export interface Kept {
  readonly ground: string
  readonly source?: string
  readonly until?: number
}

/** Nobody said anything that ends a purpose. */
const NOTHING_SAID: PurposeEnds = /* @__PURE__ */ new Map()

/** Whether a field ends by time alone, whatever the person says. */
export function hasEnd({ maxima, purposes }: FieldRules): boolean {
  const isTimed = purposes.length > 0 && purposes.every(({ retention }) => retention !== undefined)
  return maxima.length > 0 || isTimed
}

/**
 * When a field has to go; undefined when no end is known. A maximum whose event has not happened does not run; a
 * floor whose event has not happened keeps: destroying what a law may ask for cannot be undone.
 */
export function dueAt(
  rules: FieldRules,
  events: EventTimes,
  purposeEnds: PurposeEnds = NOTHING_SAID,
): number | undefined {
  const needed = lastOf(rules.purposes, events, purposeEnds)
  const ends = [...rules.maxima.map((it) => endOf(it, events)), needed]
  const known = ends.filter((end) => end !== undefined)
  if (known.length === 0) return undefined
  const kept = rules.floors.map((it) => endOf(it, events) ?? Number.POSITIVE_INFINITY)
  const due = Math.max(Math.min(...known), ...kept)
  return Number.isFinite(due) ? due : undefined
}

/** The floor that keeps a field longest; undefined when nothing keeps it any more. */
export function keptBy({ floors }: FieldRules, events: EventTimes, now: number): Kept | undefined {
  let longest: { readonly floor: RetentionFloor; readonly end: number } | undefined
  for (const floor of floors) {
    const end = endOf(floor, events) ?? Number.POSITIVE_INFINITY
    if (end > now && end > (longest?.end ?? now)) longest = { floor, end }
  }
  if (longest === undefined) return undefined
  const { ground, source } = longest.floor
  return {
    ground,
    ...(source === undefined ? {} : { source }),
    ...(Number.isFinite(longest.end) ? { until: longest.end } : {}),
  }
}

/** The end of one rule; undefined while its event has not happened. */
export function endOf(
  { keep, from, until, zone }: Retention,
  events: EventTimes,
): number | undefined {
  const start = events[from]
  if (start === undefined) return undefined
  const isElapsed = 'days' in keep || 'hours' in keep
  if (isElapsed && until === undefined) return addDuration(start, keep)
  const end = isElapsed
    ? clockAt(addDuration(start, keep), zone)
    : addDuration(clockAt(start, zone), keep)
  return momentOf(until === undefined ? end : endOfYear(end), zone)
}

/** As long as one of them needs it: a purpose that has ended needs nothing, however long it was to keep it. */
function lastOf(
  needs: readonly Need[],
  events: EventTimes,
  purposeEnds: PurposeEnds,
): number | undefined {
  const ends = needs.map(({ purpose, retention }) => {
    const timed = retention === undefined ? undefined : endOf(retention, events)
    const said = purposeEnds.get(purpose)
    return timed === undefined || said === undefined ? (timed ?? said) : Math.min(timed, said)
  })
  const known = ends.filter((end) => end !== undefined)
  return known.length < ends.length ? undefined : latest(known)
}

/** The first moment of the next year: up to it, the year lasts. */
function endOfYear(ms: number): number {
  return Date.UTC(new Date(ms).getUTCFullYear() + 1, 0, 1)
}
