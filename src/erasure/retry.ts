import * as z from 'zod/mini'
import { PrivityError } from '../base/errors.ts'
import { parseInput } from '../base/parse.ts'
import { afterConflicts } from '../base/tries.ts'
import type { PeopleDeps } from '../subjects/people.ts'
import { stateOf, withStates } from './hook-progress.ts'
import { findJob, hooksOf, type Job, saveJob } from './job.ts'

/** Whose items are to be tried again. */
export interface RetryAsk {
  /** Id of the hook whose dead items are tried again. */
  readonly hook: string
}

const ATTEMPTS = 8
const retryAsk = z.strictObject({ hook: z.string() })

/** Makes the dead items of a hook, those that wait, and what it could not plan due at once, as if never tried. */
export async function retryHook(deps: PeopleDeps, erasureId: string, ask: unknown): Promise<void> {
  const { hook } = parseInput(retryAsk, ask)
  await afterConflicts(ATTEMPTS, async () => {
    const open = await findJob(deps, erasureId)
    if (open === undefined) throw new PrivityError('not_found', { kind: 'erasure' })
    const change = revived(open.job, hook)
    if (change !== undefined) await saveJob(deps, open, change)
  })
}

/** @throws {@link not_found} when the hook is not part of the erasure */
function revived(job: Job, hook: string): Partial<Job> | undefined {
  const { unplanned } = job
  if (unplanned?.hooks.includes(hook) === true)
    return { unplanned: { ...unplanned, attempts: 0, at: 0 } }
  const planned = hooksOf(job).find((candidate) => candidate.hook === hook)
  if (planned === undefined) throw new PrivityError('not_found', { kind: 'hook' })
  const asleep = planned.items.flatMap((_, position) => {
    const state = stateOf(job, hook, position)?.state
    return state === 'dead' || state === 'waiting' ? [[position, undefined] as const] : []
  })
  return asleep.length === 0 ? undefined : withStates(job, hook, asleep)
}
