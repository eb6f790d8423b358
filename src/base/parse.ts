import * as z from 'zod/mini'
import { type InputIssue, type InputPath, invalidInput, PrivityError, safePath } from './errors.ts'
import { isPlainObject } from './plain.ts'

const MAX_DEPTH = 32
const MAX_NODES = 100_000
const MAX_CHARACTERS = 1_048_576
const MAX_ISSUES = 100

// Code of the app may name an issue after the value; only the names of zod are passed on.
const ZOD_CODES: { readonly [C in z.core.$ZodIssue['code']]: true } = {
  invalid_type: true,
  too_big: true,
  too_small: true,
  invalid_format: true,
  not_multiple_of: true,
  unrecognized_keys: true,
  invalid_union: true,
  invalid_key: true,
  invalid_element: true,
  invalid_value: true,
  custom: true,
}

interface Reader {
  readonly path: (string | number)[]
  depth: number
  nodes: number
  characters: number
  /** Why reading stopped; a proxy that throws gives no better reason. */
  fault: 'unreadable' | 'too_deep' | 'too_big'
}

/**
 * Copies plain objects and arrays deeply and reads every property exactly once, so that what is
 * checked is what is used. Dates, bytes and other class instances are passed on as they are;
 * symbol keys and hidden properties are left out.
 *
 * @throws {@link invalid_input} with `unreadable` (an accessor, a hole or a proxy that throws),
 * `too_deep` (over 32 levels) or `too_big` (over 100,000 values, or 1,048,576 characters), at
 * what `show` makes of the path: without it, any key becomes `?`.
 */
export function snapshot(
  value: unknown,
  path: InputPath = [],
  show: (steps: InputPath) => InputPath = hideKeys,
): unknown {
  const reader: Reader = {
    path: [],
    depth: 0,
    nodes: 0,
    characters: 0,
    fault: 'unreadable',
  }
  try {
    return copyValue(reader, value)
  } catch {
    // Whatever a proxy throws may hold data, so it is replaced like our own refusals.
    throw invalidInput([...path, ...show(reader.path)], reader.fault)
  }
}

/**
 * Checks a value from outside against a schema and gives what the schema makes of it.
 *
 * @throws {@link invalid_input} with the path and the rule of each issue, never a value.
 * @example
 * ```ts
 * parseInput(z.strictObject({ days: z.number() }), { days: 30 }) // { days: 30 }
 * ```
 */
export function parseInput<S extends z.core.$ZodType>(schema: S, input: unknown): z.output<S> {
  const copy = snapshot(input, [], (steps) => placeIn(schema, steps).path)
  // To a schema without required keys, a Date or a Map looks like an empty object.
  if (typeof copy === 'object' && copy === input && copy !== null)
    throw invalidInput([], 'invalid_type')
  const checked = check(schema, copy)
  if ('data' in checked) return checked.data
  throw new PrivityError('invalid_input', { issues: checked.issues })
}

/**
 * Copies a plain object as {@link snapshot} does.
 *
 * @throws {@link invalid_input} with `not_an_object` for anything else.
 */
export function snapshotObject(
  value: unknown,
  path: InputPath,
): { readonly [name: string]: unknown } {
  const copy = snapshot(value)
  if (typeof copy !== 'object' || copy === null || copy === value || Array.isArray(copy))
    throw invalidInput(path, 'not_an_object')
  return copy as { readonly [name: string]: unknown }
}

/** The code of an issue, if it is one of zod's. */
export function issueCode({ code }: z.core.$ZodIssue): string {
  return Object.hasOwn(ZOD_CODES, code) ? code : 'custom'
}

function copyValue(reader: Reader, value: unknown): unknown {
  reader.nodes += 1
  if (reader.nodes > MAX_NODES) throw refusal(reader, 'too_big')
  if (typeof value === 'string') return countCharacters(reader, value)
  if (typeof value !== 'object' || value === null) return value
  const isArray = Array.isArray(value)
  if (!isArray && !isPlainObject(value)) return value
  if (reader.depth === MAX_DEPTH) throw refusal(reader, 'too_deep')
  reader.depth += 1
  const copy = isArray ? copyArray(reader, value) : copyObject(reader, value)
  reader.depth -= 1
  return copy
}

