import { type InputPath, invalidInput } from './errors.ts'
import { isPlainObject } from './plain.ts'

/** The properties of an object of the app, each read once. */
export type Members<N extends string> = { readonly [K in N]?: unknown }

/**
 * Reads the properties of a plain object exactly once and passes them on as they are, so that what is
 * checked is what is used.
 *
 * @throws {@link invalid_input} with `not_an_object`, `unreadable` (an accessor, or a proxy that throws)
 * or `unknown_option`.
 */
export function membersOf<N extends string>(
  value: unknown,
  names: readonly N[],
  path: InputPath,
): Members<N> {
  const properties = attempt(() => propertiesOf(value), path)
  if (properties === undefined) throw invalidInput(path, 'not_an_object')
  const known: ReadonlySet<string> = new Set(names)
  // An unknown name may itself be personal data.
  if (properties.some(([name]) => !known.has(name)))
    throw invalidInput(path, 'unknown_option', names)
  if (properties.some(([, property]) => !('value' in property)))
    throw invalidInput(path, 'unreadable')
  return Object.fromEntries(properties.map(([name, { value: member }]) => [name, member])) as {
    readonly [K in N]?: unknown
  }
}

/**
 * Reads some properties of any object of the app once, accessors and inherited ones too: a store or a clock
 * may be an instance.
 *
 * @throws {@link invalid_input} with `not_an_object` or `unreadable`.
 */
export function pick<N extends string>(
  value: unknown,
  names: readonly N[],
  path: InputPath,
): Members<N> {
  if (typeof value !== 'object' || value === null) throw invalidInput(path, 'not_an_object')
  return attempt(
    () => Object.fromEntries(names.map((name) => [name, Reflect.get(value, name)])),
    path,
  ) as { readonly [K in N]?: unknown }
}

/** The elements of a list of the app, each read once; a hole is undefined, and anything else no list. */
export function elementsOf(value: unknown): readonly unknown[] | undefined {
  try {
    return Array.isArray(value) ? Array.from(value) : undefined
  } catch {
    // A proxy that throws is no list either.
    return undefined
  }
}

type Property = readonly [name: string, property: PropertyDescriptor]

function propertiesOf(value: unknown): readonly Property[] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  if (!isPlainObject(value)) return undefined
  return Object.keys(value).map((name) => [
    name,
    Object.getOwnPropertyDescriptor(value, name) ?? {},
  ])
}

function attempt<T>(read: () => T, path: InputPath): T {
  try {
    return read()
  } catch {
    // Whatever an accessor or a proxy throws may hold data.
    throw invalidInput(path, 'unreadable')
  }
}
