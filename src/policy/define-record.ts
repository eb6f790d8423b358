import { isPrivityError } from '../base/errors.ts'
import { MAX_CLASSES, classesOf } from './access-class.ts'
import { collectFaults, type Faults } from './faults.ts'
import { type AnyField, type FieldKit, fieldKit, makeField } from './field.ts'
import { type FieldDefinition, type PurposeTable, readField } from './field-definition.ts'
import { readMap } from './read-members.ts'
import { memberNameFault } from './names.ts'
import { type Ownership, readOwnership, readSharing, type Sharing } from './ownership.ts'
import { type OptionTable, optional, readOptions } from './read-options.ts'
import { checkEvents, readEvents, readRules, type RetentionRules } from './retention.ts'
import { onlyTrue } from './rules.ts'
import { type Purposes, readPurposes, type SpecialPurposes } from './purposes.ts'
import { readLookups, type RecordLookup } from './record-lookups.ts'
import type {
  CompoundFaults,
  OwnershipFaults,
  RecordOptions,
  RecordType,
  ReservedNames,
} from './record-type.ts'

/** A record type that was checked. */
export interface RecordDefinition {
  readonly many: boolean
  /** In the order of declaration. */
  readonly fields: readonly FieldDefinition[]
  readonly lookups: readonly RecordLookup[]
  /** Sorted. */
  readonly events: readonly string[]
  readonly rules: RetentionRules
  /** Absent when the record is about one person. */
  readonly sharedWith?: Sharing
  /** Absent when the record is a part of no other. */
  readonly ownedBy?: Ownership
  /** As given, copied and frozen. */
  readonly options: RecordOptions
}

const MAX_FIELDS = 256
const OPTIONS: OptionTable<RecordOptions> = {
  many: optional(onlyTrue),
  // Checked against the fields afterwards.
  lookups: optional(() => undefined),
  sharedWith: optional(() => undefined),
  ownedBy: optional(() => undefined),
  events: optional(() => undefined),
  retention: optional(() => undefined),
  floor: optional(() => undefined),
}
const definitions = new WeakMap<object, RecordDefinition>()

/**
 * Declares a record type: for each field a schema and the purposes that may see it. The result
 * is frozen; the schemas stay the app's own.
 *
 * @throws {@link invalid_input} with every fault of every field.
 * @example
 * ```ts
 * const contact = defineRecord(purposes, ({ field }) => ({
 *   name: field(z.string().min(1), { purposes: ['support', 'marketing'] }),
 *   email: field(z.email(), { purposes: ['support', 'marketing'], lookup: 'email' }),
 *   address: field(z.string(), { purposes: ['support'] }),
 * }))
 * const ticket = defineRecord(
 *   purposes,
 *   ({ field }) => ({ text: field(z.string(), { purposes: ['support'] }) }),
 *   { many: true },
 * )
 * ```
 */
export function defineRecord<
  P extends Purposes,
  F extends Record<string, AnyField>,
  const O extends RecordOptions = Record<never, never>,
>(
  purposes: P,
  fields: (kit: FieldKit<keyof P & string, SpecialPurposes<P>>) => F & ReservedNames<F>,
  // Named again for completions: O says only what is there already.
  options?: O & RecordOptions & CompoundFaults<F, O> & OwnershipFaults<F, O>,
): RecordType<F, O> {
  const definition = collectFaults((faults) => readRecord({ purposes, fields, options }, faults))
  const record = Object.freeze({
    fields: Object.freeze(
      Object.fromEntries(
        definition.fields.map((it) => [it.name, makeField(it.schema, it.options)]),
      ),
    ),
    options: definition.options,
  })
  definitions.set(record, definition)
  // Fields and options are copies of what F and O were inferred from.
  return record as unknown as RecordType<F, O>
}

/** What {@link defineRecord} checked; `undefined` for a look-alike. */
export function definitionOf(record: unknown): RecordDefinition | undefined {
  return typeof record === 'object' && record !== null ? definitions.get(record) : undefined
}

type Declare = (kit: typeof fieldKit) => unknown

interface Given {
  readonly purposes: unknown
  readonly fields: unknown
  readonly options: unknown
}

function readRecord({ purposes, fields, options }: Given, faults: Faults): RecordDefinition {
  const declared = readPurposes(purposes, faults.at('purposes'))
  const chosen = readOptions(options === undefined ? {} : options, OPTIONS, faults.at('options'))
  const read = readFields(fields, declared, faults.at('fields'))
  const lookups = readLookups(read, chosen.lookups, faults)
  const events = readEvents(chosen.events, faults.at('options').at('events'))
  const rules = readRules(chosen, faults.at('options'))
  checkEvents(rules, events, faults.at('options'))
  for (const field of read) checkEvents(field.rules, events, faults.at('fields').at(field.name))
  const sharedWith = readSharing(chosen.sharedWith, faults.at('options').at('sharedWith'))
  const ownedBy = readOwnership(chosen.ownedBy, faults.at('options').at('ownedBy'))
  return {
    many: chosen.many === true,
    fields: read,
    lookups,
    events,
    rules,
    ...(sharedWith === undefined ? {} : { sharedWith }),
    ...(ownedBy === undefined ? {} : { ownedBy }),
    options: chosen,
  }
}

function readFields(
  fields: unknown,
  purposes: PurposeTable,
  faults: Faults,
): readonly FieldDefinition[] {
  if (!isDeclare(fields)) {
    faults.add('invalid_type')
    return []
  }
  const given = declare(fields, faults)
  if (given === undefined) return []
  const map = readMap(
    given.fields,
    {
      min: 1,
      max: MAX_FIELDS,
      nameFault: memberNameFault,
      read: (value, at, name) => readField(value, { name, purposes }, at),
    },
    faults,
  )
  const read = [...map.values()]
  checkTogether(read, faults)
  return read
}

function isDeclare(value: unknown): value is Declare {
  return typeof value === 'function'
}

function declare(fields: Declare, faults: Faults): { readonly fields: unknown } | undefined {
  try {
    return { fields: fields(fieldKit) }
  } catch (error) {
    // A definition inside this one says itself what is wrong with it.
    if (isPrivityError(error)) throw error
    faults.add('threw')
    return undefined
  }
}

function checkTogether(fields: readonly FieldDefinition[], faults: Faults): void {
  const ids = new Set<string>()
  for (const { name, id } of fields) {
    if (ids.has(id)) faults.at(name).at('id').add('duplicate')
    ids.add(id)
  }
  // The name of the record is not known yet, and does not matter for how many there are.
  if (classesOf('record', fields).length > MAX_CLASSES) faults.add('too_many_classes')
}
