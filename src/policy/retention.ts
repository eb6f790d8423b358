import type { Duration } from '../base/time.ts'
import type { JsonValue } from '../base/canonical.ts'
import type { Faults } from './faults.ts'
import { nameFault } from './names.ts'
import { isComplete, type OptionTable, optional, readOptions, required } from './read-options.ts'
import { duration, format, line, list, oneOf, period, type Rule } from './rules.ts'
import { isZone } from './zone.ts'

/** How long data is kept at most, counted from something that happened. */
export interface Retention {
  /** From the event on; nothing at all is written as `{ days: 0 }`. */
  readonly keep: Duration
  /**
   * `registered` (the person), `created` or `updated` (the record), or an event of the record's own. What has not
   * happened ends nothing.
   */
  readonly from: string
  /** The end is put off to the end of the calendar year. */
  readonly until?: 'end_of_year'
  /** Whose calendar has the months and years, as an IANA name, e.g. `Europe/Amsterdam`. Default: UTC. */
  readonly zone?: string
}

/** How long data is kept at least, and by what law: it comes before every maximum, and before a withdrawal. */
export interface RetentionFloor extends Retention {
  /** As certificates name it, e.g. `AWR art. 52(4)`; at most 128 characters. */
  readonly ground: string
  /** Where it can be read. */
  readonly source?: string
  /** ISO 3166-1 alpha-2. */
  readonly country?: string
}

/** Makes of a plain value what may stay. */
export type Anonymiser = (plain: JsonValue) => unknown

/** The rules of one field or record, checked. */
export interface RetentionRules {
  readonly retention?: Retention
  readonly floors: readonly RetentionFloor[]
}

const MAX_EVENTS = 16
const MAX_FLOORS = 8
/** What happens without being told. */
const BUILT_IN: ReadonlySet<string> = /* @__PURE__ */ new Set(['registered', 'created', 'updated'])

const RETENTION: OptionTable<Retention> = {
  keep: required(duration),
  from: required(eventRule),
  until: optional(oneOf(['end_of_year'])),
  zone: optional(zone),
}

const FLOOR: OptionTable<RetentionFloor> = {
  ...RETENTION,
  // A minimum of nothing keeps nothing, and would look like one that does.
  keep: required(period),
  ground: required(line(128)),
  source: optional(format(/^https:\/\/[^\s\p{C}]{1,500}$/u)),
  country: optional(format(/^[A-Z]{2}$/)),
}

/** Tells whether an event is one of the app's. */
export function isOwnEvent(event: string): boolean {
  return !BUILT_IN.has(event)
}

/** Checks how long something is kept at most. */
export function readRetention(value: unknown, faults: Faults): Retention | undefined {
  if (value === undefined) return undefined
  const retention = readOptions(value, RETENTION, faults)
  return isComplete(retention, RETENTION) ? retention : undefined
}

/** Checks both options of a field or record. */
export function readRules(
  options: { readonly retention?: unknown; readonly floor?: unknown },
  faults: Faults,
): RetentionRules {
  const retention = readRetention(options.retention, faults.at('retention'))
  const floors = readFloors(options.floor, faults.at('floor'))
  return retention === undefined ? { floors } : { retention, floors }
}

/** Checks what becomes of a field at its end; undefined when it is erased. */
export function readAtEnd(value: unknown, faults: Faults): Anonymiser | undefined {
  if (value === undefined || value === 'erase') return undefined
  if (typeof value === 'string') faults.add('invalid_value')
  if (typeof value === 'string') return undefined
  const { anonymise } = readOptions(value, AT_END, faults)
  return anonymise
}

/** Checks the names of the events that a record has of its own. */
export function readEvents(value: unknown, faults: Faults): readonly string[] {
  if (value === undefined) return []
  const fault = list(MAX_EVENTS, 0)(value)
  faults.add(fault)
  if (fault !== undefined || !Array.isArray(value)) return []
  const seen = new Set<string>()
  value.forEach((event: unknown, index) => {
    faults.at(index).add(ownEventFault(event, seen))
    if (typeof event === 'string') seen.add(event)
  })
  return [...seen].sort()
}

/** Every event that rules are counted from has to be one that can happen to the record. */
export function checkEvents(
  { retention, floors }: RetentionRules,
  events: readonly string[],
  faults: Faults,
): void {
  const isKnown = (event: string): boolean => !isOwnEvent(event) || events.includes(event)
  if (retention !== undefined && !isKnown(retention.from))
    faults.at('retention').at('from').add('not_declared')
  if (!floors.every(({ from }) => isKnown(from))) faults.at('floor').at('from').add('not_declared')
}

const AT_END: OptionTable<{ readonly anonymise: Anonymiser }> = {
  anonymise: required((value) => (typeof value === 'function' ? undefined : 'invalid_type')),
}

/** Checks how long something is kept at least: one floor, or several of which the longest counts. */
function readFloors(value: unknown, faults: Faults): readonly RetentionFloor[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) return readFloor(value, faults)
  const fault = list(MAX_FLOORS, 1)(value)
  faults.add(fault)
  if (fault !== undefined) return []
  return value.flatMap((floor, index) => readFloor(floor, faults.at(index)))
}

function readFloor(value: unknown, faults: Faults): readonly RetentionFloor[] {
  const floor = readOptions(value, FLOOR, faults)
  return isComplete(floor, FLOOR) ? [floor] : []
}

function eventRule(value: unknown): ReturnType<Rule> {
  return typeof value === 'string' ? nameFault(value) : 'invalid_type'
}

function zone(value: unknown): ReturnType<Rule> {
  if (typeof value !== 'string') return 'invalid_type'
  return isZone(value) ? undefined : 'not_a_time_zone'
}

function ownEventFault(event: unknown, seen: ReadonlySet<string>): string | undefined {
  const fault = eventRule(event)
  if (fault !== undefined || typeof event !== 'string') return fault
  if (seen.has(event)) return 'duplicate'
  return isOwnEvent(event) ? undefined : 'reserved_name'
}
