import { ERROR_TRAITS } from './error-traits.ts'

/** Why a permit said no; every reason that applies is reported, not only the first. */
export type DenialReason =
  | 'no_basis'
  | 'not_asked'
  | 'refused'
  | 'withdrawn'
  | 'revoked'
  | 'expired'
  | 'invalidated'
  | 'restricted'
  | 'objected'
  | 'stale_notice'
  | 'role'
  | 'task_required'
  | 'no_relationship'
  | 'minor'
  | 'field_not_in_purpose'
  | 'erased'

/** Steps from the whole input to one place in it. */
export type InputPath = readonly (string | number)[]

/** One place in the input that was refused, and the rule that refused it; never the value. */
export interface InputIssue {
  /** From the argument inwards; a key that nobody declared is `?`. */
  readonly path: InputPath
  /** One of the codes in docs/errors.md. */
  readonly code: string
  /** Where a name was not known: the names that are. */
  readonly declared?: readonly string[]
}

/** A hook that is not done with an erasure. */
export interface UnfinishedHook {
  readonly hook: string
  /** How many are left. */
  readonly items: number
  /** Most that any of them was tried. */
  readonly attempts: number
  /** When the next try is due, as an instant. */
  readonly nextAttemptAt?: string
  /** How many of them nobody tries any more until `erasure.retry` brings them back. */
  readonly dead: number
}

/** What is wrong with something that keeps data. */
export interface StoreFailure {
  /** One fixed word. */
  readonly reason: string
  /** Which of them, where it is not the store itself. */
  readonly store?: 'anchor' | 'keyStore' | 'journal'
}

/** The details of each code. Codes and details are stable, messages are not. */
export interface ErrorDetails {
  /** An argument does not have the declared shape. */
  readonly invalid_input: { readonly issues: readonly InputIssue[] }
  /** The policy does not know this name; `declared` lists the names it knows. */
  readonly not_declared: {
    readonly kind: 'purpose' | 'record' | 'field' | 'language' | 'role' | 'event'
    readonly path: InputPath
    readonly declared: readonly string[]
  }
  /** The permit said no; `reason` is the first of `reasons`. */
  readonly not_permitted: {
    readonly purpose: string
    readonly reason: DenialReason
    readonly reasons: readonly DenialReason[]
  }
  /** No such thing was ever registered here. */
  readonly not_found: { readonly kind: string }
  /** The person was erased. */
  readonly erased: { readonly kind: 'subject' }
  /** The app's own id belongs to somebody who was erased. */
  readonly suppressed: { readonly kind: 'subject' }
  /** The thing to be made is there already; `value`: another record has one that is `unique`. */
  readonly already_exists: { readonly kind: 'record' | 'subject' | 'notice' | 'value' }
  /** Required fields of the record were erased or never written. */
  readonly incomplete_record: { readonly record: string; readonly fields: readonly string[] }
  /** Another process writes under a newer policy, identified by its hash. */
  readonly policy_outdated: { readonly newest: string }
  /** The state machine has no such step. */
  readonly invalid_transition: {
    readonly machine: string
    readonly from: string
    readonly event: string
  }
  /** A hook or the verification left something behind, or it was stopped on the way. */
  readonly erasure_incomplete: {
    readonly erasureId: string
    readonly failing: readonly string[]
    /** Hooks with items left, those that wait for another hook among them. */
    readonly hooks?: readonly UnfinishedHook[]
  }
  /** The store is an older copy: the journal has erasures that are not in it. */
  readonly replay_required: { readonly behind: number }
  /** The journal is not the one that the store was used with, or not all of it. */
  readonly journal_diverged: {
    readonly reason: 'behind' | 'head' | 'chain' | 'unreadable'
    /** The last entry that the two agree on. */
    readonly seq: number
  }
  /** The provider has never heard of the key. */
  readonly key_unknown: { readonly what: string }
  /** The wrapped key does not open under the key that should open it. */
  readonly key_unreadable: { readonly what: string }
  /** The key was not released to this process, or its provider does not answer. */
  readonly key_unavailable: { readonly what: string }
  /** Something is wrapped under the epoch still, or it is the one in use. */
  readonly key_in_use: {
    readonly epoch: number
    /** It is the one that new keys are wrapped under. */
    readonly current: boolean
    /** People with keys under it, those who are being erased among them. */
    readonly people: number
    readonly erasing: number
    /** Keys of lookups and of pseudonyms under it. */
    readonly storedKeys: number
    /** Documents of which it cannot be told. */
    readonly unreadable: number
    /** Other tenants of the store with keys under it: the provider is shared with them. */
    readonly tenants: number
  }
  /** Tampered bytes or a wrong context: the two cannot be told apart. */
  readonly decryption_failed: { readonly what: string }
  /** Bytes of a newer or foreign format. */
  readonly unsupported_format: { readonly what: string; readonly version: number }
  /** Root, signature, rollback or fork evidence against the log. */
  readonly ledger_inconsistent: {
    readonly origin: string
    readonly kind: string
    /** Signed note of the log in the store, where it contradicts the anchor. */
    readonly stored?: string
    /** Signed note that the anchor remembers: the two are the evidence. */
    readonly anchored?: string
  }
  /** The platform, the store or the key provider cannot do this. */
  readonly not_supported: { readonly what: string }
  /** Concurrent writers won every attempt; provably not applied. */
  readonly write_conflict: { readonly attempts: number }
  /** The write may have been applied. */
  readonly outcome_unknown: { readonly operationId?: string }
  /** The store does not answer now; provably not applied. */
  readonly store_unavailable: StoreFailure
  /** The store has no room left; provably not applied. */
  readonly store_full: StoreFailure
  /** The store was closed; provably not applied. */
  readonly store_closed: StoreFailure
  /** The store found its own data damaged. */
  readonly store_corrupt: StoreFailure
}