function copyArray(reader: Reader, value: object): readonly unknown[] {
  const length = readProperty(reader, value, 'length')
  if (typeof length !== 'number') throw refusal(reader, 'unreadable')
  // Asked before the loop: a proxy may claim any length.
  if (reader.nodes + length > MAX_NODES) throw refusal(reader, 'too_big')
  const copy: unknown[] = []
  for (let index = 0; index < length; index += 1) copy.push(copyProperty(reader, value, index))
  return copy
}

function copyObject(reader: Reader, value: object): object {
  const copy: Record<string, unknown> = {}
  for (const name of Object.keys(value)) {
    countCharacters(reader, name)
    const property = copyProperty(reader, value, name)
    if (name === '__proto__') defineProperty(copy, name, property)
    else copy[name] = property
  }
  return copy
}

function copyProperty(reader: Reader, value: object, name: string | number): unknown {
  reader.path.push(name)
  const copy = copyValue(reader, readProperty(reader, value, name))
  reader.path.pop()
  return copy
}

function readProperty(reader: Reader, value: object, name: string | number): unknown {
  const property = Object.getOwnPropertyDescriptor(value, name)
  // An accessor may answer differently each time, so it is refused and not run.
  if (property === undefined || !('value' in property)) throw refusal(reader, 'unreadable')
  return property.value
}

/** Assigning to `__proto__` would set the prototype instead of making a property. */
function defineProperty(copy: object, name: string, value: unknown): void {
  Object.defineProperty(copy, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  })
}

function countCharacters(reader: Reader, text: string): string {
  reader.characters += text.length
  if (reader.characters > MAX_CHARACTERS) throw refusal(reader, 'too_big')
  return text
}

function refusal(reader: Reader, fault: Reader['fault']): Error {
  reader.fault = fault
  return new TypeError(fault)
}

/** Any key may be data; a number is none. */
function hideKeys(path: InputPath): InputPath {
  return path.map((step) => (typeof step === 'number' ? step : '?'))
}

type Checked<T> = { readonly data: T } | { readonly issues: readonly InputIssue[] }

function check<S extends z.core.$ZodType>(schema: S, value: unknown): Checked<z.output<S>> {
  try {
    const result = z.safeParse(schema, value, { error: nameNothing })
    if (result.success) return { data: result.data }
    const issues = result.error.issues.slice(0, MAX_ISSUES)
    return { issues: issues.map((issue) => toIssue(schema, issue)) }
  } catch {
    // The schema of the app threw or needs to be awaited, or a proxy threw while it was looked at.
    return { issues: [{ path: [], code: 'custom' }] }
  }
}

/** Messages are not passed on; the default ones look into the value, which may be a hostile proxy. */
function nameNothing(): string {
  return ''
}

function toIssue(schema: z.core.$ZodType, issue: z.core.$ZodIssue): InputIssue {
  const { path, declared } = placeIn(schema, issue.path)
  if (issue.code === 'unrecognized_keys') return { path, code: issue.code, declared }
  return { path, code: issueCode(issue) }
}

/** What of a schema is of use here; `shape` has the members of an object by name. */
interface Parts {
  readonly shape?: { readonly [name: string]: z.core.$ZodType }
  readonly element?: z.core.$ZodType
  readonly valueType?: z.core.$ZodType
  readonly innerType?: z.core.$ZodType
}

/** Where a path leads, and the names there. A key that the schema does not declare may be data. */
function placeIn(
  schema: z.core.$ZodType,
  steps: readonly PropertyKey[],
): { readonly path: InputPath; readonly declared: readonly string[] } {
  let parts = partsOf(schema)
  const path = steps.map((step) => {
    const { shape = {}, element, valueType } = parts
    const named = Object.hasOwn(shape, step) ? shape[String(step)] : undefined
    const next = named ?? element ?? valueType
    parts = next === undefined ? {} : partsOf(next)
    return typeof step === 'number' || named !== undefined ? step : '?'
  })
  return { path: safePath(path), declared: Object.keys(parts.shape ?? {}) }
}

/** Of an optional schema, of what it wraps. */
function partsOf(schema: z.core.$ZodType): Parts {
  const parts = schema._zod.def as Parts
  return parts.innerType === undefined ? parts : partsOf(parts.innerType)
}
