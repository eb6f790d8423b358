import * as z from 'zod/mini'
import type { JsonValue } from '../base/canonical.ts'
import { fromInstant, systemClock } from '../base/time.ts'
import type { SchemaFacts } from './inspect-schema.ts'
import { toJsonOutput } from './json-output.ts'
import { inputParts, isExactOptional, outputParts, type Schema } from './schema-kinds.ts'

/** What becomes of a field that is left out. */
export interface Presence {
  /** It may be absent from a record. */
  readonly optional: boolean
  /** The schema puts a value in its place. */
  readonly hasDefault: boolean
  /** That value, as it is stored. */
  readonly defaultValue?: JsonValue
  readonly fault?: 'default_not_known' | 'default_not_json'
}

const REQUIRED: Presence = { optional: false, hasDefault: false }
const OPTIONAL: Presence = { optional: true, hasDefault: false }
const CHANGING: Presence = { ...REQUIRED, fault: 'default_not_known' }
// Nobody declares a moment that is less than a minute away.
const CLOSE = 60_000

// Their input type holds `undefined`. Of a custom schema nobody knows, so it is asked.
const TAKES_UNDEFINED: readonly string[] = [
  'any',
  'unknown',
  'undefined',
  'void',
  'custom',
  'transform',
  'default',
  'prefault',
]
// They take what the schema inside takes.
const TRANSPARENT: readonly string[] = [
  'optional',
  'nullable',
  'readonly',
  'catch',
  'lazy',
  'union',
]
const MAX_VISITS = 1_000

/** Finds out what becomes of a field that is left out, as the types and zod's objects have it. */
export function presenceOf(schema: Schema, facts: SchemaFacts): Presence {
  if (!isExactOptional(schema) && !takesUndefined(schema, new Map())) return REQUIRED
  if (staysAbsent(schema)) return OPTIONAL
  const optional = schema._zod.optout === 'optional'
  // An async function would be left behind with a rejection that nobody handles.
  if (facts.runs === 'async') return unknownPresence(schema)
  try {
    const result = z.safeParse(schema, undefined)
    if (!result.success) return optional ? OPTIONAL : REQUIRED
    if (result.data === undefined) return OPTIONAL
    const output = toJsonOutput(result.data)
    if (output === undefined) return { ...REQUIRED, fault: 'default_not_json' }
    if (isOfNow(output) || !givesAgain(schema, output)) return CHANGING
    return { optional, hasDefault: true, defaultValue: output }
  } catch {
    // Code of the app has to be waited for, or does not take nothing.
    return unknownPresence(schema)
  }
}

/** Tells whether a schema leaves out what is left out, without being asked for a value. */
export function staysAbsent({ _zod: { optin, optout } }: Schema): boolean {
  return optin === 'optional' && optout === 'optional'
}

function takesUndefined(schema: Schema, known: Map<Schema, boolean>): boolean {
  const found = known.get(schema)
  if (found !== undefined || known.size > MAX_VISITS) return found ?? false
  // Until it is known: a schema that leads back to itself takes nothing on that way.
  known.set(schema, false)
  const { type } = schema._zod.def
  const own = type === 'optional' ? !isExactOptional(schema) : TAKES_UNDEFINED.includes(type)
  const takes = own || partsTakeUndefined(schema, known)
  known.set(schema, takes)
  return takes
}

function partsTakeUndefined(schema: Schema, known: Map<Schema, boolean>): boolean {
  const { type } = schema._zod.def
  const asked = (part: Schema): boolean => takesUndefined(part, known)
  if (type === 'pipe') return inputParts(schema).some(asked)
  if (type === 'intersection') return outputParts(schema).every(asked)
  return TRANSPARENT.includes(type) && outputParts(schema).some(asked)
}

function unknownPresence(schema: Schema): Presence {
  if (schema._zod.optin !== 'defaulted') return REQUIRED
  return CHANGING
}

/**
 * A field that is left out is not stored: it reads as the default of whichever process reads it, so that one which
 * changes would be another value each time.
 */
function givesAgain(schema: Schema, output: JsonValue): boolean {
  return JSON.stringify(toJsonOutput(z.parse(schema, undefined))) === JSON.stringify(output)
}

/** Two calls within one millisecond would give the same. */
function isOfNow(output: JsonValue): boolean {
  const ms = typeof output === 'string' ? fromInstant(output) : output
  return typeof ms === 'number' && Math.abs(systemClock().now() - ms) < CLOSE
}
