import { invalidInput } from './errors.ts'

/** The only source of time; every delay goes through `wait`. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Resolves after `ms` milliseconds; rejects with the reason of the signal once it aborts. */
  wait(ms: number, signal?: AbortSignal): Promise<void>
  /** The same for work that nobody waits for: it keeps no process alive. Default: `wait`. */
  rest?(ms: number, signal?: AbortSignal): Promise<void>
}

/** RFC 3339 in UTC, for example `2026-11-21T09:30:00.000Z`. */
export type Instant = string

/** Whole units, zero or more: calendar months and years in UTC, elapsed days and hours. */
export type Duration =
  | { readonly days: number }
  | { readonly months: number }
  | { readonly years: number }
  | { readonly hours: number }

const HOUR = 3_600_000
const DAY = 24 * HOUR
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?Z$/
// RFC 3339 has four-digit years only.
const FIRST_INSTANT = -62_167_219_200_000
/** The last millisecond of the year 9999: no instant can be written beyond. */
export const LAST_INSTANT = 253_402_300_799_999
// Beyond 32 bits a timer fires at once instead of late.
const LONGEST_TIMER = 2 ** 31 - 1

type Unit = 'hours' | 'days' | 'months' | 'years'

const ADD: { readonly [U in Unit]: (ms: number, amount: number) => number } = {
  hours: (ms, amount) => ms + amount * HOUR,
  days: (ms, amount) => ms + amount * DAY,
  months: addMonths,
  years: (ms, amount) => addMonths(ms, 12 * amount),
}

/**
 * The platform's clock. A pending `wait` keeps a process alive: an operation that waits for its turn would
 * else end with the script that awaits it. It ends after 24 days when it was to be longer.
 */
export function systemClock(): Required<Clock> {
  return {
    now: () => Date.now(),
    wait: (ms, signal) => delay({ ms, signal, started: () => undefined }),
    rest: (ms, signal) => delay({ ms, signal, started: unref }),
  }
}

/**
 * Writes milliseconds since the epoch as an instant with three decimals.
 *
 * @throws {@link invalid_input} outside the years 0000 to 9999.
 * @example
 * ```ts
 * toInstant(0) // '1970-01-01T00:00:00.000Z'
 * ```
 */
export function toInstant(ms: number): Instant {
  if (!isRepresentable(ms)) throw invalidInput([], 'not_an_instant')
  return new Date(ms).toISOString()
}

/**
 * Reads an instant as milliseconds since the epoch; `undefined` unless it is a real date and
 * time in UTC, written with `Z` and at most three decimals.
 *
 * @example
 * ```ts
 * fromInstant('1970-01-01T00:00:01Z') // 1000
 * fromInstant('2026-02-30T00:00:00Z') // undefined
 * ```
 */
export function fromInstant(text: string): number | undefined {
  if (!INSTANT.test(text)) return undefined
  const ms = Date.parse(text)
  // Date.parse may roll 30 February over to March; writing it again shows that.
  const written = isRepresentable(ms) ? new Date(ms).toISOString() : ''
  return written.slice(0, 19) === text.slice(0, 19) ? ms : undefined
}

/** Tells whether a value names one unit with a whole number that is zero or more. */
export function isDuration(value: unknown): value is Duration {
  return toUnit(value) !== undefined
}

/**
 * Adds a duration to milliseconds since the epoch. Months and years follow the UTC calendar
 * and stop at the last day of a shorter month; hours and days are elapsed time.
 *
 * @throws {@link invalid_input} for anything that is not a duration, and beyond the year 9999.
 * @example
 * ```ts
 * const given = fromInstant('2027-01-31T12:00:00Z') ?? 0
 * toInstant(addDuration(given, { months: 1 })) // '2027-02-28T12:00:00.000Z'
 * ```
 */
export function addDuration(ms: number, duration: Duration): number {
  const found = toUnit(duration)
  if (found === undefined || !isRepresentable(ms)) throw invalidInput([], 'not_a_duration')
  const sum = ADD[found.unit](ms, found.amount)
  if (!isRepresentable(sum)) throw invalidInput([], 'too_big')
  return sum
}

interface Delay {
  readonly ms: number
  readonly signal: AbortSignal | undefined
  readonly started: (timer: unknown) => void
}

function delay({ ms, signal, started }: Delay): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const timer = setTimeout(finish, Math.min(Math.max(ms, 0), LONGEST_TIMER))
    started(timer)
    signal?.addEventListener('abort', finish, { once: true })

    function finish(): void {
      clearTimeout(timer)
      signal?.removeEventListener('abort', finish)
      if (signal?.aborted) reject(signal.reason)
      else resolve()
    }
  })
}

// Browsers number their timers; Node, Bun and Deno give objects.
function unref(timer: unknown): void {
  if (typeof timer === 'object' && timer !== null && 'unref' in timer) {
    if (typeof timer.unref === 'function') timer.unref()
  }
}

function isRepresentable(ms: number): boolean {
  return ms >= FIRST_INSTANT && ms <= LAST_INSTANT
}

function toUnit(value: unknown): { readonly unit: Unit; readonly amount: number } | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const entries: readonly (readonly [string, unknown])[] = Object.entries(value)
  const [unit, amount] = entries[0] ?? []
  if (entries.length !== 1 || unit === undefined || !isUnit(unit)) return undefined
  if (typeof amount !== 'number' || !Number.isSafeInteger(amount) || amount < 0) return undefined
  return { unit, amount }
}

function isUnit(name: string): name is Unit {
  return Object.hasOwn(ADD, name)
}

function addMonths(ms: number, amount: number): number {
  const date = new Date(ms)
  const day = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() + amount)
  date.setUTCDate(Math.min(day, daysInMonth(date)))
  return date.getTime()
}

function daysInMonth(date: Date): number {
  const last = new Date(date)
  last.setUTCMonth(last.getUTCMonth() + 1, 0)
  return last.getUTCDate()
}
