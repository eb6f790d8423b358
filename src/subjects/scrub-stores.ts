import { isPrivityError } from '../base/errors.ts'
import type { ScrubReport, Store } from '../storage/store.ts'
import type { PeopleDeps } from './people.ts'

/**
 * Overwrites what deleted rows left behind, in the key store as well. What could not be overwritten now remains,
 * and the report says so: undefined where nothing can be.
 */
export async function scrubStores({
  store,
  keyRows,
}: Pick<PeopleDeps, 'store' | 'keyRows'>): Promise<ScrubReport | undefined> {
  const reports = [
    await scrub(store),
    keyRows === undefined ? undefined : await scrub(keyRows.store),
  ]
  const known = reports.flatMap((report) => report ?? [])
  if (known.length === 0) return undefined
  return {
    cleared: [...new Set(known.flatMap(({ cleared }) => cleared))],
    remains: [...new Set(known.flatMap(({ remains }) => remains))],
  }
}

async function scrub(store: Store): Promise<ScrubReport | undefined> {
  try {
    return await store.scrub?.()
  } catch (error) {
    if (!isPrivityError(error)) throw error
    return { cleared: [], remains: ['not_scrubbed'] }
  }
}
