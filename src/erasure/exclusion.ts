/** What was asked for and is still there. */
export interface Exclusion {
  /** Name of a record and a field, or of what else there is: names nobody. */
  readonly what: string
  readonly count: number
  readonly ground: string
  /** Milliseconds since the epoch; absent where no date can be told. */
  readonly until?: number
}
