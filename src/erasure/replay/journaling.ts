import { canonicalBytes, type JsonObject } from '../../base/canonical.ts'
import { invalidInput, isPrivityError } from '../../base/errors.ts'
import type { ErasedPart } from '../../journal/erased-part.ts'
import type { Journal } from '../../journal/journal.ts'
import type { JournalKind, JournalNote } from '../../journal/journal-entry.ts'
import { incomplete } from '../incomplete.ts'
import { type Job, planOf } from '../job.ts'
import type { PartJournal } from '../partial/part-journal.ts'

/** Tells the journal of erasures; without a journal, nobody. */
export interface Journaling extends PartJournal {
  /**
   * Before anything of a whole person is destroyed.
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
/** Of what one entry says of a part: a page of entries is in memory at a time. */
const MAX_PART_BYTES = 65_536

/** Journaling of one instance. */
export function createJournaling(
  journal: Pick<Journal, 'append' | 'entries'>,
  { settle, now }: { readonly settle: () => Promise<void>; readonly now: () => number },
): Journaling {
  let ended = 0
  async function append(job: Job, part?: ErasedPart): Promise<number> {
    try {
      const about = part === undefined ? {} : { part }
      return await journal.append({ ...noteOf(job, 'intent', now()), ...about })
    } catch (error) {
      if (isPrivityError(error)) throw incomplete(job, [NAME])
      throw error
    }
  }
  return {
    begin: async (job) => {
      // The journal is where it comes from.
      if (job.isReplayed !== true) await append(job)
    },
    tell: async (job, part) => {
      const { length } = canonicalBytes(part.items as unknown as JsonObject)
      if (length > MAX_PART_BYTES) throw invalidInput(['part'], 'too_long')
      return append(job, part)
    },
    told: async (numbers) => {
      const entries = await journal.entries(numbers)
      return entries.flatMap(({ part }) => part ?? [])
    },
    end: async (job) => {
      if (job.isReplayed === true) return
      await quietly(async () => {
        await journal.append({ ...noteOf(job, 'completed', now()), ...partsOf(job) })
      })
      ended += 1
      if (ended % OFTEN === 0) await quietly(settle)
    },
    settle: () => quietly(settle),
  }
}

function noteOf(job: Job, kind: JournalKind, at: number): JournalNote {
  const { erasureId, subjectId, suppress, groups, partial, inventory } = job
  const isPlanned = inventory !== undefined || partial !== undefined
  return {
    kind,
    erasureId,
    subjectId,
    scope: partial === undefined ? 'all' : 'part',
    planHash: isPlanned ? planOf(job).hash : '',
    at,
    ...(suppress === undefined ? {} : { suppress }),
    ...(groups === undefined || partial !== undefined ? {} : { groups }),
  }
}

/** What the journal was told and did not happen, because something came to be kept, is not among it. */
function partsOf({ partial, found }: Job): Pick<JournalNote, 'parts'> {
  if (partial === undefined) return {}
  const announced = partial.announced === undefined ? [] : [partial.announced]
  return { parts: [...announced, ...(found?.parts ?? [])] }
}

/** The certificate is stored and the intent is in the journal: an erasure that is complete has not failed. */
async function quietly(run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (!isPrivityError(error)) throw error
  }
}
