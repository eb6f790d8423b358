import type { Store } from '../storage/store.ts'
import { batch, increment, numberedKey, numberIn, row } from './rows.ts'

/** Row that says how many entries `appendUntilKilled` has written. */
export const APPENDED = 'appended'
/** Row that `countTogether` counts in. */
export const COUNTED = 'counted'

/**
 * Writes one entry of two rows after the other, for ever, and tells the number of each as soon as
 * its commit has resolved. A process of its own runs this on an opened store until it is killed;
 * `acknowledge` must have left the process when it returns.
 */
export async function appendUntilKilled(
  store: Store,
  acknowledge: (entry: number) => void,
): Promise<never> {
  const [before] = await store.read([APPENDED])
  let entry = numberIn(before)
  let old = before ?? null
  for (;;) {
    entry += 1
    const next = row(APPENDED, String(entry))
    const put = [next, row(entryKey('a', entry), 'first'), row(entryKey('b', entry), 'second')]
    await store.commit(batch({ checks: [[APPENDED, old]], put }))
    acknowledge(entry)
    old = next[1]
  }
}

/** Adds one to a shared counter so many times; two processes run this on the same data at once. */
export async function countTogether(store: Store, times: number): Promise<void> {
  for (let turn = 0; turn < times; turn += 1) await increment(store, COUNTED)
}

/** Key of the first or second row of an entry. */
export function entryKey(half: 'a' | 'b', entry: number): string {
  return numberedKey(`${half}/`, entry)
}
