import type * as z from 'zod'
import type { Field } from './field.ts'
import type { PrivityTypeError } from './type-error.ts'

type OptionsOf<X> = X extends Field<infer _S, infer O> ? O : never
type OutOf<X> = X extends Field<infer S, infer _O> ? z.output<S> : never
type InOf<X> = X extends Field<infer S, infer _O> ? z.input<S> : never
type ViewsOf<X> = OptionsOf<X> extends { readonly views: infer V } ? V : Nothing
type HasLookup<X> = OptionsOf<X> extends { readonly lookup: string | object } ? true : false
type Nothing = Record<never, never>
type Simplify<T> = { [K in keyof T]: T[K] } & {}

/** The purposes a field names. */
export type PurposesOf<X> =
  OptionsOf<X> extends { readonly purposes: readonly (infer P)[] } ? P : never

/**
 * The fields a purpose may see. Not distributive: a union of purposes gives the fields that all
 * of them may see, and a purpose only known as `string` gives none.
 */
export type AllowedKeys<F, P extends string> = [P] extends [never]
  ? never
  : { [K in keyof F]: [P] extends [PurposesOf<F[K]>] ? K : never }[keyof F]

type SeenAs<X, P extends string> = P extends keyof ViewsOf<X>
  ? ViewsOf<X>[P] extends (v: never) => infer V
    ? V
    : OutOf<X>
  : OutOf<X>

// With exactOptional a value is never undefined, so the type of the value does not show it.
type IsExactOptional<X> =
  X extends Field<infer S, infer _O> ? (S extends z.ZodExactOptional ? true : false) : false

type OptionalOut<F> = {
  [K in keyof F]: undefined extends OutOf<F[K]> ? K : IsExactOptional<F[K]> extends true ? K : never
}[keyof F]

/** The fields that a value to be stored may leave out: they are optional or have a default. */
export type OptionalIn<F> = {
  [K in keyof F]: undefined extends InOf<F[K]> ? K : IsExactOptional<F[K]> extends true ? K : never
}[keyof F]

/** What a purpose sees of a record: its fields, each through its view if there is one. */
export type View<F, P extends string> = Simplify<
  {
    readonly [K in Exclude<AllowedKeys<F, P>, OptionalOut<F>>]: SeenAs<F[K], P>
  } & { readonly [K in Extract<AllowedKeys<F, P>, OptionalOut<F>>]?: SeenAs<F[K], P> }
>

/** What a purpose may store of a record, before the schemas parse it. */
export type Input<F, P extends string> = Simplify<
  { readonly [K in Exclude<AllowedKeys<F, P>, OptionalIn<F>>]: InOf<F[K]> } & {
    readonly [K in Extract<AllowedKeys<F, P>, OptionalIn<F>>]?: InOf<F[K]>
  }
>

/**
 * What a purpose may search by: its fields with a lookup, and together those of a compound lookup; `L` holds the
 * compound lookups of the record type.
 */
export type Where<F, P extends string, L = Nothing> = [keyof L] extends [never]
  ? Singly<F, P>
  : Singly<F, P> &
      (NotAlone<F, L> | { [N in keyof L]: Together<F, P, L> & All<F, P, L[N]> }[keyof L])

type Singly<F, P extends string> = {
  readonly [K in AllowedKeys<F, P> as HasLookup<F[K]> extends true ? K : never]?: Sought<F[K]>
}

/** A whole value, or a part of one that has a lookup for it. */
type Sought<X> = OutOf<X> | Part<X, 'startsWith'> | Part<X, 'endsWith'>
type Part<X, K extends 'startsWith' | 'endsWith'> =
  OptionsOf<X> extends { readonly lookup: { readonly [N in K]: number } }
    ? { readonly [N in K]: string }
    : never

/** Fields that are searched by together with others only. */
type PartsOnly<F, L> = {
  [K in keyof F]: HasLookup<F[K]> extends true ? never : K
}[keyof F] &
  NamedIn<L[keyof L]>
type NamedIn<C> = C extends { readonly by: infer B } ? keyof B : never

type NotAlone<F, L> = {
  readonly [K in PartsOnly<
    F,
    L
  >]?: PrivityTypeError<`field '${K & string}' is searched by only together with the others of its lookup`>
}
type Together<F, P extends string, L> = {
  readonly [K in PartsOnly<F, L> & AllowedKeys<F, P>]?: OutOf<F[K]>
}
type All<F, P extends string, C> = [NamedIn<C>] extends [AllowedKeys<F, P>]
  ? { readonly [K in NamedIn<C> & keyof F]: OutOf<F[K]> }
  : never

/** The fields that a purpose may clear. */
export type UnsetKeys<F, P extends string> = Extract<AllowedKeys<F, P>, OptionalIn<F>>

/** A view narrowed to some of its fields. */
export type Picked<F, P extends string, K> = Simplify<Pick<View<F, P>, K & keyof View<F, P>>>

/** A field to select, or the sentence that says why this purpose may not. */
export type SelectKey<F, P extends string, K> =
  K extends AllowedKeys<F, P>
    ? K
    : PrivityTypeError<`field '${K & string}' is not declared for purpose '${P}'`>

/**
 * The other fields of the record, each with the sentence that says why this purpose may not write
 * it. They make also a variable with too many fields an error, not only a literal.
 */
export type RefusedInput<F, P extends string> = {
  readonly [K in Exclude<
    keyof F,
    AllowedKeys<F, P>
  >]?: PrivityTypeError<`field '${K & string}' is not declared for purpose '${P}'`>
}

/** The fields a purpose may not search by, each with the sentence that says why. */
export type RefusedWhere<F, P extends string, L = Nothing> = {
  readonly [K in keyof F as WhereFault<F, P, { key: K; lookups: L }> extends never
    ? never
    : K]?: WhereFault<F, P, { key: K; lookups: L }>
}

type WhereFault<F, P extends string, X extends { key: keyof F; lookups: unknown }> =
  X['key'] extends AllowedKeys<F, P>
    ? X['key'] extends PartsOnly<F, X['lookups']>
      ? SeenThroughView<F[X['key']], P, X['key']>
      : HasLookup<F[X['key']]> extends true
        ? SeenThroughView<F[X['key']], P, X['key']>
        : PrivityTypeError<`field '${X['key'] & string}' has no lookup`>
    : PrivityTypeError<`field '${X['key'] & string}' is not declared for purpose '${P}'`>

// A search would tell the plain value that the view hides.
type SeenThroughView<X, P extends string, K> = [Extract<keyof ViewsOf<X>, P>] extends [never]
  ? never
  : PrivityTypeError<`purpose '${P}' sees field '${K & string}' through a view, so it cannot search by it`>
