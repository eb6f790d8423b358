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
  'inspect',
] as const

/** Names that JavaScript, a promise or a console would look up on a view by itself. */
export type ReservedName = (typeof RESERVED)[number]

const NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/
const RESERVED_NAMES: ReadonlySet<string> = /* @__PURE__ */ new Set(RESERVED)

/** The rule that a purpose's or role's name breaks, if any. */
export function nameFault(name: string): 'invalid_name' | undefined {
  return NAME.test(name) ? undefined : 'invalid_name'
}

/** The rule that a record's or field's name, or a field's id, breaks, if any. */
export function memberNameFault(name: string): 'invalid_name' | 'reserved_name' | undefined {
  return RESERVED_NAMES.has(name) ? 'reserved_name' : nameFault(name)
}
