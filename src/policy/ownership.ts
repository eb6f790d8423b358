import type { Faults } from './faults.ts'
import { memberNameFault } from './names.ts'
import { isComplete, type OptionTable, optional, readOptions, required } from './read-options.ts'
import { format, line, oneOf } from './rules.ts'

/** That a record is about several people at once, who are the members of a group. */
export interface Sharing {
  /** When a member is erased, the record is left to the others, and the last one takes it along. */
  readonly onErase: 'refcount'
}

/** That a record is a part of another record of the same person. */
export interface Ownership {
  /** Name of the owning type, which is `many`. */
  readonly record: string
  /** Name of the field that holds the record id of the owner. */
  readonly field: string
  /** When the owner goes: `delete` takes the record along, `detach` clears the field. */
  readonly onErase: 'delete' | 'detach'
}

/** That a field holds the id of another person. */
export interface Reference {
  /**
   * When that person is erased: `detach` clears the field, `decorrelate` puts a random id in its place, `anonymise`
   * what the function of `atEnd` makes of it; `delete` erases the record, `retain` leaves all as it is.
   */
  readonly onErase: 'detach' | 'decorrelate' | 'anonymise' | 'delete' | 'retain'
  /** Why it is retained: a word for certificates; asked for with `retain`, and only there. */
  readonly reason?: string
  /** When somebody decides on it again, e.g. `2027-06-30`; asked for with `retain`, and only there. */
  readonly reviewAt?: string
}

/** That somebody looked at something, and let it be. */
export interface Waiver {
  /** At most 256 characters. */
  readonly reason: string
  /** When somebody looks again, e.g. `2027-06-30`. */
  readonly reviewAt: string
}

const DATE = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/
const WORD = /^[A-Za-z0-9][A-Za-z0-9._:()-]{0,63}$/

const SHARING: OptionTable<Sharing> = { onErase: required(oneOf(['refcount'])) }
const OWNERSHIP: OptionTable<Ownership> = {
  record: required(memberName),
  field: required(memberName),
  onErase: required(oneOf(['delete', 'detach'])),
}
const REFERENCE: OptionTable<Reference> = {
  onErase: required(oneOf(['detach', 'decorrelate', 'anonymise', 'delete', 'retain'])),
  // Checked once the verb is known.
  reason: optional(() => undefined),
  reviewAt: optional(() => undefined),
}
const RETAINED = [
  ['reason', format(WORD)],
  ['reviewAt', day],
] as const
const WAIVER: OptionTable<Waiver> = { reason: required(line(256)), reviewAt: required(day) }

/** Checks that a record type is shared; undefined when it is about one person. */
export function readSharing(value: unknown, faults: Faults): Sharing | undefined {
  if (value === undefined) return undefined
  const sharing = readOptions(value, SHARING, faults)
  return isComplete(sharing, SHARING) ? sharing : undefined
}

/** Checks of which record a type is a part; whether there is such a record, the policy checks. */
export function readOwnership(value: unknown, faults: Faults): Ownership | undefined {
  if (value === undefined) return undefined
  const ownership = readOptions(value, OWNERSHIP, faults)
  return isComplete(ownership, OWNERSHIP) ? ownership : undefined
}

/** Checks what becomes of a field that names another person. */
export function readReference(value: unknown, faults: Faults): Reference | undefined {
  if (value === undefined) return undefined
  const reference = readOptions(value, REFERENCE, faults)
  if (!isComplete(reference, REFERENCE)) return undefined
  for (const [name, rule] of RETAINED) {
    const given = reference[name]
    if (reference.onErase === 'retain')
      faults.at(name).add(given === undefined ? 'required' : rule(given))
    else if (given !== undefined) faults.at(name).add('unrecognized_keys')
  }
  return reference
}

/** Checks a waiver. */
export function readWaiver(value: unknown, faults: Faults): Waiver | undefined {
  if (value === undefined) return undefined
  const waiver = readOptions(value, WAIVER, faults)
  return isComplete(waiver, WAIVER) ? waiver : undefined
}

function memberName(value: unknown): string | undefined {
  return typeof value === 'string' ? memberNameFault(value) : 'invalid_type'
}

/** A day that there is: 30 February is none. */
function day(value: unknown): string | undefined {
  const fault = format(DATE)(value)
  if (fault !== undefined) return fault
  const isReal = new Date(`${String(value)}T00:00:00Z`).toJSON()?.startsWith(String(value))
  return isReal === true ? undefined : 'invalid_format'
}
