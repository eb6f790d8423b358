import type * as z from 'zod'
import type { PrivityTypeError } from './type-error.ts'

/** What no JSON can hold; a codec turns it into something that JSON can. */
type NotJson =
  | Date
  | bigint
  | symbol
  | Promise<unknown>
  | ReadonlyMap<never, unknown>
  | ReadonlySet<unknown>
  | ((...input: never) => unknown)

type IsAny<T> = 0 extends 1 & T ? true : false

/** Refuses a schema whose output cannot be stored. */
export type SchemaFaults<S extends z.ZodType> =
  IsAny<z.output<S>> extends true
    ? unknown
    : [Extract<z.output<S>, NotJson>] extends [never]
      ? unknown
      : PrivityTypeError<'the output of this schema is not JSON: use a codec to JSON, as z.codec(z.date(), z.iso.datetime(), …)'>

/** Refuses options that contradict each other or the purposes, and options that do not exist. */
export type FieldFaults<S extends z.ZodType, O, Special> = UnknownOptions<O> &
  ViewFaults<O> &
  LookupFaults<S, O> &
  SpecialFaults<O, Special> &
  ReferenceFaults<O>

type OptionName =
  | 'purposes'
  | 'id'
  | 'lookup'
  | 'special'
  | 'views'
  | 'retention'
  | 'floor'
  | 'atEnd'
  | 'refs'
  | 'waiver'

type UnknownOptions<O> = {
  readonly [K in Exclude<
    keyof O,
    OptionName
  >]: PrivityTypeError<`a field has no option '${K & string}'`>
}

type ViewFaults<O> = O extends {
  readonly purposes: readonly (infer P)[]
  readonly views: infer V
}
  ? {
      readonly views: {
        readonly [K in Exclude<
          keyof V,
          P
        >]: PrivityTypeError<`the field does not serve the purpose '${K & string}'`>
      }
    }
  : unknown

type LookupFaults<S extends z.ZodType, O> = O extends { readonly lookup: infer L }
  ? O extends { readonly special: string }
    ? {
        readonly lookup: PrivityTypeError<'a special field has no lookup'>
      }
    : [z.output<S>] extends [string | null | undefined]
      ? LookupOptionFaults<L>
      : { readonly lookup: PrivityTypeError<'lookup needs a schema whose output is a string'> }
  : unknown

type LookupOptionFaults<L> = L extends { readonly people: FewPeople }
  ? {
      readonly lookup: {
        readonly people: PrivityTypeError<'fewer than 16 people cannot hide among each other'>
      }
    }
  : unknown

type FewPeople = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15

type SpecialFaults<O, Special> = O extends {
  readonly purposes: readonly (infer P)[]
  readonly special: string
}
  ? [Exclude<P, Special>] extends [never]
    ? unknown
    : {
        readonly special: PrivityTypeError<`the purpose '${Exclude<P, Special> & string}' has neither explicit consent nor an article 9 ground`>
      }
  : unknown

type ReferenceFaults<O> = O extends { readonly refs: infer R }
  ? O extends { readonly lookup: 'exact' | { readonly by: 'exact' } }
    ? R extends { readonly onErase: 'retain' }
      ? { readonly refs: { readonly reason: string; readonly reviewAt: string } }
      : AnonymiseFaults<O, R>
    : { readonly refs: PrivityTypeError<"refs needs lookup: 'exact'"> }
  : unknown

type AnonymiseFaults<O, R> = R extends { readonly onErase: 'anonymise' }
  ? O extends { readonly atEnd: { readonly anonymise: unknown } }
    ? unknown
    : {
        readonly refs: {
          readonly onErase: PrivityTypeError<'what is anonymised needs a function in atEnd'>
        }
      }
  : unknown
