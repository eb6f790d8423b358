import { isPlainObject } from '../base/plain.ts'
import type { Faults } from './faults.ts'

/** What a map of named things may look like. */
export interface MapRules<T> {
  /** Smallest number of entries. Default: none. */
  readonly min?: number
  /** Greatest number of entries. */
  readonly max: number
  /** The rule a name breaks, if any. */
  readonly nameFault: (name: string) => string | undefined
  readonly read: (value: unknown, faults: Faults, name: string) => T | undefined
}

/** The own, enumerable, named properties of a plain object, in its order. */
export type Members = ReadonlyMap<string, unknown>

/**
 * Reads each property of a plain object exactly once and leaves the values as they are. An
 * accessor is refused and not run; a proxy that throws is refused.
 */
export function readMembers(value: unknown, faults: Faults): Members | undefined {
  if (typeof value !== 'object' || value === null) {
    faults.add('invalid_type')
    return undefined
  }
  try {
    if (isPlainObject(value) && !Array.isArray(value)) return membersOf(value, faults)
  } catch {
    faults.add('unreadable')
    return undefined
  }
  faults.add('invalid_type')
  return undefined
}

/** Reads a map of named things and reports every fault of its names and entries. */
export function readMap<T>(
  value: unknown,
  rules: MapRules<T>,
  faults: Faults,
): ReadonlyMap<string, T> {
  const map = new Map<string, T>()
  const members = readMembers(value, faults)
  if (members === undefined) return map
  if (members.size < (rules.min ?? 0)) faults.add('too_small')
  // Entries beyond the limit are not looked at: the answer must stay small as well.
  if (members.size > rules.max) {
    faults.add('too_big')
    return map
  }
  for (const [name, member] of members) {
    faults.at(name).add(rules.nameFault(name))
    const entry = rules.read(member, faults.at(name), name)
    if (entry !== undefined) map.set(name, entry)
  }
  return map
}

function membersOf(value: object, faults: Faults): Members | undefined {
  const members = new Map<string, unknown>()
  const names = Object.keys(value)
  for (const name of names) {
    const property = Object.getOwnPropertyDescriptor(value, name)
    if (property !== undefined && 'value' in property) members.set(name, property.value)
    else faults.at(name).add('unreadable')
  }
  return members.size === names.length ? members : undefined
}
