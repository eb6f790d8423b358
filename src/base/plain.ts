/**
 * Tells whether an object is one that a literal or `JSON.parse` could have made: its prototype
 * is null or the root prototype, also that of another realm.
 */
export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || prototype === Object.prototype) return true
  if (typeof prototype !== 'object' || prototype === null) return false
  // Another realm has another root prototype: no parent, and methods that only a root has.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}
