import type { JsonObject, JsonValue } from '../base/canonical.ts'
import { isJsonObject } from '../base/json-shape.ts'

/** A purpose, and the policy under which it asks now. */
export interface Asking {
  readonly purpose: string
  /** The description of the running policy. */
  readonly now: JsonObject
}

const NOTHING: JsonObject = {}

/**
 * The fields, by record type, that a consent given under a stored policy covers now: those that its purpose had then,
 * if it was as explicit as is asked for now (Art. 9(2)(a)), and saw them as plainly. What is not understood covers
 * nothing.
 */
export function consentCoverage(
  then: JsonObject,
  { purpose, now }: Asking,
): ReadonlyMap<string, ReadonlySet<string>> {
  const [before, after] = [then, now].map((it) => partOf(partOf(it, 'purposes'), purpose))
  const wasExplicit = before?.['explicit'] === true
  const isWeaker = after?.['explicit'] === true && !wasExplicit
  const ground = before?.['article9']
  const hasGround = ground !== undefined && ground === after?.['article9']
  const records = isWeaker ? NOTHING : partOf(then, 'records')
  return new Map(
    Object.keys(records).map((record) => {
      const [had, has] = [records, partOf(now, 'records')].map((it) =>
        partOf(partOf(it, record), 'fields'),
      )
      const covered = Object.keys(had ?? NOTHING).filter((id) => {
        const was = partOf(had, id)
        const is = partOf(has, id)
        if (!lists(was['purposes'], purpose)) return false
        const may = is['special'] === undefined || wasExplicit || (hasGround && !!was['special'])
        return may && isAsPlain(was['views'], is['views'], purpose)
      })
      return [record, new Set(covered)]
    }),
  )
}

/** What a view shows is code: with one then and now, nobody can tell from here whether it is the same. */
function isAsPlain(
  was: JsonValue | undefined,
  is: JsonValue | undefined,
  purpose: string,
): boolean {
  // A field that the policy has no more, nobody sees.
  return is === undefined || lists(is, purpose) || (Array.isArray(was) && !lists(was, purpose))
}

function lists(names: JsonValue | undefined, name: string): boolean {
  return Array.isArray(names) && names.includes(name)
}

function partOf(value: JsonObject | undefined, name: string): JsonObject {
  const part = value !== undefined && Object.hasOwn(value, name) ? value[name] : undefined
  return isJsonObject(part) ? part : NOTHING
}
