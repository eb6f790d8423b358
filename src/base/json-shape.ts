import { fromBase64url } from './bytes.ts'
import type { JsonObject, JsonValue } from './canonical.ts'

/** An object, and no array. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An object with that many members: whoever also reads all of them by name knows that there are no others. */
export function hasMembers(value: JsonValue | undefined, count: number): value is JsonObject {
  return isJsonObject(value) && Object.keys(value).length === count
}

/** The bytes that a text in base64url stands for. */
export function bytesOf(value: JsonValue | undefined): Uint8Array | undefined {
  return typeof value === 'string' ? fromBase64url(value) : undefined
}

/** Every item as it was read; undefined unless it is a list, and each item can be read. */
export function readList<T>(
  value: JsonValue | undefined,
  read: (item: JsonValue) => T | undefined,
): readonly T[] | undefined {
  const items = Array.isArray(value) ? value.map((item) => read(item)) : [undefined]
  return items.every((item) => item !== undefined) ? items : undefined
}

/** A whole number that a double holds exactly, from 0 on. */
export function isCount(value: JsonValue | undefined): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
