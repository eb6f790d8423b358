import type { Reference } from '../../policy/ownership.ts'
import type { Exclusion } from '../exclusion.ts'

/** What becomes of a reference. */
export type Verb = Reference['onErase']

/** References in the records of one type that have the same end. */
export interface ReferenceCount {
  readonly record: string
  readonly action: Verb
  readonly count: number
}

/** What was found before anything was done about it: afterwards nothing says so any more. */
export interface Referred {
  readonly counts: readonly ReferenceCount[]
  /** What stays of records that go. */
  readonly stays: readonly Exclusion[]
  /** Only what is done by now: something was left, and what there is of that is to be added. */
  readonly isDone?: true
}

/** What was done about references, and what is left of them. */
export interface ReferenceFindings {
  readonly counts: readonly ReferenceCount[]
  readonly exclusions: readonly Exclusion[]
}
