import type { CompoundOptions } from './lookup-options.ts'
import type { ReservedName } from './names.ts'
import type { Ownership, Sharing } from './ownership.ts'
import type { Retention, RetentionFloor } from './retention.ts'
import type { PrivityTypeError } from './type-error.ts'

/** Options of a record type. */
export interface RecordOptions {
  /** A person may have any number of these records. Default: one. */
  readonly many?: true
  /** Lookups by several fields at once, by names of their own; a search that gives all of them uses one. */
  readonly lookups?: { readonly [name: string]: CompoundOptions }
  /** Its records are about the members of a group, and are kept under the id of that group. Default: one person. */
  readonly sharedWith?: Sharing
  /** Its records are parts of other records of the same person. */
  readonly ownedBy?: Ownership
  /** What happens to such a record that retention is counted from, e.g. `closed`; the app tells when. */
  readonly events?: readonly string[]
  /** How long every field is kept at most. */
  readonly retention?: Retention
  /** How long every field is kept at least, by law. */
  readonly floor?: RetentionFloor | readonly RetentionFloor[]
}

/** A declared record type: its fields by name, and its options. */
export interface RecordType<F, O> {
  /** As they were declared, by name. */
  readonly fields: F
  /** As they were declared. */
  readonly options: O
}

/** Refuses names that JavaScript would look up on a view by itself. */
export type ReservedNames<F> = string extends keyof F
  ? unknown
  : { readonly [K in keyof F & ReservedName]: PrivityTypeError<`the name '${K}' is reserved`> }

/** Refuses compound lookups of fields that the record does not have. */
export type CompoundFaults<F, O> = O extends { readonly lookups: infer L }
  ? {
      readonly lookups: {
        readonly [N in keyof L]: L[N] extends { readonly by: infer B }
          ? {
              readonly by: {
                readonly [K in Exclude<
                  keyof B,
                  keyof F
                >]: PrivityTypeError<`the record has no field '${K & string}'`>
              }
            }
          : unknown
      }
    }
  : unknown

/** Refuses an owner whose id the record has no field for, and a part of which a person has only one. */
export type OwnershipFaults<F, O> = O extends {
  readonly ownedBy: { readonly field: infer N }
}
  ? { readonly many: true } & (N extends keyof F
      ? unknown
      : {
          readonly ownedBy: {
            readonly field: PrivityTypeError<`the record has no field '${N & string}'`>
          }
        })
  : unknown
