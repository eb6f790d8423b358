import { isPrivityError, PrivityError } from './errors.ts'

/** Runs something again while it loses against other writers. @throws what the last of the attempts threw */
export async function afterConflicts<T>(attempts: number, run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run()
    } catch (error) {
      if (!isPrivityError(error, 'write_conflict') || attempt === attempts) throw error
    }
  }
}

/**
 * Looks again while what was seen was changed before anything was done with it.
 *
 * @throws {@link write_conflict} when it was in every look
 */
export async function untilSteady<T>(looks: number, look: () => Promise<T | 'stale'>): Promise<T> {
  for (let made = 0; made < looks; made += 1) {
    const outcome = await look()
    if (outcome !== 'stale') return outcome
  }
  throw new PrivityError('write_conflict', { attempts: looks })
}
