import { snapshot } from '../base/parse.ts'
import { addDuration, isDuration } from '../base/time.ts'
import type { Faults } from './faults.ts'
import { freezeDeep } from './freeze.ts'
import { type Members, readMembers } from './members.ts'

/** Gives the code of the rule that a value breaks, or nothing. */
export type Rule = (value: unknown) => string | undefined

/** One option: whether it must be there, and what it may be. */
export interface Option {
  readonly required: boolean
  readonly rule: Rule
}

/** A rule for every option of `T`, so that an option without a rule does not compile. */
export type OptionTable<T> = { readonly [K in keyof T]-?: Option }

// 1 January 2100: what can be added to it can be added to every date an app will meet.
const LATE = 4_102_444_800_000
const LONE_SURROGATE = /\p{Surrogate}/u

export function required(rule: Rule): Option {
  return { required: true, rule }
}

export function optional(rule: Rule): Option {
  return { required: false, rule }
}

/**
 * Checks an options object against its table: every option by its rule, nothing missing, nothing
 * unknown. An option that is `undefined` counts as absent. Gives a frozen copy of what is right.
 */
export function readOptions<T extends object>(
  value: unknown,
  table: OptionTable<T>,
  faults: Faults,
): Partial<T> {
  const copy = faults.attempt(() => ({ of: snapshot(value) }))
  const members = copy === undefined ? undefined : readMembers(copy.of, faults)
  return members === undefined ? {} : checkMembers(members, table, faults)
}

/** Tells whether nothing required is missing. */
export function isComplete<T extends object>(
  options: Partial<T>,
  table: OptionTable<T>,
): options is T {
  return entriesOf(table).every(
    ([name, { required: asked }]) => !asked || Object.hasOwn(options, name),
  )
}

/** Refuses anything but a text of 1 to `max` characters that is more than white space. */
export function text(max: number): Rule {
  return (value) => {
    if (typeof value !== 'string') return 'invalid_type'
    if (value.trim() === '') return 'too_small'
    if (value.length > max) return 'too_big'
    // Canonical JSON, and so the hash of the policy, cannot hold half a character.
    return LONE_SURROGATE.test(value) ? 'invalid_format' : undefined
  }
}

/** Refuses anything but a text that the pattern matches. */
export function format(pattern: RegExp): Rule {
  return (value) => {
    if (typeof value !== 'string') return 'invalid_type'
    return pattern.test(value) ? undefined : 'invalid_format'
  }
}

/** Refuses anything but one of the listed words. */
export function oneOf(words: readonly string[]): Rule {
  return (value) => {
    if (typeof value !== 'string') return 'invalid_type'
    return words.includes(value) ? undefined : 'invalid_value'
  }
}

/** Refuses anything but a list of at most `max` values; what they may be is checked one by one. */
export function list(max: number, min: 0 | 1): Rule {
  return (value) => {
    if (!Array.isArray(value)) return 'invalid_type'
    if (value.length < min) return 'too_small'
    return value.length > max ? 'too_big' : undefined
  }
}

export function isTrue(value: unknown): string | undefined {
  return value === true ? undefined : 'invalid_value'
}

export function duration(value: unknown): string | undefined {
  if (!isDuration(value)) return 'not_a_duration'
  try {
    addDuration(LATE, value)
    return undefined
  } catch {
    return 'too_big'
  }
}

/** A duration of more than nothing. */
export function period(value: unknown): string | undefined {
  const fault = duration(value)
  if (fault !== undefined) return fault
  return isDuration(value) && Object.values(value).includes(0) ? 'too_small' : undefined
}

function checkMembers<T extends object>(
  members: Members,
  table: OptionTable<T>,
  faults: Faults,
): Partial<T> {
  const right: [string, unknown][] = []
  for (const [name, option] of entriesOf(table)) {
    const value = members.get(name)
    if (value === undefined && !option.required) continue
    const fault = value === undefined ? 'required' : option.rule(value)
    faults.at(name).add(fault)
    if (fault === undefined) right.push([name, value])
  }
  for (const name of members.keys()) {
    if (!Object.hasOwn(table, name)) faults.at(name).add('unrecognized_keys')
  }
  // Each was held against the rule that stands for its type.
  return freezeDeep(Object.fromEntries(right)) as Partial<T>
}

function entriesOf<T>(table: OptionTable<T>): readonly (readonly [string, Option])[] {
  return Object.entries(table)
}
