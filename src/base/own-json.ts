import { utf8 } from './bytes.ts'
import type { JsonValue } from './canonical.ts'
import { isJsonObject } from './json-shape.ts'
import { inOrder, quote } from './json-text.ts'

/** As deep as anything that is written. */
const MAX_DEPTH = 64

/**
 * The canonical JSON (RFC 8785) of what this library put together itself or parsed, in half the time of
 * {@link canonicalJson}: no accessor, hidden property or instance of a class is looked for.
 *
 * @throws TypeError for a lone surrogate, a number that is not finite, `undefined`, or over 64 levels
 */
export function ownJson(value: JsonValue): string {
  return write(value, MAX_DEPTH)
}

/** The UTF-8 bytes of {@link ownJson}. */
export function ownBytes(value: JsonValue): Uint8Array {
  return utf8(ownJson(value))
}

function write(value: JsonValue | undefined, depth: number): string {
  if (typeof value === 'string') return quote(value) ?? refuse()
  // True, false and null count as numbers here; what is absent does not.
  if (typeof value !== 'object' || value === null)
    return Number.isFinite(Number(value)) ? String(value) : refuse()
  if (depth === 0) return refuse()
  if (!isJsonObject(value)) return `[${value.map((item) => write(item, depth - 1)).join()}]`
  const members = inOrder(Object.keys(value)).map(
    (name) => `${write(name, depth)}:${write(value[name], depth - 1)}`,
  )
  return `{${members.join()}}`
}

function refuse(): never {
  throw new TypeError('malformed')
}
