import { outputParts, type Schema } from './schema-kinds.ts'

const TEXT: readonly string[] = ['string', 'template_literal']
// What code of the app gives is held against a string when it is there.
const PERHAPS: readonly string[] = ['transform', 'custom']
const LISTED: readonly string[] = ['enum', 'literal']
const OTHERS: readonly string[] = ['any', 'unknown', 'never', 'object', 'array', 'tuple', 'record']
const MAX_DEPTH = 32

/** Tells whether the output of a schema is a string, or null or absent beside a string. */
export function givesText(schema: Schema): boolean {
  try {
    return textBelow(schema, 0)
  } catch {
    // A getter of the app threw; the inspection of the schema reports it.
    return false
  }
}

function textBelow(schema: Schema, depth: number): boolean {
  const { type } = schema._zod.def
  if (depth > MAX_DEPTH || OTHERS.includes(type)) return false
  if (TEXT.includes(type) || PERHAPS.includes(type)) return true
  if (LISTED.includes(type)) return isTextList(schema)
  const parts = outputParts(schema).filter((part) => !isNull(part))
  return parts.length > 0 && parts.every((part) => textBelow(part, depth + 1))
}

function isTextList(schema: Schema): boolean {
  return [...(schema._zod.values ?? [])].every((value) => typeof value === 'string')
}

function isNull(schema: Schema): boolean {
  return schema._zod.def.type === 'null'
}
