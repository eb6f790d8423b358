import { invalidInput, PrivityError } from '../base/errors.ts'
import { snapshot, snapshotObject } from '../base/parse.ts'
import { notPermitted } from '../permit/permit.ts'
import type { JsonValue } from '../base/canonical.ts'
import type { PlanField } from '../policy/compiled.ts'
import { normalise } from './normalise.ts'
import type { Target } from './vault.ts'
import type { Term } from './walk.ts'

/**
 * Reads what to search for: at least one field with a lookup, normalised as stored values are.
 *
 * @throws {@link invalid_input} · @throws {@link not_declared} · @throws {@link not_permitted}
 */
export function parseWhere(target: Target, where: unknown): readonly [Term, ...Term[]] {
  const [first, ...rest] = Object.entries(snapshotObject(where, ['where']))
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => parseTerm(target, name, value as JsonValue))
  if (first === undefined) throw invalidInput(['where'], 'empty')
  return [first, ...rest]
}

/** Fields to narrow a view to. @throws {@link invalid_input} · @throws {@link not_declared} · @throws {@link not_permitted} */
export function parseSelect(target: Target, keys: unknown): readonly PlanField[] {
  const copy = snapshot(keys)
  if (!Array.isArray(copy) || copy.length === 0) throw invalidInput(['keys'], 'not_a_list')
  const names = new Set(copy.map((name: unknown) => requireField(target, name).name))
  return target.plan.fields.filter(({ name }) => names.has(name))
}

function parseTerm(target: Target, name: string, value: JsonValue): Term {
  const field = requireField(target, name)
  if (field.lookup === undefined) throw invalidInput(['where', name], 'no_lookup')
  // The view hides the plain value from this purpose; a search would reveal it.
  if (field.view !== undefined) throw invalidInput(['where', name], 'seen_through_a_view')
  if (typeof value !== 'string') throw invalidInput(['where', name], 'not_a_string')
  // Half a character cannot be stored, and would be searched for as another one.
  if (!value.isWellFormed()) throw invalidInput(['where', name], 'not_well_formed')
  const text = normalise(field.lookup, value)
  if (text === undefined) throw invalidInput(['where', name], 'empty')
  return { field, text }
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
