import type { Ownership, Reference, Sharing } from './ownership.ts'
import type { LookupKind } from './record-lookups.ts'

/** Something that a policy means for those whom the data is about. */
export type PolicyFinding = LookupFinding | RetentionFinding | OwnershipFinding | CollectionFinding

/** What a policy is explained with. */
export interface ExplainOptions {
  /** The time, as an instant: dates of review before this day are over. Default: none is looked at. */
  readonly at?: string
}

/** `error`: what was declared cannot be carried out. `warning`: somebody should look at it. */
export type FindingLevel = 'error' | 'warning' | 'info'

/** What the policy says about the end of some fields, or does not say. */
export interface RetentionFinding {
  readonly kind: 'retention'
  readonly level: FindingLevel
  /**
   * `no_maximum`: nothing ends them · `end_never`: what becomes of them at their end is never carried out · `floor`: a
   * law keeps them · `floor_unread`: and nobody can read them once the person is erased · `purpose_longer`: a purpose
   * is to need them longer than they are kept · `event_never`: a purpose ends by what cannot happen to the record.
   */
  readonly what:
    | 'no_maximum'
    | 'end_never'
    | 'floor'
    | 'floor_unread'
    | 'purpose_longer'
    | 'event_never'
  /** Name of the record type. */
  readonly record: string
  /** Names of its fields. */
  readonly fields: readonly string[]
  /** Where it is about one: its name. */
  readonly purpose?: string
  /** Of a floor. */
  readonly ground?: string
  /** Where the law of a floor can be read. */
  readonly source?: string
  /** The same, in words. */
  readonly summary: string
}

/** What the policy says about whom some data is about, or does not say. */
export interface OwnershipFinding {
  readonly kind: 'ownership'
  readonly level: FindingLevel
  /**
   * `shared`: about the members of a group · `owned`: a part of another record · `orphan`: such a part may stand
   * without an owner · `reference`: names another person · `retained`: does so beyond their erasure · `other_person`:
   * sounds as if it did · `waived`: somebody let it be · `review_overdue`: the day of its review is over.
   */
  readonly what:
    | 'shared'
    | 'owned'
    | 'orphan'
    | 'reference'
    | 'retained'
    | 'other_person'
    | 'waived'
    | 'review_overdue'
  /** Name of the record type. */
  readonly record: string
  /** Names of its fields; none where it is about the whole record. */
  readonly fields: readonly string[]
  /** What an erasure does. */
  readonly onErase?: Sharing['onErase'] | Ownership['onErase'] | Reference['onErase']
  /** Name of the owning type. */
  readonly owner?: string
  /** Of a waiver, or of what is retained. */
  readonly reason?: string
  /** The day on which somebody looks again. */
  readonly reviewAt?: string
  /** The same, in words. */
  readonly summary: string
}

/** What the policy says about data that is kept elsewhere. */
export interface CollectionFinding {
  readonly kind: 'collection'
  readonly level: FindingLevel
  /** `outside`: a hook reaches it · `waived`: nothing does · `review_overdue`: the day of its review is over. */
  readonly what: 'outside' | 'waived' | 'review_overdue'
  /** Its name in the policy. */
  readonly collection: string
  /** Id of the hook that reaches it. */
  readonly hook?: string
  /** Of the waiver, where no hook reaches it. */
  readonly reason?: string
  /** The day on which somebody looks again. */
  readonly reviewAt?: string
  /** The same, in words. */
  readonly summary: string
}

/** What one lookup costs, and what it shows. */
export interface LookupFinding {
  readonly kind: 'lookup'
  /** Name of the record type. */
  readonly record: string
  /** Names of its fields. */
  readonly fields: readonly string[]
  /** Rules that make values equal, field by field, with their versions. */
  readonly normalisers: readonly string[]
  /** What is searched, whole values or parts of them; or that no two records have the same. */
  readonly use: LookupKind
  /** Characters, of a part. */
  readonly length?: number
  /** Of a token. */
  readonly bits: number
  /** For how many people the lookup was declared. */
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
