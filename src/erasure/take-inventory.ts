import { sameBytes } from '../base/bytes.ts'
import { isPrivityError } from '../base/errors.ts'
import type { People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import { countRows, listRows, type Listed } from './inventory.ts'
import type { Job } from './job.ts'
import { countLostRows, isLost } from './lost.ts'
import type { Inventory } from './plan.ts'

/** What there is of a person; without the person, who cannot be opened, only what shows from outside. */
export interface Taken {
  readonly person: Person | undefined
  readonly inventory: Inventory
  readonly listed?: Listed
}

/** One more than anybody needs who is not written all the time. */
const LOOKS = 50

/** Whoever cannot be opened can still be erased. In an older copy of the store there may be nobody at all. */
export async function takeInventory(people: People, job: Job): Promise<Taken> {
  try {
    return await takeOpened(people, job.subjectId)
  } catch (error) {
    if (!isLost(error) && !(job.isReplayed === true && isAbsent(error))) throw error
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

/** Registered later than the copy was made, or fenced already in a key store that is no older copy. */
function isAbsent(error: unknown): boolean {
  return isPrivityError(error, 'not_found') || isPrivityError(error, 'erased')
}
