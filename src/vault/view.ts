import type { JsonValue } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import type { Plan, PlanField } from '../policy/compiled.ts'

/** Opened values by field id. */
export type Values = ReadonlyMap<string, JsonValue>

const INSPECT = [
  Symbol.for('nodejs.util.inspect.custom'),
  Symbol.for('Deno.customInspect'),
] as const
const REVISION: unique symbol = Symbol('privity.revision')

/**
 * Builds what a purpose sees: a frozen plain object. Printing it shows the names of its fields and not
 * the values, so that a log line does not become a leak.
 *
 * @throws {@link incomplete_record} when a required field is missing
 */
export function buildView(
  { record, purpose }: Pick<Plan, 'record' | 'purpose'>,
  fields: readonly PlanField[],
  opened: { readonly values: Values; readonly revision: number },
): object {
  const view: { [name: string]: unknown } = {}
  const missing: string[] = []
  for (const field of fields) {
    const value = opened.values.has(field.id) ? opened.values.get(field.id) : field.defaultValue
    if (value !== undefined)
      view[field.name] = field.view === undefined ? freezeDeep(value) : seenAs(record, field, value)
    else if (!field.optional) missing.push(field.name)
  }
  if (missing.length > 0) throw new PrivityError('incomplete_record', { record, fields: missing })
  const print = (): string => `[${record} for ${purpose}: ${Object.keys(view).join(', ')}]`
  for (const symbol of INSPECT) Object.defineProperty(view, symbol, { value: print })
  Object.defineProperty(view, REVISION, { value: opened.revision })
  return Object.freeze(view)
}

/** Revision of the record that a view was made of, for `ifRevision`; undefined for anything else. */
export function revisionOf(view: object): number | undefined {
  try {
    const revision: unknown = Reflect.get(view, REVISION)
    return typeof revision === 'number' ? revision : undefined
  } catch {
    // No object, or a proxy that throws.
    return undefined
  }
}

/** What the app's view throws may hold the plain value. */
function seenAs(record: string, field: PlanField, value: JsonValue): unknown {
  try {
    return field.view?.(value)
  } catch {
    throw new PrivityError('incomplete_record', { record, fields: [field.name] })
  }
}

function freezeDeep(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value
  for (const part of Object.values(value)) freezeDeep(part as JsonValue)
  return Object.freeze(value)
}
