/** What was erased before, in a later copy of the store, as its journal says. */
export interface ReplayedRule {
  readonly kind: 'replayed'
  /** Numbers of the entries that say it. */
  readonly parts: readonly number[]
  /** Sections with values of later than what was erased; whatever else there is, is older. */
  readonly later: readonly LaterSection[]
  /** Sequence of the person once nothing of it was left; absent before. What is newer was written since. */
  readonly until?: number
}

/** A section as it stood before anything was done again: that seals others anew, under revisions of its own. */
export interface LaterSection {
  readonly record: string
  readonly recordId?: string
  readonly accessClass: number
  readonly revision: number
}

/** What went, in words that the policy declares: for certificates. */
export interface NamedItem {
  readonly record: string
  readonly fieldIds?: readonly string[]
}
