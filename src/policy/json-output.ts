import { canonicalJson, type JsonValue } from '../base/canonical.ts'
import { isPlainObject } from '../base/plain.ts'

// What canonical JSON refuses; it also ends a cycle.
const MAX_DEPTH = 64

/**
 * Gives what a schema made as JSON that shares nothing with the app's objects; `undefined` if JSON
 * cannot hold it. A property that is `undefined` counts as absent, as it does in the types.
 */
export function toJsonOutput(value: unknown): JsonValue | undefined {
  const text = attempt(() => canonicalJson(value)) ?? attempt(() => canonicalJson(stripped(value)))
  if (text === undefined) return undefined
  return typeof value === 'string' ? value : JSON.parse(text)
}

function attempt(write: () => string): string | undefined {
  try {
    return write()
  } catch {
    return undefined
  }
}

/** A copy without `undefined` that differs in nothing else: what JSON cannot hold stays in it. */
function stripped(value: unknown, depth: number = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value
  const isArray = Array.isArray(value)
  if (!isArray && !isPlainObject(value)) return value
  const copy: object = isArray ? [] : {}
  for (const name of Reflect.ownKeys(value)) {
    const property = Object.getOwnPropertyDescriptor(value, name) ?? {}
    if ('value' in property) property.value = stripped(property.value, depth + 1)
    const isAbsent = !isArray && 'value' in property && property.value === undefined
    if (!isAbsent) Object.defineProperty(copy, name, property)
  }
  return copy
}
