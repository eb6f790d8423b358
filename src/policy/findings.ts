import type { LookupKind } from './record-lookups.ts'

/** Something that a policy means for those whom the data is about. */
export type PolicyFinding = LookupFinding | RetentionFinding

/** `error`: what was declared cannot be carried out. `warning`: somebody should look at it. */
export type FindingLevel = 'error' | 'warning' | 'info'

/** What the policy says about the end of some fields, or does not say. */
export interface RetentionFinding {
  readonly kind: 'retention'
  readonly level: FindingLevel
  /**
   * `no_maximum`: nothing ends them · `end_never`: what becomes of them at their end is never carried out · `floor`: a
   * law keeps them · `purpose_longer`: a purpose is to need them longer than they are kept · `event_never`: a purpose
   * ends by what cannot happen to the record.
   */
  readonly what: 'no_maximum' | 'end_never' | 'floor' | 'purpose_longer' | 'event_never'
  readonly record: string
  /** Names of its fields. */
  readonly fields: readonly string[]
  readonly purpose?: string
  /** Of a floor. */
  readonly ground?: string
  readonly source?: string
  /** The same, in words. */
  readonly summary: string
}

/** What one lookup costs, and what it shows. */
export interface LookupFinding {
  readonly kind: 'lookup'
  readonly record: string
  /** Names of its fields. */
  readonly fields: readonly string[]
  /** Rules that make values equal, field by field, with their versions. */
  readonly normalisers: readonly string[]
  readonly use: LookupKind
  /** Characters, of a part. */
  readonly length?: number
  /** Of a token. */
  readonly bits: number
  readonly people?: number
  /** How many others a search is expected to read, because they share the token by chance. */
  readonly coincidences: number
  /**
   * To an observer of the store: `equality` which records have the same value, `groups` which may have, `returns`
   * that a value is there again.
   */
  readonly shows: 'equality' | 'groups' | 'returns'
  /** The same, in words. */
  readonly summary: string
}
