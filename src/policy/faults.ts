import { type InputIssue, isPrivityError, PrivityError, safePath } from '../base/errors.ts'

/** Collects what is wrong with one place of a definition, so that everything is said at once. */
export interface Faults {
  /** The same collection, one step further down. */
  at(step: PropertyKey): Faults
  /** Reports that the rule `code` is broken here. */
  add(code: string | undefined): void
  /** Runs a check of ours that throws; what it says becomes part of the collection. */
  attempt<T>(check: () => T): T | undefined
}

// A definition with more faults than this is something else.
const MAX_ISSUES = 1_000

/**
 * Runs a check that reports faults, and gives its result once nothing was reported.
 *
 * @throws {@link invalid_input} with every fault.
 */
export function collectFaults<T>(check: (faults: Faults) => T | undefined): T {
  const issues: InputIssue[] = []
  const result = check(faultsAt(issues, []))
  if (issues.length > 0 || result === undefined) throw new PrivityError('invalid_input', { issues })
  return result
}

function faultsAt(issues: InputIssue[], path: readonly PropertyKey[]): Faults {
  return { at: (step) => faultsAt(issues, [...path, step]), add, attempt }

  function add(code: string | undefined): void {
    if (code !== undefined && issues.length < MAX_ISSUES) {
      issues.push({ path: safePath(path), code })
    }
  }

  function attempt<T>(check: () => T): T | undefined {
    try {
      return check()
    } catch (error) {
      if (!isPrivityError(error, 'invalid_input')) throw error
      for (const issue of error.details.issues) {
        issues.push({ path: [...safePath(path), ...issue.path], code: issue.code })
      }
      return undefined
    }
  }
}
