import { isPrivityError, PrivityError } from '../base/errors.ts'
import { systemClock } from '../base/time.ts'
import { PATIENCE } from './patience.ts'
import type { Store } from './store.ts'

interface Pending {
  /** On the monotonic clock, in milliseconds. */
  readonly until: number
  giveUp(): void
}

/** One timer for all calls under way: one for each would cost more than a read. */
interface Watch {
  readonly pending: Set<Pending>
  watching: boolean
}

type Silence = 'store_unavailable' | 'outcome_unknown'

const TICK_MS = 1_000
const guarded = new WeakSet<Store>()

/**
 * The edge between an adapter and everything else: what it throws becomes a typed error that repeats
 * nothing of it, and a call that is not answered in ten seconds of real time, whatever the app's clock
 * says, is given up. A commit that ends in either way may have been applied.
 */
export function guardStore(store: Store): Store {
  if (guarded.has(store)) return store
  const watch: Watch = { pending: new Set(), watching: false }
  const scrub = store.scrub?.bind(store)
  const guard: Store = {
    limits: store.limits,
    open: () => answer(watch, 'store_unavailable', () => store.open()),
    read: (keys) => answer(watch, 'store_unavailable', () => store.read(keys)),
    scan: (prefix, options) =>
      answer(watch, 'store_unavailable', () => store.scan(prefix, options)),
    commit: (batch) => answer(watch, 'outcome_unknown', () => store.commit(batch)),
    close: () => answer(watch, 'store_unavailable', () => store.close()),
    ...(scrub === undefined ? {} : { scrub: () => answer(watch, 'store_unavailable', scrub) }),
  }
  guarded.add(guard)
  return guard
}

function answer<T>(watch: Watch, silence: Silence, call: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const pending: Pending = {
      until: performance.now() + PATIENCE,
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
    await systemClock().wait(TICK_MS)
    const now = performance.now()
    for (const pending of watch.pending) {
      if (pending.until > now) continue
      watch.pending.delete(pending)
      pending.giveUp()
    }
  }
  watch.watching = false
}
