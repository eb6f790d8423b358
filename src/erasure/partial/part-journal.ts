import type { ErasedPart } from '../../journal/erased-part.ts'
import type { Job } from '../job.ts'

/** What a journal is told of a part of a person, and says of it again. */
export interface PartJournal {
  /**
   * Before it goes; resolves to the number of the entry.
   *
   * @throws {@link erasure_incomplete} when the journal does not have it for certain
   * @throws {@link journal_diverged} when it lacks what it had
   * @throws {@link invalid_input} for more than an entry takes
   */
  tell(job: Job, part: ErasedPart): Promise<number>
  /** What it was told. @throws {@link journal_diverged} */
  told(entries: readonly number[]): Promise<readonly ErasedPart[]>
}
