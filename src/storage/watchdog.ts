import { isPrivityError, PrivityError } from '../base/errors.ts'
import { systemClock } from '../base/time.ts'
import { PATIENCE } from './patience.ts'

/** What a call that is not answered, or fails in a way of its own, counts as. */
export type Silence = 'store_unavailable' | 'outcome_unknown'

/** Makes a call to something of the app that keeps data; gives up after ten seconds of real time. */
export type Watchdog = <T>(silence: Silence, call: () => Promise<T>) => Promise<T>

interface Pending {
  /** On the monotonic clock, in milliseconds. */
  readonly until: number
  giveUp(): void
}

/** One timer for all calls under way: one for each would cost more than a read. */
interface Watch {
  /** In milliseconds. */
  readonly patience: number
  readonly pending: Set<Pending>
  watching: boolean
}

const TICK_MS = 1_000

/**
 * What an adapter throws becomes a typed error that repeats nothing of it, and a call that is not answered
 * in ten seconds, or as many milliseconds as are given, whatever the app's clock says, is given up.
 */
export function createWatchdog(patience: number = PATIENCE): Watchdog {
  const watch: Watch = { patience, pending: new Set(), watching: false }
  return (silence, call) => answer(watch, silence, call)
}

function answer<T>(watch: Watch, silence: Silence, call: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const pending: Pending = {
      until: performance.now() + watch.patience,
      giveUp: () => reject(typed(silence, 'timeout')),
    }
    function settle(end: () => void): void {
      watch.pending.delete(pending)
      end()
    }
    watch.pending.add(pending)
    startWatching(watch)
    invoke(call).then(
      (value) => settle(() => resolve(value)),
      (error: unknown) =>
        settle(() => reject(isPrivityError(error) ? error : typed(silence, 'failed'))),
    )
  })
}

/** An adapter may throw before it returns a promise, or return none. */
async function invoke<T>(call: () => Promise<T>): Promise<T> {
  return call()
}

function typed(silence: Silence, reason: string): PrivityError {
  if (silence === 'outcome_unknown') return new PrivityError('outcome_unknown', {})
  return new PrivityError('store_unavailable', { reason })
}

async function startWatching(watch: Watch): Promise<void> {
  if (watch.watching) return
  watch.watching = true
  while (watch.pending.size > 0) {
    await systemClock().rest(TICK_MS)
    const now = performance.now()
    for (const pending of watch.pending) {
      if (pending.until > now) continue
      watch.pending.delete(pending)
      pending.giveUp()
    }
  }
  watch.watching = false
}
