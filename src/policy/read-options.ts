import { snapshot } from '../base/parse.ts'
import type { Faults } from './faults.ts'
import { freezeDeep } from './freeze.ts'
import { type Members, readMembers } from './read-members.ts'
import type { Rule } from './rules.ts'

/** One option: whether it must be there, and what it may be. */
export interface Option {
  readonly required: boolean
  readonly rule: Rule
}

/** A rule for every option of `T`, so that an option without a rule does not compile. */
export type OptionTable<T> = { readonly [K in keyof T]-?: Option }

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
  // Names in a definition are the app's code, and no data.
  const copy = faults.attempt(() => ({ of: snapshot(value, [], (steps) => steps) }))
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
