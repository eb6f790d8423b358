import { type ErrorCode, isPrivityError, PrivityError, type StoreFailure } from '../base/errors.ts'
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

/** What is watched. */
export interface Watched {
  /** In milliseconds. */
  readonly patience?: number
  /** Named in its errors, for whoever has to find out which of several is down. */
  readonly of?: StoreFailure['store']
}

/** One timer for all calls under way: one for each would cost more than a read. */
interface Watch {
  readonly patience: number
  readonly of: StoreFailure['store']
  readonly pending: Set<Pending>
  watching: boolean
}

const TICK_MS = 1_000
const STORE_FAILURES = [
  'store_unavailable',
  'store_full',
  'store_closed',
  'store_corrupt',
] as const satisfies readonly ErrorCode[]
type StoreFailureCode = (typeof STORE_FAILURES)[number]

/**
 * What an adapter throws becomes a typed error that repeats nothing of it, and a call that is not answered
 * in ten seconds, or as many milliseconds as are given, whatever the app's clock says, is given up.
 */
export function createWatchdog({ patience = PATIENCE, of }: Watched = {}): Watchdog {
  const watch: Watch = { patience, of, pending: new Set(), watching: false }
  return (silence, call) => answer(watch, silence, call)
}

function answer<T>(watch: Watch, silence: Silence, call: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const pending: Pending = {
      until: performance.now() + watch.patience,
      giveUp: () => reject(named(typed(silence, 'timeout'), watch.of)),
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
        settle(() =>
          reject(named(isPrivityError(error) ? error : typed(silence, 'failed'), watch.of)),
        ),
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

function named(error: PrivityError, of: StoreFailure['store']): PrivityError {
  if (of === undefined || !isStoreFailure(error)) return error
  return new PrivityError(error.code, { ...error.details, store: of })
}

function isStoreFailure(error: PrivityError): error is PrivityError<StoreFailureCode> {
  return STORE_FAILURES.some((code) => isPrivityError(error, code))
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
