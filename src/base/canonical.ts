import { utf8 } from './bytes.ts'
import { invalidInput } from './errors.ts'
import { inOrder, quote } from './json-text.ts'
import { isPlainObject } from './plain.ts'

/** Anything JSON can hold. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject

/** A JSON object; property names are data. */
export interface JsonObject {
  readonly [name: string]: JsonValue
}

const MAX_DEPTH = 64
// One object reachable by many paths is written once per path: 64 levels of two would be 2^64.
const MAX_NODES = 1_000_000
/** Never leaves this file: its place is in the path of the writer. */
const NOT_JSON = 'not JSON'

interface Writer {
  readonly path: (string | number)[]
  nodes: number
}

/**
 * Writes a value as canonical JSON (RFC 8785). What plain JSON cannot hold is refused and not
 * converted; `toJSON` is never called and no accessor is run.
 *
 * @throws {@link invalid_input} with `not_json` and the path of the first value that is not JSON.
 * @example
 * ```ts
 * canonicalJson({ b: [1, -0], a: 'é' }) // '{"a":"é","b":[1,0]}'
 * ```
 */
export function canonicalJson(value: unknown): string {
  const writer: Writer = { path: [], nodes: 0 }
  try {
    return writeValue(writer, value)
  } catch {
    // Whatever a proxy throws may hold data, and so may a key inside of a form's field.
    const path = writer.path.map((step, depth) =>
      depth < 2 || Number.isInteger(step) ? step : '?',
    )
    throw invalidInput(path, 'not_json')
  }
}

/**
 * The UTF-8 bytes of {@link canonicalJson}.
 *
 * @throws {@link invalid_input} with `not_json`.
 */
export function canonicalBytes(value: unknown): Uint8Array {
  return utf8(canonicalJson(value))
}

function writeValue(writer: Writer, value: unknown): string {
  writer.nodes += 1
  if (writer.nodes > MAX_NODES) throw new TypeError(NOT_JSON)
  if (typeof value === 'string') return writeString(value)
  if (typeof value === 'number') return writeNumber(value)
  if (typeof value === 'boolean' || value === null) return String(value)
  if (typeof value !== 'object' || writer.path.length >= MAX_DEPTH) throw new TypeError(NOT_JSON)
  if (Array.isArray(value)) return writeArray(writer, value)
  return writeObject(writer, value)
}

function writeString(value: string): string {
  const quoted = quote(value)
  if (quoted === undefined) throw new TypeError(NOT_JSON)
  return quoted
}

function writeNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(NOT_JSON)
  // RFC 8785 takes the number format of ECMAScript, where -0 is written 0.
  return String(value)
}

function writeArray(writer: Writer, value: readonly unknown[]): string {
  // Indices and `length`, nothing else: a hole or a further property would be lost.
  const length = value.length
  if (namesOf(value).length !== length + 1) throw new TypeError(NOT_JSON)
  let text = '['
  for (let index = 0; index < length; index += 1) {
    writer.path.push(index)
    text += (index === 0 ? '' : ',') + writeValue(writer, readProperty(value, index))
    writer.path.pop()
  }
  return `${text}]`
}

function writeObject(writer: Writer, value: object): string {
  if (!isPlainObject(value)) throw new TypeError(NOT_JSON)
  let text = '{'
  for (const name of inOrder(namesOf(value))) {
    writer.path.push(name)
    const written = writeString(name)
    const property = writeValue(writer, readProperty(value, name))
    text += `${text.length === 1 ? '' : ','}${written}:${property}`
    writer.path.pop()
  }
  return `${text}}`
}

// Two calls, because Reflect.ownKeys takes four times as long as both.
function namesOf(value: object): readonly string[] {
  if (Object.getOwnPropertySymbols(value).length > 0) throw new TypeError(NOT_JSON)
  return Object.getOwnPropertyNames(value)
}

function readProperty(value: object, name: PropertyKey): unknown {
  const property = Object.getOwnPropertyDescriptor(value, name)
  // An accessor may answer differently each time, so it is refused and not run.
  if (property?.enumerable !== true || !('value' in property)) throw new TypeError(NOT_JSON)
  return property.value
}
