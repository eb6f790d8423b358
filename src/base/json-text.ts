/** Most texts need no escape and hold no surrogate: one test instead of two and a call. */
const PLAIN_ASCII = /^[ !#-[\]-~]*$/

/** A text as JSON; undefined for one that UTF-8 cannot hold. */
export function quote(text: string): string | undefined {
  if (PLAIN_ASCII.test(text)) return `"${text}"`
  return text.isWellFormed() ? JSON.stringify(text) : undefined
}

/** By UTF-16 code units, as RFC 8785 section 3.2.3 asks; what we wrote ourselves is in order. */
export function inOrder(names: readonly string[]): readonly string[] {
  const isSorted = names.every((name, at) => at === 0 || name > (names[at - 1] ?? ''))
  return isSorted ? names : [...names].sort()
}
