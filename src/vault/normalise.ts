import type { JsonValue } from '../base/canonical.ts'
import type { LookupNormaliser } from '../policy/field.ts'

/**
 * Makes equal what people mean to be equal, by a named rule. The name is part of what a lookup is: changing
 * a rule is a new lookup. Undefined for what has no token: the empty, and what is not text.
 */
export function normalise(
  normaliser: LookupNormaliser,
  value: JsonValue | undefined,
): string | undefined {
  if (typeof value !== 'string') return undefined
  const normalised = RULES[normaliser](value)
  return normalised === '' ? undefined : normalised
}

const RULES: { readonly [N in LookupNormaliser]: (value: string) => string } = {
  exact: (value) => value,
  email: (value) => value.trim().toLowerCase(),
  'phone-e164': toE164,
  'nfkc-lower': (value) => value.normalize('NFKC').trim().toLowerCase(),
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
