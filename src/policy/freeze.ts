import { isPlainObject } from '../base/plain.ts'

/** Freezes plain objects and arrays all the way down; functions and instances stay as they are. */
export function freezeDeep<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (!Array.isArray(value) && !isPlainObject(value)) return value
  for (const part of Object.values(value)) freezeDeep(part)
  return Object.freeze(value)
}
