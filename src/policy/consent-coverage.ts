import type { JsonObject, JsonValue } from '../base/canonical.ts'
import { isJsonObject } from '../base/json-shape.ts'

/**
 * The fields that a purpose had under a stored policy, by record type: what a consent given under
 * that policy covers. What is not understood covers nothing.
 */
export function consentCoverage(
  description: JsonObject,
  purpose: string,
): ReadonlyMap<string, ReadonlySet<string>> {
  const records = entriesOf(description, 'records')
  return new Map(records.map(([name, record]) => [name, fieldsFor(purpose, record)]))
}

function fieldsFor(purpose: string, record: JsonValue): ReadonlySet<string> {
  const served = entriesOf(record, 'fields').filter(([, field]) => {
    const purposes = memberOf(field, 'purposes')
    return Array.isArray(purposes) && purposes.includes(purpose)
  })
  return new Set(served.map(([id]) => id))
}

function entriesOf(value: JsonValue, name: string): readonly (readonly [string, JsonValue])[] {
  const member = memberOf(value, name)
  return isJsonObject(member) ? Object.entries(member) : []
}

function memberOf(value: JsonValue, name: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
}
