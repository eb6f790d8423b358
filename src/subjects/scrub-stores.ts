import { isPrivityError } from '../base/errors.ts'
import { createNextRun } from '../base/next-run.ts'
import type { ScrubReport, Store } from '../storage/store.ts'
import type { PeopleDeps } from './people.ts'

/** As a certificate says it of a store that is alone. */
const NOT_SUPPORTED: readonly string[] = ['not_supported_by_the_store']
const shared = new WeakMap<Store, () => Promise<ScrubReport | undefined>>()

/**
 * Overwrites what deleted rows left behind, in the key store as well. What could not be overwritten now remains,
 * and the report says so, also of one of two stores that cannot do it at all: undefined where none of them can.
 */
export async function scrubStores({
  store,
  keyRows,
}: Pick<PeopleDeps, 'store' | 'keyRows'>): Promise<ScrubReport | undefined> {
  const stores = keyRows === undefined ? [store] : [store, keyRows.store]
  const reports: (ScrubReport | undefined)[] = []
  for (const each of stores) reports.push(await scrub(each))
  const known = reports.flatMap((report) => report ?? [])
  if (known.length === 0) return undefined
  return {
    cleared: [...new Set(known.flatMap(({ cleared }) => cleared))],
    remains: [...new Set(reports.flatMap((report) => report?.remains ?? NOT_SUPPORTED))],
  }
}

/** Of people who are erased together, one scrub serves all: it costs as much as the store is large. */
function scrub(store: Store): Promise<ScrubReport | undefined> {
  const run = shared.get(store) ?? createNextRun(() => scrubOnce(store))
  shared.set(store, run)
  return run()
}

async function scrubOnce(store: Store): Promise<ScrubReport | undefined> {
  try {
    return await store.scrub?.()
  } catch (error) {
    if (!isPrivityError(error)) throw error
    return { cleared: [], remains: ['not_scrubbed'] }
  }
}
