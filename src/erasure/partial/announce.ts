import { isPrivityError } from '../../base/errors.ts'
import type { People } from '../../subjects/people.ts'
import { advanceJob, findJob, type OpenJob, saveJob } from '../job.ts'
import type { PartialJob } from './partial-job.ts'
import type { PartJournal } from './part-journal.ts'
import { isReplayedPart } from './plan-replayed.ts'

/** Tells the journal what hooks are told, before the first of them does anything. May be done again. */
export async function announceHooks(
  { people, journal }: { readonly people: People; readonly journal: PartJournal | undefined },
  open: PartialJob,
): Promise<OpenJob> {
  const { job } = open
  const { hookScope: hooks, announced } = job.partial
  const isKnown = announced !== undefined || isReplayedPart(job.partial)
  if (journal === undefined || hooks === undefined || job.hooks.length === 0 || isKnown) return open
  const entry = await journal.tell(job, { upTo: 0, items: [], hooks })
  return saveJob(people.deps, open, { partial: { ...job.partial, announced: entry } })
}

/**
 * A hook that fails must not keep somebody's data in the store that was erased before: it is tried again once that is
 * gone, without plaintext.
 */
export async function withoutWaiting(
  { deps }: People,
  { job }: OpenJob,
  run: () => Promise<OpenJob>,
): Promise<OpenJob> {
  try {
    return await run()
  } catch (error) {
    if (!isReplayedPart(job.partial) || !isPrivityError(error, 'erasure_incomplete')) throw error
    const open = await findJob(deps, job.erasureId)
    if (open === undefined) throw error
    return advanceJob(open, { step: 'read' })
  }
}
