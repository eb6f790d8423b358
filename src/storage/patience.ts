import { type Clock, systemClock } from '../base/time.ts'

/** How long an operation is tried, and how long a store may take to answer, in milliseconds. */
export const PATIENCE = 10_000
/** How long an anchor may take: whoever waits behind an operation that waits for it is still tried. */
export const ANCHOR_PATIENCE = 4_000
const FIRST_BACKOFF = 4
/** Short: of eight processes over one file, one that waits long is overtaken again and again (measured). */
const MAX_BACKOFF = 100

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

/** The same for work that nobody waits for: it keeps no process alive. */
export async function rest(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await (clock.rest === undefined ? clock.wait(ms, signal) : clock.rest(ms, signal))
  } catch {
    signal.throwIfAborted()
    await systemClock().rest(ms, signal)
  }
}
