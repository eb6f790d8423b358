import type { SubjectId } from '../base/id.ts'
import type { Duration } from '../base/time.ts'

/**
 * Reaches into one other system that holds data of the person. All plans are made before anything is
 * destroyed. A hook that fails stops none of the others, blocks the certificate, and is tried again later;
 * one that needs plaintext also keeps the keys, behind the fence, until it has done its work.
 */
export interface ErasureHook {
  /** A word of the app, at most 64 characters; in plans, certificates and `pending`. */
  readonly id: string
  /**
   * Of what the hook does; in the certificate. One whose version changed since its plan plans again before it
   * runs, and must still know the items of the version before.
   */
  readonly version?: number
  /** Runs while the person's fields can still be opened. Default: after the keys are destroyed. */
  readonly needsPlaintext?: boolean
  /** Hooks whose work must be done before this one begins. */
  readonly dependsOn?: readonly string[]
  /**
   * Takes part in the erasure of a part of a person too: always, or as soon as something goes of what its system has
   * copies of. Default: only when the person is erased; where something of them has to stay, at once if it needs
   * plaintext, which will be gone, and otherwise with the last of it.
   */
  readonly partial?: boolean | readonly HookPart[]
  /** Whether it runs again after a backup was restored. Default: `execute`. */
  readonly replay?: 'execute' | 'skip'
  /** Items at a time, 1 to 16. Default: 1. */
  readonly concurrency?: number
  /** How often an item is tried before somebody has to look after it, 1 to 100. Default: 20, about a week. */
  readonly attempts?: number
  /** Until when an answer `retryAfter` uses up no attempt. Default: 30 days. */
  readonly deadline?: Duration
  /** Who looks after its dead items: a word, shown by `pending`. */
  readonly owner?: string
  /** What there is to erase, in at most 1,000 items; changes nothing. */
  plan(context: HookContext): Promise<readonly HookItem[]>
  /** Erases one item. May run again after a crash or a failure: must be idempotent. */
  execute(item: HookItem, context: HookContext): Promise<HookOutcome>
  /**
   * Looks whether the item is really gone; `unknown` is not absent. Also asked first when it is not known
   * whether `execute` ran.
   */
  verify(
    item: HookItem,
    context: HookContext,
  ): Promise<'absent' | 'unknown' | { readonly residual: number }>
}

/** What another system has copies of. */
export interface HookPart {
  /** Name of a record type of the policy. */
  readonly record: string
  /** Default: all. */
  readonly fields?: readonly string[]
}

/** What a hook did. What it says beyond the kind of its answer is stored nowhere, but for a ticket. */
export type HookOutcome =
  | 'done'
  | 'already_done'
  | { readonly retryAfter: Duration; readonly why: string }
  | { readonly blocked: string }
  /** Only somebody can do it; the number of a ticket is shown by `pending`. */
  | { readonly manual: string }

/** What a hook is given. */
export interface HookContext {
  /** The same at every call of one erasure, in any process. */
  readonly erasureId: string
  /** Random id of the person in Privity. */
  readonly subjectId: SubjectId
  /** Id of the person in the app, as it was registered; absent if there was none. */
  readonly externalId?: string
  /** What is erased of the person. Absent: everything. */
  readonly scope?: HookScope
  /** Aborts after 30 seconds, or when the caller gives up. */
  readonly signal: AbortSignal
  /** Plain fields of a single record; only for hooks that need plaintext, before the keys are destroyed. */
  read(
    record: string,
    fields: readonly string[],
  ): Promise<{ readonly [field: string]: unknown } | undefined>
  /** The same of every record of a type of which a person has many, in the order of their ids. */
  list(record: string, fields: readonly string[]): AsyncIterable<HookRecord>
}

/** A part of a person. */
export interface HookScope {
  /** Records, or all of a type; 1,000 at most. */
  readonly records: readonly {
    readonly record: string
    readonly recordId?: string
    /** Default: all. */
    readonly fields?: readonly string[]
  }[]
}

/** One of many records, as a hook reads it. */
export interface HookRecord {
  /** As `create` gave it. */
  readonly recordId: string
  /** Plain values of the fields that were asked for; one without a value is absent. */
  readonly fields: { readonly [field: string]: unknown }
}

/** One thing in another system. */
export interface HookItem {
  /** What the other system knows it by: when `verify` runs, nothing of the person can be read any more. */
  readonly id: string
  /** What it is, in words for whoever approves the plan; nothing of the person. */
  readonly description: string
  /** How many things it stands for. */
  readonly count: number
}
