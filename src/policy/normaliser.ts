/** The rules that come with the library, by name; each is version 1 of itself. */
export type LookupNormaliser = 'exact' | 'email' | 'phone-e164' | 'nfkc-lower'

/**
 * A rule of the app that makes equal what people mean to be equal. Name and version are part of what a lookup is:
 * a rule that gives other texts than before needs another version, which is a new lookup.
 */
export interface Normaliser {
  /** Lower-case letters, digits and hyphens, 1 to 32, and none of the library's own names. */
  readonly name: string
  /** 1 to 65,535. */
  readonly version: number
  /** Gives the same text every time and waits for nothing; an empty one is not indexed. */
  readonly normalise: (text: string) => string
}

const NAME = /^[a-z][a-z0-9-]{0,31}$/
const MAX_VERSION = 65_535

const RULES: { readonly [N in LookupNormaliser]: (text: string) => string } = {
  exact: (text) => text,
  email: (text) => text.trim().toLowerCase(),
  'phone-e164': toE164,
  'nfkc-lower': (text) => text.normalize('NFKC').trim().toLowerCase(),
}

/** The rules by name, as normalisers. */
export const NORMALISERS: { readonly [N in LookupNormaliser]: Normaliser } = {
  exact: builtIn('exact'),
  email: builtIn('email'),
  'phone-e164': builtIn('phone-e164'),
  'nfkc-lower': builtIn('nfkc-lower'),
}

/** The normaliser that an app named or gave. */
export function normaliserOf(by: LookupNormaliser | Normaliser): Normaliser {
  return typeof by === 'string' ? NORMALISERS[by] : by
}

/**
 * How a normaliser stands in the catalogue: the first version of a built-in rule by its name alone, as the first
 * stores wrote it.
 */
export function normaliserId({ name, version }: Normaliser): string {
  return isBuiltIn(name) && version === 1 ? name : `${name}@${version}`
}

/** The built-in normaliser with this id; undefined for one of the app. */
export function builtInById(id: string): Normaliser | undefined {
  return isBuiltIn(id) ? NORMALISERS[id] : undefined
}

/** The rule that something given as a normaliser breaks, if any. */
export function normaliserFault(by: unknown): string | undefined {
  if (typeof by === 'string') return isBuiltIn(by) ? undefined : 'invalid_value'
  if (typeof by !== 'object' || by === null) return 'invalid_type'
  const { name, version, normalise, ...others } = by as Partial<Normaliser>
  if (Object.keys(others).length > 0) return 'unrecognized_keys'
  if (typeof name !== 'string' || !NAME.test(name) || isBuiltIn(name)) return 'invalid_name'
  if (!Number.isInteger(version) || Number(version) < 1 || Number(version) > MAX_VERSION)
    return 'invalid_version'
  return typeof normalise === 'function' ? undefined : 'invalid_type'
}

function isBuiltIn(name: string): name is LookupNormaliser {
  return Object.hasOwn(RULES, name)
}

function builtIn(name: LookupNormaliser): Normaliser {
  return Object.freeze({ name, version: 1, normalise: RULES[name] })
}

/**
 * Digits with a leading plus; `00` is how many write the plus, and `(0)` is never dialled with it. A national
 * zero after the country's code cannot be told from a digit of the number, and stays.
 */
function toE164(value: string): string {
  const digits = value
    .normalize('NFKC')
    .replace(/\(0\)/g, '')
    .replace(/[^\d+]/g, '')
  const international = digits.replace(/^00/, '+')
  return `${international.startsWith('+') ? '+' : ''}${international.replace(/\+/g, '')}`
}
