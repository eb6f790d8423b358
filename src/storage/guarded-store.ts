import type { StoreFailure } from '../base/errors.ts'
import type { Store } from './store.ts'
import { createWatchdog } from './watchdog.ts'

const guarded = new WeakSet<Store>()

/**
 * The edge between an adapter and everything else: errors are typed, and nothing hangs. A commit that ends in
 * an error of the adapter's own, or in silence, may have been applied.
 */
export function guardStore(store: Store, of?: StoreFailure['store']): Store {
  if (guarded.has(store)) return store
  const answer = createWatchdog({ of })
  const scrub = store.scrub?.bind(store)
  const guard: Store = {
    limits: store.limits,
    open: () => answer('store_unavailable', () => store.open()),
    read: (keys) => answer('store_unavailable', () => store.read(keys)),
    scan: (prefix, options) => answer('store_unavailable', () => store.scan(prefix, options)),
    commit: (batch) => answer('outcome_unknown', () => store.commit(batch)),
    close: () => answer('store_unavailable', () => store.close()),
    ...(scrub === undefined ? {} : { scrub: () => answer('store_unavailable', scrub) }),
  }
  guarded.add(guard)
  return guard
}
