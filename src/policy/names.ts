// A view with a `then` would be taken for a promise when an async function returns it.
const RESERVED = [
  'then',
  'constructor',
  'prototype',
  '__proto__',
  'toJSON',
  'toString',
  'valueOf',
  'hasOwnProperty',
  'isPrototypeOf',
  'propertyIsEnumerable',
  'toLocaleString',
  'inspect',
] as const

/** Names that JavaScript, a promise or a console would look up on a view by itself. */
export type ReservedName = (typeof RESERVED)[number]

const NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/
const RESERVED_NAMES: ReadonlySet<string> = /* @__PURE__ */ new Set(RESERVED)

/** The rule that a name breaks, if any. */
export type NameFault = 'invalid_name' | 'reserved_name'

/**
 * The rule that a purpose's or role's name breaks, if any. Decisions are looked up by these names: every
 * object has something under the names of `Object.prototype`, also where nobody decided.
 */
export function nameFault(name: string): NameFault | undefined {
  if (!NAME.test(name)) return 'invalid_name'
  return name in Object.prototype ? 'reserved_name' : undefined
}

/** The rule that a record's or field's name, or a field's id, breaks, if any. */
export function memberNameFault(name: string): NameFault | undefined {
  return RESERVED_NAMES.has(name) ? 'reserved_name' : nameFault(name)
}
