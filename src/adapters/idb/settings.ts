import { invalidInput } from '../../base/errors.ts'
import { membersOf } from '../../base/members.ts'

/** Settings of a store in IndexedDB. */
export interface IdbStoreOptions {
  /**
   * Asks the browser, at `open`, not to evict the data of this origin when room gets scarce. Some
   * browsers ask the person, others decide by themselves; windows can ask, workers cannot. What
   * came of it is in `detail` of the opened store. Default: `false`.
   */
  readonly persist?: boolean
}

/**
 * Reads the settings once.
 *
 * @throws {@link invalid_input}
 */
export function parseSettings(options: unknown): Required<IdbStoreOptions> {
  if (options === undefined) return { persist: false }
  const { persist = false } = membersOf(options, ['persist'], ['options'])
  if (typeof persist !== 'boolean') throw invalidInput(['options', 'persist'], 'not_a_setting')
  return { persist }
}

/**
 * The name as it was given.
 *
 * @throws {@link invalid_input} when it is no text or an empty one.
 */
export function parseName(name: unknown): string {
  if (typeof name === 'string' && name !== '') return name
  throw invalidInput(['name'], 'not_a_name')
}
