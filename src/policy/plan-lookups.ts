/** What is known about the values of a lookup before the first is stored. */
export interface LookupPopulation {
  /** How many people, or records, are expected to have a value. */
  readonly people: number
  /** How many different values there may be. Default: as many as there are people. */
  readonly distinct?: number
}

/** Bits of each lookup's tokens, in the order asked for; or why there is no such plan. */
export type LookupPlan =
  | { readonly ok: true; readonly bits: readonly number[] }
  | { readonly ok: false; readonly fault: 'over_budget' }

/** Fewer people than this cannot hide among each other. */
export const MIN_PEOPLE = 16

/** Fewer values than this: every token would name a large known group. */
export const MIN_DISTINCT = 16

/** How many others a search should meet by chance, as far as the bounds let it. */
const CROWD = 16
/** With fewer bits a search reads more than a sixteenth of everybody. */
const MIN_BITS = 4

/**
 * Chooses how many bits of each token are kept, so that an observer of the store finds a token shared by several
 * people, and a search by few enough. Alone, L bits for R people stay between ⌈log2 √R⌉ and ⌊log2(R/2)⌋: between √R
 * and 2 people per token. Tokens of one record can be intersected, so together they may not have more bits than one
 * alone: those that want too many give way evenly.
 */
export function planLookups(wanted: readonly LookupPopulation[]): LookupPlan {
  if (wanted.length === 0) return { ok: true, bits: [] }
  const asked = wanted.map(bitsAlone)
  const bits = [...asked]
  const budget = mostBits(Math.min(...wanted.map(({ people }) => people)))
  for (let excess = sum(bits) - budget; excess > 0; excess -= 1) {
    const longest = bits.indexOf(Math.max(...bits))
    bits[longest] = (bits[longest] ?? 0) - 1
  }
  const isUseless = bits.some((it, at) => it < Math.min(MIN_BITS, asked[at] ?? 0))
  return isUseless ? { ok: false, fault: 'over_budget' } : { ok: true, bits }
}

/** How many other people a search is expected to read, because they share the token by chance. */
export function expectedCoincidences(
  { people, distinct = people }: LookupPopulation,
  bits: number,
): number {
  return people / 2 ** Math.min(bits, Math.log2(distinct))
}

/** ⌊log2(R/2)⌋: two people per token are left. */
export function mostBits(people: number): number {
  return Math.floor(Math.log2(people / 2))
}

/** ⌈log2 √R⌉: no more than √R people per token. */
export function fewestBits(people: number): number {
  return Math.ceil(Math.log2(people) / 2)
}

function bitsAlone({ people, distinct = people }: LookupPopulation): number {
  const crowded = Math.floor(Math.log2(people / CROWD))
  const bits = Math.min(Math.max(crowded, fewestBits(people)), mostBits(people))
  // More bits than the values have tell nothing more, and would count against the others.
  return Math.min(bits, Math.ceil(Math.log2(distinct)))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, it) => total + it, 0)
}
