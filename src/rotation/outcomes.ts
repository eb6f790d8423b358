import { isPrivityError } from '../base/errors.ts'
import { isUnreadable } from '../subjects/unreadable.ts'

/** A row that should be there is not: the database itself says that it is damaged in other words. */
const MISSING = 'missing_'

/** Whether an error says that stored bytes do not open. */
export function isUnreadableOrMissing(error: unknown): boolean {
  if (isPrivityError(error, 'store_corrupt')) return error.details.reason.startsWith(MISSING)
  return isUnreadable(error)
}

/** Waits for all of them, and only then fails with the first that did: nothing goes on behind the caller's back. */
export async function allOf<T>(running: readonly Promise<T>[]): Promise<readonly T[]> {
  const settled = await Promise.allSettled(running)
  return settled.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })
}
