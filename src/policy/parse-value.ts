import * as z from 'zod/mini'
import type { JsonValue } from '../base/canonical.ts'
import type { InputIssue } from '../base/errors.ts'
import type { FieldDefinition } from './field-definition.ts'
import { toJsonOutput } from './json-output.ts'
import { staysAbsent } from './presence.ts'
import { toIssues } from './schema-issues.ts'

/** What a schema made of one value. */
export type ParsedValue =
  | { readonly kind: 'value'; readonly value: JsonValue }
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly issues: readonly InputIssue[] }

type Result = z.core.util.SafeParseResult<unknown>

const ABSENT: ParsedValue = { kind: 'absent' }

/** What a schema makes of a field that is not given, as part of one of zod's objects. */
export async function parseNothing(field: FieldDefinition): Promise<ParsedValue> {
  const { schema, presence } = field
  if (!presence.optional && !presence.hasDefault) return refusal(field, 'invalid_type')
  // Absent is not `undefined` here: an exactOptional schema itself would refuse that.
  if (staysAbsent(schema)) return ABSENT
  const parsed = await parseValue(field, undefined)
  // Where the output may be absent, a default that the schema then refuses is left out.
  return parsed.kind === 'refused' && schema._zod.optout === 'optional' ? ABSENT : parsed
}

/** Parses one value: at once, unless the schema runs code of the app, which may have to wait. */
export function parseValue(
  field: FieldDefinition,
  value: unknown,
): ParsedValue | Promise<ParsedValue> {
  if (field.facts.runs !== 'sync') return parseLater(field, value)
  try {
    return toParsed(field, z.safeParse(field.schema, value))
  } catch {
    return refusal(field, 'threw')
  }
}

async function parseLater(field: FieldDefinition, value: unknown): Promise<ParsedValue> {
  try {
    return toParsed(field, await z.safeParseAsync(field.schema, value))
  } catch {
    // Code of the app threw, and what it threw may hold the value.
    return refusal(field, 'threw')
  }
}

function toParsed(field: FieldDefinition, result: Result): ParsedValue {
  if (!result.success) return { kind: 'refused', issues: toIssues(field, result.error.issues) }
  if (result.data === undefined && field.presence.optional) return ABSENT
  const value = toJsonOutput(result.data)
  if (value === undefined) return refusal(field, 'not_json')
  if (field.lookup !== undefined && value !== null && typeof value !== 'string') {
    return refusal(field, 'needs_text')
  }
  return { kind: 'value', value }
}

function refusal({ name }: FieldDefinition, code: string): ParsedValue {
  return { kind: 'refused', issues: [{ path: [name], code }] }
}
