import {
  definedAs,
  inputParts,
  isExactOptional,
  kindOf,
  outputParts,
  type Schema,
} from './schema-kinds.ts'

/** What a schema tells about itself without being run. */
export interface SchemaFacts {
  /** Why values of its output could not be stored, as far as that can be known. */
  readonly fault?: 'not_json_use_a_codec' | 'unsupported_schema' | 'unreadable_schema'
  /** Names that stand in the schema: they may stand in an error, other keys are data. */
  readonly names: ReadonlySet<string>
  /** A number in a path is an index, and not the key of a map. */
  readonly indexed: boolean
  /** `sync` runs no code of the app; `async` is sure to return promises. */
  readonly runs: 'sync' | 'unknown' | 'async'
}

interface Visit {
  readonly schema: Schema
  readonly output: boolean
}

interface Findings {
  fault: SchemaFacts['fault'] | undefined
  indexed: boolean
  appCode: boolean
  asyncCode: boolean
  readonly names: Set<string>
}

// A lazy schema may mint new schemas without end. What lies further down may be anything, and is
// met by the check of each value.
const MAX_VISITS = 10_000
// Checks of zod that run no code of the app, or only such that cannot wait.
const PURE_CHECKS: readonly string[] = [
  'less_than',
  'greater_than',
  'multiple_of',
  'number_format',
  'bigint_format',
  'max_size',
  'min_size',
  'size_equals',
  'max_length',
  'min_length',
  'length_equals',
  'string_format',
  'mime_type',
  'overwrite',
]

/** Looks through a schema and all it is made of, nearest first. */
export function inspectSchema(schema: Schema): SchemaFacts {
  const findings: Findings = {
    fault: undefined,
    names: new Set(),
    indexed: true,
    appCode: false,
    asyncCode: false,
  }
  try {
    visitAll(schema, findings)
  } catch {
    // A getter of the app threw, for example because it refers to a schema defined later.
    findings.fault = 'unreadable_schema'
  }
  const { names, indexed, fault } = findings
  const runs = findings.asyncCode ? 'async' : findings.appCode ? 'unknown' : 'sync'
  return { names, indexed, runs, ...(fault === undefined ? {} : { fault }) }
}

function visitAll(schema: Schema, findings: Findings): void {
  const queue: Visit[] = [{ schema, output: true }]
  const seen = { output: new Set<Schema>(), input: new Set<Schema>() }
  for (const visit of queue) {
    if (seen.output.has(visit.schema)) continue
    const before = visit.output ? seen.output : seen.input
    if (before.has(visit.schema)) continue
    before.add(visit.schema)
    if (seen.output.size + seen.input.size > MAX_VISITS) {
      findings.appCode = true
      return
    }
    inspectOne(visit, findings)
    for (const part of outputParts(visit.schema)) {
      queue.push({ schema: part, output: visit.output })
    }
    for (const part of inputParts(visit.schema)) queue.push({ schema: part, output: false })
  }
}

function inspectOne({ schema, output }: Visit, findings: Findings): void {
  const { type } = schema._zod.def
  if (output) findings.fault ??= faultOf(schema)
  const shape = definedAs(schema, 'shape')
  if (typeof shape === 'object' && shape !== null) {
    for (const name of Object.keys(shape)) findings.names.add(name)
  }
  if (type === 'map' || type === 'set') findings.indexed = false
  const code = codeOf(schema)
  findings.appCode ||= code.length > 0
  findings.asyncCode ||= type === 'promise' || code.some(isAsync)
}

function faultOf(schema: Schema): SchemaFacts['fault'] | undefined {
  const kind = kindOf(schema)
  if (kind === undefined) return 'unsupported_schema'
  if (kind === 'not_json' || !hasJsonValues(schema) || hasSymbolNames(schema)) {
    return 'not_json_use_a_codec'
  }
  return outputParts(schema).some((part) => isGap(schema, part))
    ? 'not_json_use_a_codec'
    : undefined
}

// A literal or an enum lists what it gives.
function hasJsonValues(schema: Schema): boolean {
  const { type } = schema._zod.def
  if (type !== 'literal' && type !== 'enum') return true
  return [...(schema._zod.values ?? [])].every((value) => {
    if (typeof value === 'number') return Number.isFinite(value)
    return value === null || typeof value === 'string' || typeof value === 'boolean'
  })
}

function hasSymbolNames(schema: Schema): boolean {
  const shape = definedAs(schema, 'shape')
  return (
    typeof shape === 'object' && shape !== null && Object.getOwnPropertySymbols(shape).length > 0
  )
}

// An array has no way to leave an element out.
function isGap(schema: Schema, part: Schema): boolean {
  if (schema._zod.def.type !== 'array' || part._zod.def.type !== 'optional') return false
  return !isExactOptional(part)
}

function codeOf(schema: Schema): readonly unknown[] {
  const own = [definedAs(schema, 'transform'), definedAs(schema, 'fn')]
  const checks = (schema._zod.def.checks ?? []).map(({ _zod: { def, check } }) => {
    const given: unknown = Reflect.get(def, 'fn')
    return given ?? (PURE_CHECKS.includes(def.check) ? undefined : check)
  })
  return [...own, ...checks].filter((code) => typeof code === 'function')
}

function isAsync(code: unknown): boolean {
  return Object.prototype.toString.call(code) === '[object AsyncFunction]'
}
