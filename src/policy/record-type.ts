import type { PrivityTypeError } from './type-error.ts'
import type { ReservedName } from './names.ts'

/** Options of a record type. */
export interface RecordOptions {
  /** A person may have any number of these records. Default: one. */
  readonly many?: true
}

/** A declared record type: its fields by name, and its options. */
export interface RecordType<F, O> {
  readonly fields: F
  readonly options: O
}

/** Refuses names that JavaScript would look up on a view by itself. */
export type ReservedNames<F> = string extends keyof F
  ? unknown
  : { readonly [K in keyof F & ReservedName]: PrivityTypeError<`the name '${K}' is reserved`> }
