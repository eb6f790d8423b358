import { outputParts, type Schema } from './schema-kinds.ts'

const TEXT: readonly string[] = ['string', 'template_literal']
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
  return textBelow(schema, 0)
}

function textBelow(schema: Schema, depth: number): boolean {
  const { type } = schema._zod.def
  if (TEXT.includes(type) || PERHAPS.includes(type)) return true
  if (LISTED.includes(type)) return isTextList(schema)
  if (!TRANSPARENT.includes(type) || depth > MAX_DEPTH) return false
  const parts = new Set(outputParts(schema).filter((part) => part._zod.def.type !== 'null'))
  return parts.size > 0 && [...parts].every((part) => textBelow(part, depth + 1))
}

function isTextList(schema: Schema): boolean {
  return [...(schema._zod.values ?? [])].every((value) => typeof value === 'string')
}
