import type { Collection } from './collections.ts'
import type { AnyField } from './field.ts'
import type { ExplainOptions, PolicyFinding } from './findings.ts'
import type { Purposes } from './purposes.ts'
import type { RecordOptions, RecordType, ReservedNames } from './record-type.ts'
import type { PrivityTypeError } from './type-error.ts'
import type { PurposesOf } from './view-types.ts'

/** What the people who have a role may do. */
export interface Role<P extends string> {
  /** The purposes an actor in this role may act for; none if empty. */
  readonly purposes: readonly P[]
}

/** Who decides why and how personal data is used (Art. 4(7)). */
export interface Controller {
  /** Stable id; at most 128 characters. */
  readonly id: string
  /** As the person knows it; at most 256 characters. */
  readonly name: string
  /** Where the person reaches it, for example an e-mail address; at most 256 characters. */
  readonly contact: string
  /** Country of establishment, ISO 3166-1 alpha-2. */
  readonly country: string
}

/** Record types by name. */
export type Records = {
  readonly [name: string]: RecordType<Record<string, AnyField>, RecordOptions>
}

/** What a policy is made of, but for its roles. */
interface PolicyParts<P extends Purposes, R> {
  /** Named in notices, receipts and certificates. */
  readonly controller: Controller
  /** What `definePurposes` gave. */
  readonly purposes: P
  /** What `defineRecord` gave for each, by names of the app's own; at most 64 characters each. */
  readonly records: R
  /**
   * Part of the hash, so that an app can go back to older content as a new policy; at most 64
   * characters. Default: none.
   */
  readonly version?: string
  /**
   * Everything else where the app keeps data about the same people, by names of its own: tables, buckets, processors.
   * Given, it is all there is: `createPrivity` refuses a hook that is missing, and one that no collection names.
   */
  readonly collections?: { readonly [name: string]: Collection }
}

/** What a policy is made of. */
export interface PolicyInput<P extends Purposes, R> extends PolicyParts<P, R> {
  /** What actors may act for, by the names in `actor.roles`; a role that is not here grants nothing. */
  readonly roles: { readonly [name: string]: Role<keyof P & string> }
}

/** A policy as it is handed on: `P` only where it can be inferred from, so that mistakes elsewhere stay there. */
export interface GivenPolicy<P extends Purposes, R> extends PolicyParts<P, R> {
  /** What actors may act for, by the names in `actor.roles`. */
  readonly roles: { readonly [name: string]: Role<string> }
  /** SHA-256 of what the policy decides, as base64url; functions are not part of it. */
  readonly hash: string
  /**
   * What the lookups of this policy are expected to cost and what each shows to an observer of the store, which
   * fields never end, what has to stay by law, whom data is about, and which data sounds as if it were about others.
   *
   * @throws {@link invalid_input} when `at` is no instant
   */
  explain(options?: ExplainOptions): readonly PolicyFinding[]
}

/** A checked policy, frozen all the way down but for the app's schemas. */
export interface Policy<P extends Purposes, R> extends GivenPolicy<P, R> {
  /** What actors may act for, by the names in `actor.roles`. */
  readonly roles: { readonly [name: string]: Role<keyof P & string> }
}

/** Refuses records of which a name is reserved, or that name a purpose or an owner which the policy lacks. */
export interface RecordFaults<P extends Purposes, R> {
  readonly records: ReservedNames<R> & {
    readonly [K in keyof R as UnknownPurposes<P, R[K]> extends never
      ? never
      : K]: PrivityTypeError<`a field of record '${K & string}' names the purpose '${UnknownPurposes<P, R[K]>}', which the policy does not declare`>
  } & {
    readonly [K in keyof R as UnknownOwner<R, R[K]> extends never
      ? never
      : K]: PrivityTypeError<`record '${K & string}' is owned by '${UnknownOwner<R, R[K]>}', which the policy does not declare`>
  }
}

type UnknownPurposes<P, X> =
  X extends RecordType<infer F, infer _O>
    ? Exclude<{ [K in keyof F]: PurposesOf<F[K]> }[keyof F], keyof P> & string
    : never

type UnknownOwner<R, X> =
  X extends RecordType<infer _F, infer O>
    ? O extends { readonly ownedBy: { readonly record: infer N } }
      ? Exclude<N, keyof R> & string
      : never
    : never
