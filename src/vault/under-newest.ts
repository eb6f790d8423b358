import { isPrivityError } from '../base/errors.ts'
import type { Lookups } from './lookups.ts'

/**
 * Runs what writes rows of lookups; again each time that another process started a generation of their keys
 * meanwhile. The commit was refused then, so that provably nothing of it was applied.
 */
export async function underNewest<T>(
  lookups: Pick<Lookups, 'refresh' | 'version'>,
  run: () => Promise<T>,
): Promise<T> {
  for (;;) {
    const { version } = lookups
    try {
      return await run()
    } catch (error) {
      // Somebody else in this process may have learnt of the generation already.
      const isOutrun =
        isPrivityError(error, 'write_conflict') &&
        ((await lookups.refresh()) || lookups.version !== version)
      if (!isOutrun) throw error
    }
  }
}
