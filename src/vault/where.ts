import type { JsonValue } from '../base/canonical.ts'
import { invalidInput, PrivityError } from '../base/errors.ts'
import { isJsonObject } from '../base/json-shape.ts'
import { snapshot, snapshotObject } from '../base/parse.ts'
import { isPlainObject } from '../base/plain.ts'
import { notPermitted } from '../permit/permit.ts'
import type { CompiledLookup } from '../policy/compiled-lookup.ts'
import type { CompiledRecord, PlanField } from '../policy/compiled.ts'
import type { LookupField, LookupKind } from '../policy/record-lookups.ts'
import { normalise } from './normalise.ts'
import type { Target } from './vault.ts'

/** What to look for: everything that must be so, and the lookup that says where. */
export interface Search {
  readonly terms: readonly Term[]
  readonly lookup: CompiledLookup
}

/** A field to search by, what for, and as which part of it. */
export interface Term {
  readonly field: LookupField
  readonly kind: Exclude<LookupKind, 'unique'>
  /** As given. */
  readonly value: JsonValue
  /** Normalised as stored values are. */
  readonly text: string
}

const PARTS = ['startsWith', 'endsWith'] as const

/**
 * Reads what to search for: at least one field with a lookup, or all fields of one, normalised as stored values are.
 *
 * @throws {@link invalid_input} · @throws {@link not_declared} · @throws {@link not_permitted}
 */
export function parseWhere(target: Target, where: unknown): Search {
  const entries = Object.entries(snapshotObject(where, ['where'])).filter(
    ([, value]) => value !== undefined,
  )
  if (entries.length === 0) throw invalidInput(['where'], 'empty')
  const terms = entries.flatMap(([name, value]) => parseTerms(target, name, value as JsonValue))
  const usable = target.record.lookups.filter((lookup) => isAnswered(lookup, terms))
  for (const { field } of terms) {
    if (!usable.some(({ fields }) => fields.some(({ id }) => id === field.id)))
      throw invalidInput(['where', field.name], 'no_lookup')
  }
  const [lookup] = usable.toSorted(
    (a, b) => b.bits - a.bits || b.fields.length - a.fields.length || lengthOf(b) - lengthOf(a),
  )
  if (lookup === undefined) throw invalidInput(['where'], 'no_lookup')
  return { terms, lookup }
}

/** Whether an opened value is what a term asks for. */
export function isMet({ field, kind, text }: Term, value: JsonValue | undefined): boolean {
  const found = normalise(field, value)
  if (found === undefined || kind === 'whole') return found === text
  return kind === 'startsWith' ? found.startsWith(text) : found.endsWith(text)
}

/** Fields to narrow a view to. @throws {@link invalid_input} · @throws {@link not_declared} · @throws {@link not_permitted} */
export function parseSelect(target: Target, keys: unknown): readonly PlanField[] {
  const copy = snapshot(keys)
  if (!Array.isArray(copy) || copy.length === 0) throw invalidInput(['keys'], 'not_a_list')
  const names = new Set(copy.map((name: unknown) => requireField(target, name).name))
  return target.plan.fields.filter(({ name }) => names.has(name))
}

function parseTerms(target: Target, name: string, value: JsonValue): readonly Term[] {
  const { id, view } = requireField(target, name)
  const field = lookupField(target.record, id)
  if (field === undefined) throw invalidInput(['where', name], 'no_lookup')
  // The view hides the plain value from this purpose; a search would reveal it.
  if (view !== undefined) throw invalidInput(['where', name], 'seen_through_a_view')
  // What is no plain object was not copied, and its members may be anything.
  if (!isJsonObject(value) || !isPlainObject(value)) return [parseTerm(target, field, value)]
  const parts = Object.entries(value).map(([part, text]) => {
    const kind = PARTS.find((known) => known === part)
    if (kind === undefined) throw invalidInput(['where', name], 'unrecognized_keys')
    return parsePart(target.record, { field, kind }, text)
  })
  if (parts.length === 0) throw invalidInput(['where', name], 'empty')
  return parts
}

/** As any lookup of the field has it: they all normalise it alike. */
function lookupField(
  { lookups }: Pick<CompiledRecord, 'lookups'>,
  id: string,
): LookupField | undefined {
  return lookups.flatMap(({ fields }) => fields).find((field) => field.id === id)
}

function parseTerm({ record }: Target, field: LookupField, value: JsonValue): Term {
  const isText = typeof value === 'string'
  const isSingle = record.lookups.some(
    ({ fields }) => fields.length === 1 && fields[0]?.id === field.id,
  )
  const isScalar = !isSingle && (typeof value === 'number' || typeof value === 'boolean')
  if (!isText && !isScalar) throw invalidInput(['where', field.name], 'not_a_string')
  return { field, kind: 'whole', value, text: textOf(field, value) }
}

function parsePart(
  { lookups }: CompiledRecord,
  { field, kind }: Pick<Term, 'field' | 'kind'>,
  value: unknown,
): Term {
  const path = ['where', field.name, kind]
  const declared = lookups.find((it) => it.kind === kind && it.fields[0]?.id === field.id)
  if (declared === undefined) throw invalidInput(path, 'no_lookup')
  if (typeof value !== 'string') throw invalidInput(path, 'not_a_string')
  const text = textOf(field, value)
  if ([...text].length < lengthOf(declared)) throw invalidInput(path, 'too_small')
  return { field, kind, value, text }
}

function textOf(field: LookupField, value: JsonValue): string {
  // Half a character cannot be stored, and would be searched for as another one.
  if (typeof value === 'string' && !value.isWellFormed())
    throw invalidInput(['where', field.name], 'not_well_formed')
  const text = normalise(field, value)
  if (text === undefined) throw invalidInput(['where', field.name], 'empty')
  return text
}

/** Whether the terms say all that the tokens of a lookup are made of. */
function isAnswered({ kind, fields }: CompiledLookup, terms: readonly Term[]): boolean {
  return fields.every(({ id }) => terms.some((term) => term.kind === kind && term.field.id === id))
}

function lengthOf({ length = 0 }: CompiledLookup): number {
  return length
}

function requireField({ plan, record }: Target, name: unknown): PlanField {
  const field = plan.fields.find((candidate) => candidate.name === name)
  if (field !== undefined) return field
  if (record.fields.some((candidate) => candidate.name === name))
    throw notPermitted(plan.purpose, ['field_not_in_purpose'])
  throw new PrivityError('not_declared', {
    kind: 'field',
    path: [],
    declared: plan.fields.map((candidate) => candidate.name),
  })
}
