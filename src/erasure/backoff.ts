const MINUTE = 60_000
const FIRST = MINUTE
const LONGEST = 24 * 60 * MINUTE
const GROWTH = 4

/** The longest that is waited after so many failures in a row, in milliseconds. Pure. */
export function longestWait(failures: number): number {
  return Math.min(LONGEST, FIRST * GROWTH ** Math.max(0, Math.min(failures, 16) - 1))
}

/**
 * How long to wait after so many failures in a row, in whole milliseconds. Full jitter: when a system comes
 * back, not everybody who waits for it asks at once.
 */
export function hookBackoff(failures: number, random: number = chance()): number {
  return Math.max(1, Math.ceil(longestWait(failures) * random))
}

/** From 0 to 1. */
function chance(): number {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1))
  return random / 2 ** 32
}
