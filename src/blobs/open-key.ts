import { isPrivityError } from '../base/errors.ts'
import type { ClassKey } from '../keys/class-key.ts'
import type { RingEntry } from '../keys/key-ring.ts'
import type { PeopleDeps } from '../subjects/people.ts'

/**
 * A person's key, also of an epoch that another process started.
 *
 * @throws {@link key_unavailable} · @throws {@link key_unreadable}
 */
export function openKey(
  { keys }: Pick<PeopleDeps, 'keys'>,
  personId: string,
  entry: RingEntry,
): Promise<ClassKey> {
  return keys.meet(async () => {
    try {
      return keys.open(personId, entry)
    } catch (error) {
      // A provider that was down, or a class that was withheld, may have come back since.
      if (!isPrivityError(error, 'key_unavailable')) throw error
      await keys.load([entry])
      return keys.open(personId, entry)
    }
  })
}
