import type * as z from 'zod'
import { type InputIssue, type InputPath, safePath } from '../base/errors.ts'
import type { SchemaFacts } from './inspect-schema.ts'

// Code of the app may name an issue after the value; only the names of zod are passed on.
const ZOD_CODES: { readonly [C in z.core.$ZodIssue['code']]: true } = {
  invalid_type: true,
  too_big: true,
  too_small: true,
  invalid_format: true,
  not_multiple_of: true,
  unrecognized_keys: true,
  invalid_union: true,
  invalid_key: true,
  invalid_element: true,
  invalid_value: true,
  custom: true,
}

/** Issues of one field's schema without messages, values, or keys that are data. */
export function toIssues(
  field: { readonly name: string; readonly facts: SchemaFacts },
  issues: readonly z.core.$ZodIssue[],
): readonly InputIssue[] {
  return issues.map(({ path, code }) => ({
    path: [field.name, ...path.map((step) => stepOf(step, field.facts))],
    code: Object.hasOwn(ZOD_CODES, code) ? code : 'custom',
  }))
}

function stepOf(step: PropertyKey, { names, indexed }: SchemaFacts): InputPath[number] {
  const [safe = '?'] = safePath([step])
  if (typeof safe === 'number') return indexed ? safe : '?'
  // The key of a record may be somebody's name.
  return names.has(safe) ? safe : '?'
}
