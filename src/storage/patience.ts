import { PrivityError } from '../base/errors.ts'
import { systemClock } from '../base/time.ts'

/** How long an operation is tried, and how long a store may take to answer, in milliseconds. */
export const PATIENCE = 10_000
const FIRST_BACKOFF = 4
const MAX_BACKOFF = 1_000

/**
 * The answer of a store, or an error when it stays silent.
 *
 * Real time, whatever the app's clock says: a store that hangs must not hang the app.
 */
export async function withinPatience<T>(
  answer: Promise<T>,
  silence: 'store_unavailable' | 'outcome_unknown',
): Promise<T> {
  const timer = new AbortController()
  const timeout = systemClock()
    .wait(PATIENCE, timer.signal)
    .then(
      () => {
        throw silence === 'outcome_unknown'
          ? new PrivityError('outcome_unknown', {})
          : new PrivityError('store_unavailable', { reason: 'timeout' })
      },
      () => new Promise<never>(() => undefined),
    )
  try {
    return await Promise.race([answer, timeout])
  } finally {
    timer.abort()
  }
}

/** Full jitter: anything between nothing and a bound that doubles with each round, in milliseconds. */
export function backoff(round: number): number {
  const bound = Math.min(MAX_BACKOFF, FIRST_BACKOFF * 2 ** Math.min(round, 16))
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1))
  return (bound * random) / 2 ** 32
}
