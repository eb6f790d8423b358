/** Numbers that look random and are the same every time. */
export interface Seeded {
  /** A whole number from 0 to below the bound. */
  below(bound: number): number
  list(length: number, bound: number): readonly number[]
}

/** mulberry32: small, and good enough to choose what a test tries. */
export function seeded(seed: number): Seeded {
  let state = seed
  function below(bound: number): number {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound)
  }
  return { below, list: (length, bound) => Array.from({ length }, () => below(bound)) }
}
