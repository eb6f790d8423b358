import type { Row } from 'privity'
import type { Place } from './stores.ts'

/** Puts an older copy of all rows back, as a restored backup would. */
export async function setBack(place: Place, copy: readonly Row[]): Promise<void> {
  const store = place.store()
  await store.open()
  const kept = new Set(copy.map(([key]) => key))
  const del = (await place.rows()).map(([key]) => key).filter((key) => !kept.has(key))
  await store.commit({ checks: [], put: copy, del })
  await store.close()
}