/** What can go wrong; each has a heading in docs/errors.md. */
export type ErrorCode = keyof ErrorDetails

/** Every error of this library as a union, so that a `switch` on `code` narrows `details`. */
export type AnyPrivityError = { readonly [C in ErrorCode]: PrivityError<C> }[ErrorCode]

/** What is the same for every error of one code. */
export interface ErrorTraits {
  /** The same call may succeed later without a change by the caller. */
  readonly retryable: boolean
  /** HTTP status of the problem this code becomes. */
  readonly status: number
  /** `{name}` stands for a detail: a number, a word, declared names, or the first issues. */
  readonly message: string
}

/** Retry rule, HTTP status and message template of every code. */
export const ERROR_TABLE: { readonly [C in ErrorCode]: ErrorTraits } = ERROR_TRAITS

// Recognises errors of a second installed copy or another realm, where `instanceof` fails.
const BRAND: unique symbol = Symbol.for('privity.error')
const SAFE_STEP = /^[A-Za-z0-9_.-]{1,64}$/
/** What a policy may declare: no other name reaches a message. */
const SHOWN_STEP = /^[A-Za-z]\w{0,63}$/
const SHOWN_ISSUES = 3

/**
 * The one error class: `code` and `details` are stable, the message is not. It never holds
 * personal data, keys or rejected values.
 *
 * @example
 * ```ts
 * const error = new PrivityError('write_conflict', { attempts: 3 })
 * console.log(error.code, error.details.attempts) // write_conflict 3
 * ```
 */
export class PrivityError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C
  readonly details: ErrorDetails[C]

  constructor(code: C, details: ErrorDetails[C]) {
    super(toMessage(ERROR_TABLE[code].message, details))
    this.code = code
    this.details = frozenCopy(details)
    Object.defineProperty(this, BRAND, { value: true })
  }

  /** On the prototype, so that the stack names the class and inspection shows no extra property. */
  override get name(): string {
    return 'PrivityError'
  }

  /** Neither message nor stack: both may change. */
  toJSON(): { readonly code: C; readonly details: ErrorDetails[C] } {
    return { code: this.code, details: this.details }
  }
}

/**
 * Tells whether a caught value is an error of this library, optionally of one code; also for
 * errors of another installed copy or realm.
 *
 * @example
 * ```ts
 * try {
 *   throw new PrivityError('not_found', { kind: 'subject' })
 * } catch (error) {
 *   if (isPrivityError(error, 'not_found')) console.log(error.details.kind) // subject
 * }
 * ```
 */
export function isPrivityError(value: unknown): value is AnyPrivityError
export function isPrivityError<C extends ErrorCode>(
  value: unknown,
  code: C,
): value is PrivityError<C>
export function isPrivityError(value: unknown, code?: ErrorCode): boolean {
  if (typeof value !== 'object' || value === null) return false
  try {
    const { code: found, details } = value as Partial<AnyPrivityError>
    if (
      Reflect.get(value, BRAND) !== true ||
      typeof found !== 'string' ||
      !Object.hasOwn(ERROR_TABLE, found)
    )
      return false
    if (typeof details !== 'object' || details === null) return false
    return code === undefined || found === code
  } catch {
    // A thrown value may be anything, also a revoked proxy.
    return false
  }
}

/**
 * An `invalid_input` with one issue; `declared` are the names that are known, where one was not. Steps of
 * the path that do not look like declared names become `?`: a key of somebody's input may itself be personal
 * data.
 */
export function invalidInput(
  path: InputPath,
  code: string,
  declared?: readonly string[],
): PrivityError<'invalid_input'> {
  const issue = { path: safePath(path), code, ...(declared === undefined ? {} : { declared }) }
  return new PrivityError('invalid_input', { issues: [issue] })
}

/** A path that is fit for an error: what does not look like a declared name becomes `?`. */
export function safePath(path: readonly PropertyKey[]): InputPath {
  return path.map((step) => {
    if (typeof step === 'number') return step
    return typeof step === 'string' && SAFE_STEP.test(step) ? step : '?'
  })
}

function toMessage(template: string, details: object): string {
  const known = new Map<string, unknown>(Object.entries(details))
  return template.replace(/\{(\w+)\}/g, (_, name: string) => {
    // Where nothing says which store it was, it is "the store".
    const detail = known.get(name) ?? name
    if (name === 'issues') return placesOf(detail as readonly InputIssue[])
    return Array.isArray(detail) ? listed(detail) : shown(detail as string)
  })
}

/** The first issues in words, for whoever reads a log. */
function placesOf(issues: readonly InputIssue[]): string {
  const places = issues.slice(0, SHOWN_ISSUES).map(({ path, code, declared }) => {
    const known = declared === undefined ? '' : ` (known: ${listed(declared)})`
    return `${path.map(shown).join('.') || 'the argument'}: ${shown(code)}${known}`
  })
  const more = issues.length - SHOWN_ISSUES
  return places.join('; ') + (more > 0 ? `; and ${more} more` : '')
}

function listed(names: readonly string[]): string {
  return names.map(shown).join(', ') || 'none'
}

function shown(step: string | number): string {
  return typeof step === 'number' || SHOWN_STEP.test(step) ? `${step}` : '?'
}

function frozenCopy<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  const copy = Array.isArray(value)
    ? value.map(frozenCopy)
    : Object.fromEntries(Object.entries(value).map(([name, part]) => [name, frozenCopy(part)]))
  return Object.freeze(copy) as T
}
