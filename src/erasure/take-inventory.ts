import { sameBytes } from '../base/bytes.ts'
import { isGone } from '../subjects/gone.ts'
import type { People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import { countRows, listRows, type Listed } from './inventory.ts'
import { incomplete } from './incomplete.ts'
import type { Job } from './job.ts'
import { countLostRows, isLost } from './lost.ts'
import { mayBeUnreadable, UNREADABLE } from './partial/kept-group.ts'
import type { Inventory } from './plan.ts'

/** What there is of a person; without the person, who cannot be opened, only what shows from outside. */
export interface Taken {
  readonly person: Person | undefined
  readonly inventory: Inventory
  readonly listed?: Listed
}

/** One more than anybody needs who is not written all the time. */
const LOOKS = 50

/**
 * Whoever cannot be opened can still be erased, where that was asked for. In an older copy of the store there may be
 * nobody at all.
 *
 * @throws {@link erasure_incomplete} naming `privity:unreadable`
 */
export async function takeInventory(people: People, job: Job): Promise<Taken> {
  try {
    return await takeOpened(people, job.subjectId)
  } catch (error) {
    // Registered later than the copy was made, or fenced already in a key store that is no older copy.
    if (!isLost(error) && !(job.isReplayed === true && isGone(error))) throw error
    // Whoever damages a document for a moment must not have a hold in it fall.
    if (!mayBeUnreadable(job)) throw incomplete(job, [UNREADABLE])
    return { person: undefined, inventory: await countLostRows(people.deps, job.subjectId) }
  }
}

/** Rows are read after the document that says how to open them: what was written meanwhile is looked at again. */
async function takeOpened(people: People, subjectId: string): Promise<Taken> {
  for (let look = 1; ; look += 1) {
    const { person } = await people.read(subjectId)
    try {
      const rows = await listRows(people, person)
      const listed = { document: person.document, rows }
      return { person, inventory: countRows(person, rows), listed }
    } catch (error) {
      const { person: now } = await people.read(subjectId)
      if (look === LOOKS || sameBytes(now.document, person.document)) throw error
    }
  }
}
