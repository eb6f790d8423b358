import { isPlainObject } from '../base/plain.ts'
import type { Faults } from './faults.ts'
import {
  type LookupNormaliser,
  type Normaliser,
  normaliserFault,
  normaliserOf,
} from './normaliser.ts'
import { type LookupPopulation, MIN_DISTINCT, MIN_PEOPLE } from './plan-lookups.ts'
import { type OptionTable, optional, readOptions, required } from './read-options.ts'
import { onlyTrue, type Rule } from './rules.ts'

/** What is expected of the values of a lookup, so that its tokens can be made short enough. */
export interface LookupExpectations {
  /**
   * How many people, or records, will have a value; at least 16. Tokens are cut so short that several of them share
   * each. Default: tokens are not cut, and show which records have the same value.
   */
  readonly people?: number
  /** How many different values there are, where it is fewer than people; at least 16. */
  readonly distinct?: number
}

/** A lookup in full; its normaliser alone is short for `{ by }`. */
export interface LookupOptions extends LookupExpectations {
  /** Makes equal what people mean to be equal. */
  readonly by: LookupNormaliser | Normaliser
  /** No two records have the same value; a token that is not cut keeps watch. */
  readonly unique?: true
  /** Can also be searched by its first characters, at least so many; 2 to 32. */
  readonly startsWith?: number
  /** Can also be searched by its last characters, at least so many; 2 to 32. */
  readonly endsWith?: number
}

/** A lookup by several fields at once. */
export interface CompoundOptions extends LookupExpectations {
  /** Normaliser by field; 2 to 8 fields. One that has a lookup of its own has the same normaliser there. */
  readonly by: { readonly [field: string]: LookupNormaliser | Normaliser }
}

/** A lookup of one field that was checked. */
export interface LookupDefinition extends Omit<LookupOptions, 'by'> {
  readonly by: Normaliser
}

const MIN_PART = 2
const MAX_PART = 32
const MAX_PEOPLE = 2 ** 40

const OPTIONS: OptionTable<LookupOptions> = {
  by: required(normaliserRule),
  people: optional(atLeast(MIN_PEOPLE)),
  distinct: optional(atLeast(MIN_DISTINCT)),
  unique: optional(onlyTrue),
  startsWith: optional(between(MIN_PART, MAX_PART)),
  endsWith: optional(between(MIN_PART, MAX_PART)),
}

/** Checks the lookup of a field, in its short form or in full. */
export function readLookup(value: unknown, faults: Faults): LookupDefinition | undefined {
  if (value === undefined) return undefined
  const options = readOptions(typeof value === 'string' ? { by: value } : value, OPTIONS, {
    ...faults,
    // The short form has no member of that name to point at.
    at: (step) => (typeof value === 'string' ? faults : faults.at(step)),
  })
  if (options.distinct !== undefined && options.people === undefined)
    faults.at('people').add('required')
  return options.by === undefined ? undefined : { ...options, by: normaliserOf(options.by) }
}

/** The population of a lookup that is to be planned; undefined when its tokens are not cut. */
export function populationOf({
  people,
  distinct,
}: LookupExpectations): LookupPopulation | undefined {
  if (people === undefined) return undefined
  return distinct === undefined ? { people } : { people, distinct: Math.min(distinct, people) }
}

/** The rule that a normaliser breaks, if any: an object of the app is plain, so that it stays what it is. */
export function normaliserRule(by: unknown): string | undefined {
  if (typeof by === 'object' && by !== null && !isPlainObject(by)) return 'invalid_type'
  return normaliserFault(by)
}

/** Refuses anything but a whole number from `min` on. */
export function atLeast(min: number): Rule {
  return between(min, MAX_PEOPLE)
}

function between(min: number, max: number): Rule {
  return (value) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) return 'invalid_type'
    if (value < min) return 'too_small'
    return value > max ? 'too_big' : undefined
  }
}
