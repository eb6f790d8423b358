import { canonicalBytes, type JsonObject } from '../../base/canonical.ts'
import { invalidInput, isPrivityError, PrivityError } from '../../base/errors.ts'
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
   * @throws {@link journal_diverged} when it lacks what it had
   */
  begin(job: Job): Promise<void>
  /**
   * Before a part is certified: its end names entries by their numbers, also what a process told that is gone.
   *
   * @throws {@link journal_diverged} when one is missing, or of another erasure
   */
  confirm(job: Job): Promise<void>
  /** Once the certificate is stored: what the journal does not hear of now, it is told when the store is opened. */
  end(job: Job): Promise<void>
  /** Moves the mark of the store on, if it holds all that the journal says. */
  settle(): Promise<void>
  /** Says in the store how far the journal goes, in a commit of its own: for what no other commit says it of. */
  remember(): Promise<void>
}

/** What journaling does in the store, and the time. */
interface JournalingWork extends Pick<Journaling, 'settle' | 'remember'> {
  now(): number
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
  { settle, remember, now }: JournalingWork,
): Journaling {
  let ended = 0
  /** Of parts, told by this instance: these are there. */
  const own = new Set<number>()
  async function append(job: Job, part?: ErasedPart): Promise<number> {
    try {
      const about = part === undefined ? {} : { part }
      return await journal.append({ ...noteOf(job, 'intent', now()), ...about })
    } catch (error) {
      // Nobody mends that by trying again.
      if (!isPrivityError(error) || isPrivityError(error, 'journal_diverged')) throw error
      throw incomplete(job, [NAME])
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
      const entry = await append(job, part)
      own.add(entry)
      return entry
    },
    told: async (numbers) => {
      const entries = await journal.entries(numbers)
      return entries.flatMap(({ part }) => part ?? [])
    },
    confirm: async (job) => {
      if (job.isReplayed === true) return
      const entries = await journal.entries(numbersOf(job).filter((entry) => !own.has(entry)))
      const other = entries.find(({ erasureId }) => erasureId !== job.erasureId)
      if (other !== undefined)
        throw new PrivityError('journal_diverged', { reason: 'head', seq: other.seq - 1 })
    },
    end: async (job) => {
      for (const entry of numbersOf(job)) own.delete(entry)
      if (job.isReplayed === true) return
      await quietly(async () => {
        await journal.append({ ...noteOf(job, 'completed', now()), ...partsOf(job) })
      })
      ended += 1
      if (ended % OFTEN === 0) await quietly(settle)
    },
    settle: () => quietly(settle),
    // Why an erasure failed is told by what went wrong before.
    remember: () => remember().catch(() => undefined),
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

function partsOf(job: Job): Pick<JournalNote, 'parts'> {
  return job.partial === undefined ? {} : { parts: numbersOf(job) }
}

/** What the journal was told and did not happen, because something came to be kept, is not among it. */
function numbersOf({ partial, found }: Job): readonly number[] {
  const announced = partial?.announced === undefined ? [] : [partial.announced]
  return [...announced, ...(found?.parts ?? [])]
}

/** The certificate is stored and the intent is in the journal: an erasure that is complete has not failed. */
async function quietly(run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (!isPrivityError(error)) throw error
  }
}
