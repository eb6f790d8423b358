import { fromUtf8, utf8 } from './bytes.ts'
import type { JsonValue } from './canonical.ts'
import { isJsonObject } from './json-shape.ts'

/** As deep as anything that is written. */
const MAX_DEPTH = 64

/** Reads canonical JSON (RFC 8785); `undefined` unless writing the value again gives the same bytes. */
export function parseCanonical(bytes: Uint8Array): JsonValue | undefined {
  const text = fromUtf8(bytes)
  if (text === undefined) return undefined
  try {
    const value: JsonValue = JSON.parse(text)
    return write(value, MAX_DEPTH) === text ? value : undefined
  } catch {
    return undefined
  }
}

/** The canonical bytes of what {@link parseCanonical} gave, or of a part of it. */
export function rewriteCanonical(value: JsonValue): Uint8Array {
  return utf8(write(value, MAX_DEPTH))
}

/**
 * Less than {@link canonicalJson} has to look at: what was parsed holds nothing but JSON. Nothing is written for what
 * must not be there, and so the text that it was read from is another one.
 */
function write(value: JsonValue | undefined, depth: number): string {
  if (typeof value === 'string' && !value.isWellFormed()) return ''
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (depth === 0) return ''
  if (!isJsonObject(value)) return `[${value.map((item) => write(item, depth - 1)).join()}]`
  // By UTF-16 code units, as RFC 8785 section 3.2.3 asks.
  const names = Object.keys(value).sort()
  return `{${names.map((name) => `${write(name, depth)}:${write(value[name], depth - 1)}`).join()}}`
}
