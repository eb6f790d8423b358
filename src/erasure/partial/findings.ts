import type { Exclusion } from '../exclusion.ts'

/** What a partial erasure did, as the log of its person tells it. */
export interface PartialTotals {
  readonly values: number
  readonly records: number
  readonly lookupRows: number
  readonly keys: number
}

/** What was found when a partial erasure was looked at again. */
export interface PartialFindings {
  /** Nothing that was to go is there. */
  readonly isGone: boolean
  /** No key that was to go is there. */
  readonly isKeyGone: boolean
  /** Older copies that were tried against every key that is left, and did not open. */
  readonly decryptProbes: number
  readonly totals: PartialTotals
  /** Entries of the journal whose parts went. */
  readonly parts: readonly number[]
  readonly exclusions: readonly Exclusion[]
}
