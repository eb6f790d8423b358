import type { Faults } from './faults.ts'
import { nameFault } from './names.ts'
import { list, type Rule } from './rules.ts'
import { MAX_PURPOSES } from './purposes.ts'

/** Names of declared purposes. */
export interface PurposeNames {
  has(name: string): boolean
}

/** The rule for the list as a whole. */
export function purposeList(min: 0 | 1): Rule {
  return list(MAX_PURPOSES, min)
}

/** Checks that every name is a declared purpose and stands in the list once; sorted. */
export function readPurposeList(
  names: readonly unknown[],
  declared: PurposeNames,
  faults: Faults,
): readonly string[] {
  const seen = new Set<string>()
  if (purposeList(0)(names) !== undefined) return []
  names.forEach((name, index) => {
    faults.at(index).add(purposeFault(name, declared, seen))
    if (typeof name === 'string') seen.add(name)
  })
  return [...seen].sort()
}

function purposeFault(
  name: unknown,
  declared: PurposeNames,
  seen: ReadonlySet<string>,
): string | undefined {
  if (typeof name !== 'string') return 'invalid_type'
  const fault = nameFault(name)
  if (fault !== undefined) return fault
  if (seen.has(name)) return 'duplicate'
  return declared.has(name) ? undefined : 'not_declared'
}
