import type { Faults } from './faults.ts'
import type { FieldDefinition } from './field-definition.ts'
import {
  atLeast,
  type CompoundOptions,
  type LookupExpectations,
  normaliserRule,
  populationOf,
} from './lookup-options.ts'
import { memberNameFault } from './names.ts'
import { type Normaliser, normaliserId, normaliserOf } from './normaliser.ts'
import { MIN_DISTINCT, MIN_PEOPLE, planLookups } from './plan-lookups.ts'
import { readMap } from './read-members.ts'
import { type OptionTable, optional, readOptions, required } from './read-options.ts'
import { countValues, givesScalar } from './text-schema.ts'

/** What a token is made of: the whole value, a part of it, or the whole under a key that keeps watch. */
export type LookupKind = 'whole' | 'startsWith' | 'endsWith' | 'unique'

/** One token that each record gets, as planned for its type. */
export interface RecordLookup extends LookupExpectations {
  readonly kind: LookupKind
  /** Characters, of a part. */
  readonly length?: number
  /** Several, in the order of their ids, for a compound lookup. */
  readonly fields: readonly LookupField[]
  /** Bits of a token; {@link FULL_BITS} when it is not cut. */
  readonly bits: number
}

/** A field that a lookup is made of. */
export interface LookupField {
  readonly name: string
  readonly id: string
  readonly normaliser: Normaliser
}

/** Tokens that are not cut: nobody meets another one by chance. */
export const FULL_BITS = 128

const MIN_PARTS = 2
const MAX_PARTS = 8
const MAX_COMPOUNDS = 16

const COMPOUND: OptionTable<CompoundOptions> = {
  by: required((by) => (typeof by === 'object' && by !== null ? undefined : 'invalid_type')),
  people: optional(atLeast(MIN_PEOPLE)),
  distinct: optional(atLeast(MIN_DISTINCT)),
}

type Wanted = Omit<RecordLookup, 'bits'>

/** Plans the lookups of a record type: those of its fields, and those of several fields together. */
export function readLookups(
  fields: readonly FieldDefinition[],
  compounds: unknown,
  faults: Faults,
): readonly RecordLookup[] {
  for (const field of fields) checkValues(field, faults.at('fields').at(field.name))
  const read = readCompounds(fields, compounds, faults.at('options').at('lookups'))
  return plan([...fields.flatMap(lookupsOf), ...read], faults)
}

/** Few values make few tokens: whoever knows how common each is can tell them apart. */
function checkValues({ lookup, schema }: FieldDefinition, faults: Faults): void {
  const values = lookup?.people === undefined ? undefined : countValues(schema)
  if (values !== undefined && values < MIN_DISTINCT) faults.at('lookup').add('few_values')
}

function lookupsOf(field: FieldDefinition): readonly Wanted[] {
  const { name, id, lookup } = field
  if (lookup === undefined) return []
  const { by, people, distinct, unique, startsWith, endsWith } = lookup
  const fields = [{ name, id, normaliser: by }]
  const planned = {
    ...(people === undefined ? {} : { people }),
    ...(distinct === undefined ? {} : { distinct }),
  }
  return [
    { kind: 'whole', fields, ...planned },
    ...(startsWith === undefined
      ? []
      : [{ kind: 'startsWith' as const, length: startsWith, fields, ...planned }]),
    ...(endsWith === undefined
      ? []
      : [{ kind: 'endsWith' as const, length: endsWith, fields, ...planned }]),
    ...(unique === undefined ? [] : [{ kind: 'unique' as const, fields }]),
  ]
}

function readCompounds(
  fields: readonly FieldDefinition[],
  compounds: unknown,
  faults: Faults,
): readonly Wanted[] {
  if (compounds === undefined) return []
  const rules = {
    max: MAX_COMPOUNDS,
    nameFault: memberNameFault,
    read: (value: unknown, at: Faults) => readCompound(fields, value, at),
  }
  const read = [...readMap(compounds, rules, faults)]
  const seen = new Set<string>()
  for (const [name, { fields: parts }] of read) {
    const ids = parts.map(({ id }) => id).join()
    if (seen.has(ids)) faults.at(name).add('duplicate')
    seen.add(ids)
  }
  return read.map(([, compound]) => compound)
}

function readCompound(
  fields: readonly FieldDefinition[],
  value: unknown,
  faults: Faults,
): Wanted | undefined {
  const { by, ...expectations } = readOptions(value, COMPOUND, faults)
  if (by === undefined) return undefined
  if (expectations.distinct !== undefined && expectations.people === undefined)
    faults.at('people').add('required')
  const rules = {
    min: MIN_PARTS,
    max: MAX_PARTS,
    nameFault: () => undefined,
    read: (normaliser: unknown, at: Faults, name: string) =>
      readPart(
        fields.find((field) => field.name === name),
        normaliser,
        at,
      ),
  }
  const parts = [...readMap(by, rules, faults.at('by')).values()]
  return {
    kind: 'whole',
    fields: parts.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    ...expectations,
  }
}

function readPart(
  field: FieldDefinition | undefined,
  value: unknown,
  faults: Faults,
): LookupField | undefined {
  const fault = normaliserRule(value)
  faults.add(fault)
  if (field === undefined) faults.add('not_declared')
  if (field === undefined || fault !== undefined) return undefined
  const normaliser = normaliserOf(value as Parameters<typeof normaliserOf>[0])
  if (field.special !== undefined) faults.add('special_field')
  if (!givesScalar(field.schema)) faults.add('needs_text')
  // A value that is equal here and not there could be searched for in two ways that disagree.
  if (field.lookup !== undefined && normaliserId(field.lookup.by) !== normaliserId(normaliser))
    faults.add('other_normaliser')
  return { name: field.name, id: field.id, normaliser }
}

/** Only tokens that are cut have bits to share out: the same ones, in whatever order fields are declared. */
function plan(wanted: readonly Wanted[], faults: Faults): readonly RecordLookup[] {
  const cut = wanted
    .flatMap((lookup) => {
      const population = populationOf(lookup)
      return population === undefined ? [] : [{ lookup, population }]
    })
    .toSorted((a, b) => (orderOf(a.lookup) < orderOf(b.lookup) ? -1 : 1))
  const planned = planLookups(cut.map(({ population }) => population))
  if (!planned.ok) faults.at('options').at('lookups').add(planned.fault)
  const bits = new Map(cut.map(({ lookup }, at) => [lookup, planned.ok ? planned.bits[at] : 0]))
  return wanted.map((lookup) => ({ ...lookup, bits: bits.get(lookup) ?? FULL_BITS }))
}

function orderOf({ fields, kind }: Wanted): string {
  return `${fields.map(({ id }) => id).join('+')}/${kind}`
}
