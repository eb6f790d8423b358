import { outputParts, type Schema } from './schema-kinds.ts'

const TEXT: readonly string[] = ['string', 'template_literal']
const SCALAR: readonly string[] = [...TEXT, 'number', 'int', 'boolean']
// What code of the app gives is held against a string once it is there.
const PERHAPS: readonly string[] = ['transform', 'custom']
const LISTED: readonly string[] = ['enum', 'literal']
// They give what the schemas inside give.
const TRANSPARENT: readonly string[] = [
  'optional',
  'nullable',
  'nonoptional',
  'default',
  'prefault',
  'catch',
  'readonly',
  'lazy',
  'pipe',
  'union',
  'intersection',
]
const MAX_DEPTH = 32

/** Tells whether the output of a schema is a string, or null or absent beside a string. */
export function givesText(schema: Schema): boolean {
  return givesOnly({ leaves: TEXT, listed: (value) => typeof value === 'string' }, schema, 0)
}

/** Tells whether the output of a schema is a string, a number or a boolean, or null or absent beside one. */
export function givesScalar(schema: Schema): boolean {
  return givesOnly({ leaves: SCALAR, listed: () => true }, schema, 0)
}

/** How many different values a schema can give, where it lists them; undefined for any other. */
export function countValues(schema: Schema): number | undefined {
  return schema._zod.values?.size
}

interface Wanted {
  /** Kinds of schemas. */
  readonly leaves: readonly string[]
  listed(value: unknown): boolean
}

function givesOnly(wanted: Wanted, schema: Schema, depth: number): boolean {
  const { type } = schema._zod.def
  if (wanted.leaves.includes(type) || PERHAPS.includes(type)) return true
  if (LISTED.includes(type)) return [...(schema._zod.values ?? [])].every(wanted.listed)
  if (!TRANSPARENT.includes(type) || depth > MAX_DEPTH) return false
  const parts = new Set(outputParts(schema).filter((part) => part._zod.def.type !== 'null'))
  return parts.size > 0 && [...parts].every((part) => givesOnly(wanted, part, depth + 1))
}
