import type { Duration } from '../base/time.ts'
import { collectFaults, type Faults } from './faults.ts'
import { freezeDeep } from './freeze.ts'
import { LEGAL_BASES, type LegalBasis } from './legal-basis.ts'
import { readMap } from './read-members.ts'
import { nameFault } from './names.ts'
import { readRetention, type Retention } from './retention.ts'
import { isComplete, type OptionTable, optional, readOptions, required } from './read-options.ts'
import { duration, format, oneOf, onlyTrue, period, text } from './rules.ts'
import type { PrivityTypeError } from './type-error.ts'

/** Why data is used: the unit of permission. */
export interface Purpose {
  /** The legal basis of Art. 6(1). */
  readonly basis: LegalBasis
  /** What the person is told; at most 2,000 characters. */
  readonly description: string
  /** Purpose in the Data Privacy Vocabulary, as `dpv:Name` or an address. */
  readonly dpv?: string
  /** Consent is asked in the explicit form of Art. 9(2)(a). */
  readonly explicit?: true
  /** How long a consent holds. Default: until it is withdrawn. */
  readonly validFor?: Duration
  /**
   * How long data stays after its last basis has ended, until `retention.sweep` erases it. Default: it falls due at
   * once.
   */
  readonly erasureGrace?: Duration
  /**
   * How long data is needed for the purpose at most. A field that serves several is needed until the last of them
   * ends, and without an end if one of them has none.
   */
  readonly retention?: Retention
  /** An access names the task it serves. */
  readonly requiresTask?: true
  /**
   * Direct marketing: an objection is absolute (Art. 21(2)). Whatever the basis, `consent.withdraw` ends the purpose for
   * the person.
   */
  readonly marketing?: true
  /** Ground for special categories other than explicit consent, e.g. '9(2)(h)'. */
  readonly article9?: string
}

/** Purposes by their name. */
export type Purposes = { readonly [name: string]: Purpose }

/** Refuses options that do not exist, or not for the basis. */
export type PurposeFaults<P> = {
  readonly [K in keyof P]: {
    readonly [O in Exclude<
      keyof P[K],
      keyof Purpose
    >]: PrivityTypeError<`a purpose has no option '${O & string}'`>
  } & ConsentOnly<P[K]>
}

type ConsentOnly<X> = X extends { readonly basis: Exclude<LegalBasis, 'consent'> }
  ? {
      readonly [O in keyof X &
        ('explicit' | 'validFor')]: PrivityTypeError<`'${O}' is for the basis consent only`>
    }
  : unknown

/** Names of the purposes that may use special categories (Art. 9). */
export type SpecialPurposes<P> = {
  [K in keyof P]: P[K] extends
    | { readonly basis: 'consent'; readonly explicit: true }
    | { readonly article9: string }
    ? K
    : never
}[keyof P]

/** Greatest number of purposes in one policy. */
export const MAX_PURPOSES = 64

const PURPOSE: OptionTable<Purpose> = {
  basis: required(oneOf(Object.keys(LEGAL_BASES))),
  description: required(text(2_000)),
  // A compact or a full IRI.
  dpv: optional(format(/^[A-Za-z][A-Za-z0-9+.-]{0,31}:[^\s\p{C}]{1,255}$/u)),
  explicit: optional(onlyTrue),
  validFor: optional(period),
  erasureGrace: optional(duration),
  // Checked member by member afterwards.
  retention: optional(() => undefined),
  requiresTask: optional(onlyTrue),
  marketing: optional(onlyTrue),
  // 9(2)(a) is explicit consent itself, which `explicit` declares.
  article9: optional(format(/^9\(2\)\([b-j]\)$/)),
}

/**
 * Declares why the app uses personal data. The result is frozen, and its type keeps the names.
 *
 * @throws {@link invalid_input} with every fault of every purpose.
 * @example
 * ```ts
 * const purposes = definePurposes({
 *   support: { basis: 'contract', description: 'Answer your questions' },
 *   marketing: { basis: 'consent', description: 'Send you offers', validFor: { months: 24 } },
 * })
 * console.log(Object.keys(purposes)) // [ 'support', 'marketing' ]
 * ```
 */
export function definePurposes<const P extends Purposes>(purposes: P & PurposeFaults<P>): P {
  const read = collectFaults((faults) => readPurposes(purposes, faults))
  // The copy has the names and options of P: every one of them was read from it.
  return freezeDeep(Object.fromEntries(read)) as P
}

/** Checks purposes by name and reports every fault; what is left of a faulty one is kept. */
export function readPurposes(
  value: unknown,
  faults: Faults,
): ReadonlyMap<string, Partial<Purpose>> {
  return readMap(value, { max: MAX_PURPOSES, nameFault, read: readPurpose }, faults)
}

/** Tells whether nothing is missing from a purpose. */
export function isPurpose(purpose: Partial<Purpose>): purpose is Purpose {
  return isComplete(purpose, PURPOSE)
}

/** Tells whether a purpose may use special categories: explicit consent, or another ground. */
export function servesSpecial(purpose: Partial<Purpose>): boolean {
  if (purpose.article9 !== undefined) return true
  return purpose.basis === 'consent' && purpose.explicit === true
}

function readPurpose(value: unknown, faults: Faults): Partial<Purpose> {
  const purpose = readOptions(value, PURPOSE, faults)
  readRetention(purpose.retention, faults.at('retention'))
  // Where the basis itself is at fault, these may be right.
  if (purpose.basis === undefined || purpose.basis === 'consent') return purpose
  for (const option of ['explicit', 'validFor'] as const) {
    if (purpose[option] !== undefined) faults.at(option).add('only_for_consent')
  }
  return purpose
}
