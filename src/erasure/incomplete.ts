import { PrivityError } from '../base/errors.ts'
import { unfinishedOf } from './hook-progress.ts'
import type { Job } from './job.ts'

/** The error of an erasure that is not at its end. */
export function incomplete(job: Job, failing: readonly string[]): PrivityError {
  const { erasureId } = job
  const hooks = unfinishedOf(job)
  return new PrivityError('erasure_incomplete', {
    erasureId,
    failing,
    ...(hooks.length === 0 ? {} : { hooks }),
  })
}
