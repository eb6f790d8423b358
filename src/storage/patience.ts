import { type Clock, systemClock } from '../base/time.ts'

/** How long an operation is tried, and how long a store may take to answer, in milliseconds. */
export const PATIENCE = 10_000
const FIRST_BACKOFF = 4
const MAX_BACKOFF = 1_000

/** Full jitter: anything between nothing and a bound that doubles with each round, in milliseconds. */
export function backoff(round: number): number {
  const bound = Math.min(MAX_BACKOFF, FIRST_BACKOFF * 2 ** Math.min(round, 16))
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1))
  return (bound * random) / 2 ** 32
}

/** Waits on the app's clock; on the system's where that one cannot wait, for a queue must go on. */
export async function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await clock.wait(ms, signal)
  } catch {
    signal?.throwIfAborted()
    await systemClock().wait(ms, signal)
  }
}
