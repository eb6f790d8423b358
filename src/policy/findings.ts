import type { LookupKind } from './record-lookups.ts'

/** Something that a policy means for those whom the data is about. */
export type PolicyFinding = LookupFinding

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
