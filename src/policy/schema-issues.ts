import type * as z from 'zod'
import { type InputIssue, type InputPath, safePath } from '../base/errors.ts'
import { issueCode } from '../base/parse.ts'
import type { SchemaFacts } from './inspect-schema.ts'

/** Issues of one field's schema without messages, values, or keys that are data. */
export function toIssues(
  field: { readonly name: string; readonly facts: SchemaFacts },
  issues: readonly z.core.$ZodIssue[],
): readonly InputIssue[] {
  return issues.map((issue) => ({
    path: [field.name, ...issue.path.map((step) => stepOf(step, field.facts))],
    code: issueCode(issue),
  }))
}

function stepOf(step: PropertyKey, { names, indexed }: SchemaFacts): InputPath[number] {
  const [safe = '?'] = safePath([step])
  if (typeof safe === 'number') return indexed ? safe : '?'
  // The key of a record may be somebody's name.
  return names.has(safe) ? safe : '?'
}
