import type * as z from 'zod'
import type { FieldFaults, SchemaFaults } from './field-faults.ts'
import type { LookupOptions } from './lookup-options.ts'
import type { LookupNormaliser } from './normaliser.ts'
import type { Reference, Waiver } from './ownership.ts'
import type { Retention, RetentionFloor } from './retention.ts'

/** Special categories of Art. 9(1). */
export type SpecialCategory =
  | 'health'
  | 'biometric'
  | 'genetic'
  | 'beliefs'
  | 'politics'
  | 'union'
  | 'sex_life'
  | 'ethnic_origin'

/** What is declared about a field besides its schema; `P` names the purposes there are. */
export interface FieldOptions<S extends z.ZodType, P extends string> {
  /** Every field names at least one purpose. */
  readonly purposes: readonly [P, ...P[]]
  /** Stable id when the property is renamed. Default: its name. */
  readonly id?: string
  /**
   * Lookup through a blind index: the name of a normaliser, for equality, or everything there is to say. Refused on
   * special fields.
   */
  readonly lookup?: LookupNormaliser | LookupOptions
  /** Article 9 category; sealed in a class of its own. */
  readonly special?: SpecialCategory
  /** What a purpose sees instead of the plain value. */
  readonly views?: { readonly [K in P]?: (plain: z.output<S>) => unknown }
  /** How long at most. With one of the record as well, the earlier end counts. Default: no maximum. */
  readonly retention?: Retention
  /** How long at least, by law. With several, the last end counts; nothing goes before it. */
  readonly floor?: RetentionFloor | readonly RetentionFloor[]
  /** It holds the id of another registered person. Needs `lookup: 'exact'`. */
  readonly refs?: Reference
  /** Somebody looked at whom this is about, which `policy.explain()` asks, and let it be. */
  readonly waiver?: Waiver
  /**
   * What becomes of the value at its end. What a function makes of it has to fit the schema, to say nothing about
   * the person, and to stay as it is when the function sees it again. Default: erased.
   */
  readonly atEnd?:
    | 'erase'
    | {
        /** Makes of a value what may stay. */
        readonly anonymise: (plain: z.output<S>) => unknown
      }
}

/** A declared field: its schema, and its options as literal types. */
export interface Field<S extends z.ZodType, O> {
  /** As it was given: the app's own. */
  readonly schema: S
  /** As they were given, copied and frozen. */
  readonly options: O
}

/** Any declared field. It names no callback, or that would become the type of the app's views. */
export interface AnyField {
  readonly schema: z.ZodType
  readonly options: object
}

/** What {@link defineRecord} hands to the app to declare fields with. */
export interface FieldKit<P extends string, Special extends PropertyKey = P> {
  /**
   * Declares one field: a schema whose output is JSON, and the purposes that may see it.
   *
   * @example
   * ```ts
   * field(z.email(), { purposes: ['support', 'marketing'], lookup: 'email' })
   * ```
   */
  field<S extends z.ZodType, const O extends FieldOptions<S, P>>(
    schema: S & SchemaFaults<S>,
    options: O & FieldFaults<S, O, Special>,
  ): Field<S, O>
}

const made = new WeakSet<object>()

/** The kit itself; the record checks what is given to it, so that all faults are said at once. */
export const fieldKit: { readonly field: typeof makeField } = Object.freeze({ field: makeField })

/** Makes a field of whatever is given. */
export function makeField<S, O>(
  schema: S,
  options: O,
): { readonly schema: S; readonly options: O } {
  const field = Object.freeze({ schema, options })
  made.add(field)
  return field
}

/** Tells whether a value came out of the kit and is not a look-alike. */
export function isField(value: unknown): value is ReturnType<typeof makeField> {
  return typeof value === 'object' && value !== null && made.has(value)
}
