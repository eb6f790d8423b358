import type { SubjectId } from '../base/id.ts'
import type { RecordType } from './record-type.ts'
import type { PrivityTypeError } from './type-error.ts'
import type {
  AllowedKeys,
  Input,
  OptionalIn,
  Picked,
  RefusedInput,
  RefusedWhere,
  SelectKey,
  UnsetKeys,
  View,
  Where,
} from './view-types.ts'

/** Options of every read. */
export interface ReadOptions {
  /** Gives up waiting; what was decided and logged stays logged. */
  readonly signal?: AbortSignal
}

/** Options of every write. */
export interface WriteOptions {
  /** Gives up waiting; the write may still take effect. */
  readonly signal?: AbortSignal
  /** Same id, same effect, at most once. Default: a new id. */
  readonly operationId?: string
  /** Writes only if the record still has this revision. Default: any. */
  readonly ifRevision?: number
}

/** Options of a list or a search. */
export interface ListOptions extends ReadOptions {
  /** Greatest number of items. Default: all. */
  readonly limit?: number
  /** A cursor of an earlier item: goes on behind it. */
  readonly after?: string
}

/** One item of a list or a search. */
export interface Found<V> {
  /** Whose record it is; of a record of several people, their group. */
  readonly subjectId: SubjectId
  /** Of the record, also where a person has one only. */
  readonly recordId: string
  /** What the purpose sees of it. */
  readonly view: V
  /** Where to go on, as `after`. */
  readonly cursor: string
}

/** Options of an update. */
export interface UpdateOptions<K> extends WriteOptions {
  /** Optional fields to clear. */
  readonly unset?: readonly K[]
}

type Creates<F, P extends string, C> = [Unseen<F, P>] extends [never] ? C : CannotCreate<F, P>

/** Required fields that the purpose does not see. */
type Unseen<F, P extends string> = Exclude<keyof F, OptionalIn<F> | AllowedKeys<F, P>>

interface CannotCreate<F, P extends string> {
  /** What is required cannot be given for this purpose. */
  readonly create: PrivityTypeError<`purpose '${P}' cannot create: it does not see the required field '${Unseen<F, P> & string}'`>
}

interface SingleBase<F, P extends string, L> {
  /** What the purpose sees of this person's record. */
  read(subjectId: SubjectId, options?: ReadOptions): Promise<View<F, P>>
  /** Less than the purpose may see: only the named fields are opened, one at least. */
  select<const K extends keyof F>(
    subjectId: SubjectId,
    keys: readonly SelectKey<F, P, K>[],
    options?: ReadOptions,
  ): Promise<Picked<F, P, K>>
  /** Changes the given fields and leaves the others as they are. */
  update(
    subjectId: SubjectId,
    changes: Partial<Input<F, P>> & RefusedInput<F, P>,
    options?: UpdateOptions<UnsetKeys<F, P>>,
  ): Promise<void>
  /** People whose record has these values in fields with a lookup; what does not open as in `list`. */
  find(
    where: Where<F, P, L> & RefusedWhere<F, P, L>,
    options?: ListOptions,
  ): AsyncIterable<Found<View<F, P>>>
  /**
   * The records of everyone for whom the purpose has a live basis. Whoever does not open, or of whom `relationship`
   * could not tell, hides none of the others, and is told last, as an error: what was found before it has a `cursor`
   * to go on behind. It ends at once where `relationship` does not answer within ten seconds.
   */
  list(options?: ListOptions): AsyncIterable<Found<View<F, P>>>
}

interface SingleCreate<F, P extends string> {
  /** Stores the record of a person who has none. */
  create(
    subjectId: SubjectId,
    value: Input<F, P> & RefusedInput<F, P>,
    options?: WriteOptions,
  ): Promise<void>
}

/** What one purpose can do with a record type of which a person has one. */
export type SingleAccessor<F, P extends string, L = Record<never, never>> = SingleBase<F, P, L> &
  Creates<F, P, SingleCreate<F, P>>

interface ManyBase<F, P extends string, L> {
  /** What the purpose sees of one record of this person. */
  read(subjectId: SubjectId, recordId: string, options?: ReadOptions): Promise<View<F, P>>
  /** Less than the purpose may see: only the named fields are opened, one at least. */
  select<const K extends keyof F>(
    ...call: readonly [
      subjectId: SubjectId,
      recordId: string,
      keys: readonly SelectKey<F, P, K>[],
      options?: ReadOptions,
    ]
  ): Promise<Picked<F, P, K>>
  /** Changes the given fields and leaves the others as they are. */
  update(
    ...call: readonly [
      subjectId: SubjectId,
      recordId: string,
      changes: Partial<Input<F, P>> & RefusedInput<F, P>,
      options?: UpdateOptions<UnsetKeys<F, P>>,
    ]
  ): Promise<void>
  /** Erases one record of this person. */
  remove(subjectId: SubjectId, recordId: string, options?: WriteOptions): Promise<void>
  /** Records that have these values in fields with a lookup; what does not open as in `list`. */
  find(
    where: Where<F, P, L> & RefusedWhere<F, P, L>,
    options?: ListOptions,
  ): AsyncIterable<Found<View<F, P>>>
  /** Of one person, or of everyone when no person is named. What does not open is told last, as an error. */
  list(options?: ListOptions & { readonly subjectId?: SubjectId }): AsyncIterable<Found<View<F, P>>>
}

interface ManyCreate<F, P extends string> {
  /** Stores one more record of a person; its id is new and random. */
  create(
    subjectId: SubjectId,
    value: Input<F, P> & RefusedInput<F, P>,
    options?: WriteOptions,
  ): Promise<{ readonly recordId: string }>
}

/** What one purpose can do with a record type of which a person may have many. */
export type ManyAccessor<F, P extends string, L = Record<never, never>> = ManyBase<F, P, L> &
  Creates<F, P, ManyCreate<F, P>>

/** What one purpose can do with the records of a policy, by their names. */
export type Accessor<R, P extends string> = {
  readonly [K in keyof R]: R[K] extends RecordType<infer F, infer O>
    ? [Blind<F, P>] extends [never]
      ? O extends { readonly many: true }
        ? ManyAccessor<F, P, CompoundsOf<O>>
        : SingleAccessor<F, P, CompoundsOf<O>>
      : PrivityTypeError<`purpose '${Blind<F, P>}' sees no field of record '${K & string}'`>
    : never
}

/** Those of several purposes that see nothing by themselves; what all of them see may still be nothing. */
type Blind<F, P extends string> = P extends string
  ? [AllowedKeys<F, P>] extends [never]
    ? P
    : never
  : never

type CompoundsOf<O> = O extends { readonly lookups: infer L } ? L : Record<never, never>
