import { isPrivityError } from '../../base/errors.ts'
import type { Journal } from '../../journal/journal.ts'
import type { JournalKind, JournalNote } from '../../journal/journal-entry.ts'
import { incomplete } from '../incomplete.ts'
import { type Job, planOf } from '../job.ts'

/** Tells the journal of erasures; without a journal, nobody. */
export interface Journaling {
  /**
   * Before anything is destroyed.
   *
   * @throws {@link erasure_incomplete} when the journal does not have it for certain
   */
  begin(job: Job): Promise<void>
  /** Once the certificate is stored: what the journal does not hear of now, it is told when the store is opened. */
  end(job: Job): Promise<void>
  /** Moves the mark of the store on, if it holds all that the journal says. */
  settle(): Promise<void>
}

/** Name of the journal among what an erasure may fail at. */
const NAME = 'privity:journal'
/** Erasures after which the mark of the store moves on: what an opening has to look at stays bounded. */
const OFTEN = 1_000

/** Journaling of one instance. */
export function createJournaling(
  journal: Pick<Journal, 'append'>,
  { settle, now }: { readonly settle: () => Promise<void>; readonly now: () => number },
): Journaling {
  let ended = 0
  return {
    begin: async (job) => {
      // The journal is where it comes from.
      if (job.isReplayed === true) return
      try {
        await journal.append(noteOf(job, 'intent', now()))
      } catch (error) {
        if (isPrivityError(error)) throw incomplete(job, [NAME])
        throw error
      }
    },
    end: async (job) => {
      if (job.isReplayed === true) return
      await quietly(() => journal.append(noteOf(job, 'completed', now())))
      ended += 1
      if (ended % OFTEN === 0) await quietly(settle)
    },
    settle: () => quietly(settle),
  }
}

function noteOf(job: Job, kind: JournalKind, at: number): JournalNote {
  const { erasureId, subjectId, suppress } = job
  return {
    kind,
    erasureId,
    subjectId,
    scope: 'all',
    planHash: job.inventory === undefined ? '' : planOf(job).hash,
    at,
    ...(suppress === undefined ? {} : { suppress }),
  }
}

/** The certificate is stored and the intent is in the journal: an erasure that is complete has not failed. */
async function quietly(run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (!isPrivityError(error)) throw error
  }
}
