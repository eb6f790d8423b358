import { addDuration } from '../base/time.ts'
import type { Anonymiser, Retention, RetentionFloor } from './retention.ts'

/** When what happened; milliseconds since the epoch, by event. */
export type EventTimes = { readonly [event: string]: number }

/** When a field of a record goes, and what keeps it. */
export interface FieldRules {
  readonly id: string
  readonly name: string
  /** Of the field and of its record: the earliest end counts. */
  readonly maxima: readonly Retention[]
  /** Of its purposes: the last end counts. Empty when one of them has none, and so goes on needing the field. */
  readonly purposes: readonly Retention[]
  /** The last end counts, and nothing goes before it. */
  readonly floors: readonly RetentionFloor[]
  /** Makes of the value what may stay. Absent: it is erased. */
  readonly anonymise?: Anonymiser
}

/** What keeps a field, and until when: milliseconds, or unknown while its event has not happened. */
export interface Kept {
  readonly ground: string
  readonly source?: string
  readonly until?: number
}

/**
 * When a field has to go; undefined when no end is known. A maximum whose event has not happened does not run; a
 * floor whose event has not happened keeps: destroying what a law may ask for cannot be undone.
 */
export function dueAt(rules: FieldRules, events: EventTimes): number | undefined {
  const ends = [...rules.maxima.map((it) => endOf(it, events)), lastOf(rules.purposes, events)]
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
export function endOf({ keep, from, until }: Retention, events: EventTimes): number | undefined {
  const start = events[from]
  if (start === undefined) return undefined
  const end = addDuration(start, keep)
  return until === undefined ? end : endOfYear(end)
}

/** As long as one of them needs it. */
function lastOf(purposes: readonly Retention[], events: EventTimes): number | undefined {
  const ends = purposes.map((it) => endOf(it, events))
  const known = ends.filter((end) => end !== undefined)
  return known.length === 0 || known.length < ends.length ? undefined : Math.max(...known)
}

/** The first moment of the next year: up to it, the year lasts. */
function endOfYear(ms: number): number {
  return Date.UTC(new Date(ms).getUTCFullYear() + 1, 0, 1)
}
