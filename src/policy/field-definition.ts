import type { JsonValue } from '../base/canonical.ts'
import { isPlainObject } from '../base/plain.ts'
import type { Faults } from './faults.ts'
import { type AnyField, type FieldOptions, isField, type SpecialCategory } from './field.ts'
import { inspectSchema, type SchemaFacts } from './inspect-schema.ts'
import { type LookupDefinition, readLookup } from './lookup-options.ts'
import { memberNameFault } from './names.ts'
import { type OptionTable, optional, readOptions, required } from './read-options.ts'
import { oneOf } from './rules.ts'
import { type Reference, readReference, readWaiver, type Waiver } from './ownership.ts'
import { type Presence, presenceOf } from './presence.ts'
import { purposeList, readPurposeList } from './purpose-list.ts'
import { MAX_PURPOSES, type Purpose, servesSpecial } from './purposes.ts'
import { type Anonymiser, readAtEnd, readRules, type RetentionRules } from './retention.ts'
import { isSchema, type Schema } from './schema-kinds.ts'
import { givesText } from './text-schema.ts'

/** Turns the plain value of a field into what a purpose sees. */
export type ViewFunction = (plain: JsonValue) => unknown

/** A field that was checked: what the policy decides with. */
export interface FieldDefinition {
  readonly name: string
  readonly id: string
  readonly schema: Schema
  readonly facts: SchemaFacts
  readonly presence: Presence
  /** Sorted. */
  readonly purposes: readonly string[]
  readonly lookup?: LookupDefinition
  readonly special?: SpecialCategory
  readonly views: ReadonlyMap<string, ViewFunction>
  readonly rules: RetentionRules
  /** What becomes of the value at its end; absent when it is erased. */
  readonly anonymise?: Anonymiser
  /** What becomes of it when the person whom it names is erased; absent when it names nobody. */
  readonly refs?: Reference
  readonly waiver?: Waiver
  /** The options as given, copied and frozen. */
  readonly options: object
}

/** The purposes that fields are held against. */
export type PurposeTable = ReadonlyMap<string, Partial<Purpose>>

type Options = FieldOptions<AnyField['schema'], string>

const CATEGORIES: { readonly [C in SpecialCategory]: true } = {
  health: true,
  biometric: true,
  genetic: true,
  beliefs: true,
  politics: true,
  union: true,
  sex_life: true,
  ethnic_origin: true,
}

const OPTIONS: OptionTable<Options> = {
  purposes: required(purposeList(1)),
  id: optional((id) => (typeof id === 'string' ? memberNameFault(id) : 'invalid_type')),
  // Checked member by member afterwards.
  lookup: optional(() => undefined),
  special: optional(oneOf(Object.keys(CATEGORIES))),
  views: optional(viewsFault),
  // And these.
  retention: optional(() => undefined),
  floor: optional(() => undefined),
  atEnd: optional(() => undefined),
  refs: optional(() => undefined),
  waiver: optional(() => undefined),
}

/** What one field is checked under. */
export interface FieldContext {
  readonly name: string
  readonly purposes: PurposeTable
}

/** Checks one field of a record under the purposes there are, and reports every fault. */
export function readField(
  value: unknown,
  { name, purposes }: FieldContext,
  faults: Faults,
): FieldDefinition | undefined {
  if (!isField(value)) {
    faults.add('not_a_field')
    return undefined
  }
  const options = readOptions(value.options, OPTIONS, faults)
  const named = readPurposeList(options.purposes ?? [], purposes, faults.at('purposes'))
  const lookup = readLookup(options.lookup, faults.at('lookup'))
  checkSpecial(options, { named, purposes }, faults)
  const views = readViews(options.views ?? {}, named, faults.at('views'))
  const rules = readRules(options, faults)
  const anonymise = readAtEnd(options.atEnd, faults.at('atEnd'))
  const refs = readReference(options.refs, faults.at('refs'))
  const waiver = readWaiver(options.waiver, faults.at('waiver'))
  const schema = readSchema(value.schema, faults.at('schema'))
  if (schema === undefined) return undefined
  const { optional: isOptional } = schema.presence
  checkReference({ refs, lookup, anonymise, isOptional }, faults.at('refs'))
  if (options.lookup !== undefined && !givesText(schema.schema)) {
    faults.at('lookup').add('needs_text')
  }
  const { id = name, special } = options
  return {
    name,
    id,
    purposes: named,
    views,
    rules,
    options,
    ...schema,
    ...(lookup === undefined ? {} : { lookup }),
    ...(special === undefined ? {} : { special }),
    ...(anonymise === undefined ? {} : { anonymise }),
    ...(refs === undefined ? {} : { refs }),
    ...(waiver === undefined ? {} : { waiver }),
  }
}

/** Tells whether a value names a special category of Art. 9(1). */
export function isSpecialCategory(value: unknown): value is SpecialCategory {
  return typeof value === 'string' && Object.hasOwn(CATEGORIES, value)
}

/** A special field needs a ground for every purpose, under whatever policy it stands. */
export function checkSpecial(
  { special, lookup }: Pick<FieldDefinition, 'special'> & { readonly lookup?: unknown },
  { named, purposes }: { readonly named: readonly string[]; readonly purposes: PurposeTable },
  faults: Faults,
): void {
  if (special === undefined) return
  // The index would tell which people share a value of a special category.
  if (lookup !== undefined) faults.at('lookup').add('special_field')
  const groundless = named.some((name) => {
    const purpose = purposes.get(name)
    return purpose !== undefined && !servesSpecial(purpose)
  })
  if (groundless) faults.at('special').add('needs_explicit_consent')
}

interface Referring {
  readonly anonymise: Anonymiser | undefined
  readonly refs: Reference | undefined
  readonly lookup: LookupDefinition | undefined
  readonly isOptional: boolean
}

/** What refers to somebody is found by who that is, and has to be able to become what the verb makes of it. */
function checkReference({ refs, lookup, anonymise, isOptional }: Referring, faults: Faults): void {
  if (refs === undefined) return
  if (lookup?.by.name !== 'exact') faults.add('needs_exact_lookup')
  if (refs.onErase === 'detach' && !isOptional) faults.at('onErase').add('needs_optional')
  if (refs.onErase === 'anonymise' && anonymise === undefined)
    faults.at('onErase').add('needs_anonymise')
}

function readSchema(
  value: unknown,
  faults: Faults,
): Pick<FieldDefinition, 'schema' | 'facts' | 'presence'> | undefined {
  if (!isSchema(value)) {
    faults.add('not_a_schema')
    return undefined
  }
  const facts = inspectSchema(value)
  faults.add(facts.fault)
  if (facts.fault !== undefined) return undefined
  const presence = presenceOf(value, facts)
  faults.add(presence.fault)
  return { schema: value, facts, presence }
}

function readViews(
  views: object,
  named: readonly string[],
  faults: Faults,
): ReadonlyMap<string, ViewFunction> {
  const functions = new Map<string, ViewFunction>()
  for (const [purpose, view] of Object.entries(views)) {
    if (!named.includes(purpose)) faults.at(purpose).add('not_served')
    else if (isFunction(view)) functions.set(purpose, view)
    else if (view !== undefined) faults.at(purpose).add('invalid_type')
  }
  return functions
}

function viewsFault(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !isPlainObject(value)) return 'invalid_type'
  return Object.keys(value).length > MAX_PURPOSES ? 'too_big' : undefined
}

function isFunction(value: unknown): value is ViewFunction {
  return typeof value === 'function'
}
