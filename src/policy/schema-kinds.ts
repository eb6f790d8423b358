import type * as z from 'zod'

/** Any zod 4 schema, classic or mini. */
export type Schema = z.core.$ZodType

/** The properties of a definition that hold schemas, by what they say about the output. */
export interface SchemaParts {
  /** The output is made of what these give. */
  readonly output: readonly string[]
  /** These only look at the input. */
  readonly input?: readonly string[]
}

const LEAF: SchemaParts = { output: [] }
const WRAPPER: SchemaParts = { output: ['innerType'] }

const KINDS: { readonly [kind: string]: SchemaParts | 'not_json' } = {
  string: LEAF,
  number: LEAF,
  int: LEAF,
  boolean: LEAF,
  null: LEAF,
  never: LEAF,
  template_literal: LEAF,
  enum: LEAF,
  literal: LEAF,
  // What these give is known only once it is there, and is held against JSON then.
  any: LEAF,
  unknown: LEAF,
  custom: LEAF,
  transform: LEAF,
  object: { output: ['shape', 'catchall'] },
  array: { output: ['element'] },
  tuple: { output: ['items', 'rest'] },
  record: { output: ['keyType', 'valueType'] },
  union: { output: ['options'] },
  intersection: { output: ['left', 'right'] },
  pipe: { output: ['out'], input: ['in'] },
  success: { output: [], input: ['innerType'] },
  optional: WRAPPER,
  nullable: WRAPPER,
  nonoptional: WRAPPER,
  default: WRAPPER,
  prefault: WRAPPER,
  catch: WRAPPER,
  readonly: WRAPPER,
  lazy: WRAPPER,
  date: 'not_json',
  bigint: 'not_json',
  symbol: 'not_json',
  undefined: 'not_json',
  void: 'not_json',
  nan: 'not_json',
  map: 'not_json',
  set: 'not_json',
  file: 'not_json',
  function: 'not_json',
  promise: 'not_json',
}

// Below an input these may stand; their own parts are looked at for declared names only.
const INPUT_PARTS: { readonly [kind: string]: readonly string[] } = {
  map: ['keyType', 'valueType'],
  set: ['valueType'],
  promise: ['innerType'],
}

/** Tells whether a value is a schema of zod 4: every class of it carries these internals. */
export function isSchema(value: unknown): value is Schema {
  try {
    if (!isObject(value) || !('_zod' in value) || !isObject(value._zod)) return false
    const internals = value._zod
    if (!('def' in internals) || !('traits' in internals) || !('run' in internals)) return false
    const { def, traits, run } = internals
    if (!isObject(def) || !('type' in def) || typeof def.type !== 'string') return false
    return traits instanceof Set && typeof run === 'function'
  } catch {
    return false
  }
}

/** The kind of a schema's output: its parts, that it is not JSON, or that nobody knows it. */
export function kindOf(schema: Schema): SchemaParts | 'not_json' | undefined {
  return ownEntry(KINDS, schema._zod.def.type)
}

/** The schemas that the output of this one is made of. */
export function outputParts(schema: Schema): readonly Schema[] {
  const kind = kindOf(schema)
  return typeof kind === 'object' ? kind.output.flatMap((name) => partsAt(schema, name)) : []
}

/** The schemas that this one only shows its input to. */
export function inputParts(schema: Schema): readonly Schema[] {
  const { type } = schema._zod.def
  const kind = kindOf(schema)
  const names = typeof kind === 'object' ? kind.input : ownEntry(INPUT_PARTS, type)
  return (names ?? []).flatMap((name) => partsAt(schema, name))
}

/** Tells whether the outermost layer of a schema is `exactOptional`: absent yes, `undefined` no. */
export function isExactOptional(schema: Schema): boolean {
  return schema._zod.traits.has('$ZodExactOptional')
}

/** Reads what a schema was defined with; what stands there depends on its kind. */
export function definedAs(schema: Schema, name: string): unknown {
  const { def } = schema._zod
  // A lazy schema keeps what it resolves to beside its definition.
  return Reflect.get(def.type === 'lazy' ? schema._zod : def, name)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function ownEntry<T>(table: { readonly [name: string]: T }, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

function partsAt(schema: Schema, name: string): readonly Schema[] {
  const value = definedAs(schema, name)
  if (isSchema(value)) return [value]
  return isObject(value) ? Object.values(value).filter(isSchema) : []
}
