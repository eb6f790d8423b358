import * as z from 'zod/mini'
import { abortSignal } from '../base/abort-signal.ts'
import { callback } from '../base/callback.ts'
import { isPrivityError } from '../base/errors.ts'
import { ignoreThrown } from '../base/ignore-thrown.ts'
import { parseOptions } from '../base/parse-options.ts'
import type { People } from '../subjects/people.ts'
import { canGoOn } from './hook-step.ts'
import { forgetJob, type Job, type OpenJob } from './job.ts'
import { isLeased, LEASE } from './job-writer.ts'
import { liftFence } from './lift-fence.ts'
import { openJobs } from './open-jobs.ts'
import type { ErasureDeps } from './erasure-deps.ts'
import { isInGrace } from './grace.ts'
import { proceed } from './steps.ts'

/** How going on with what is due is watched and stopped. */
export interface WorkOptions {
  /** Stops between two steps, and during a hook as far as that lets itself be stopped. */
  readonly signal?: AbortSignal
  /** Called after each erasure that was looked at. What it throws is ignored. */
  readonly onProgress?: (counts: WorkCounts) => void
  /** How many erasures to go on with at most. Default: all that are due. */
  readonly limit?: number
}

/** What became of the erasures that were looked at. */
export interface WorkCounts {
  /** Certified. */
  readonly completed: number
  /** Ended without a certificate: cancelled, or another erasure has the person. */
  readonly cancelled: number
  /** Tried, and something is left. */
  readonly incomplete: number
  /** Nothing is due, or another process is at it. */
  readonly waiting: number
  /** Could not be tried. */
  readonly failed: number
}

type Outcome = keyof WorkCounts

const NOTHING: WorkCounts = { completed: 0, cancelled: 0, incomplete: 0, waiting: 0, failed: 0 }

const workOptions = z.strictObject({
  signal: abortSignal,
  onProgress: callback<WorkOptions['onProgress']>(),
  limit: z.optional(z.int().check(z.positive())),
})

/** Goes on with every erasure that is due now; one that cannot go on stops none of the others. */
export async function workOnErasures(deps: ErasureDeps, options: unknown): Promise<WorkCounts> {
  const parsed = parseOptions(workOptions, options)
  const { signal, onProgress, limit = Number.POSITIVE_INFINITY } = parsed
  let counts = NOTHING
  for await (const found of openJobs(deps.vault.people, signal)) {
    if ('outlived' in found) {
      // What was shown of somebody and never run names what is theirs in other systems.
      await forgetJob(deps.vault.people.deps, found.outlived).catch(() => undefined)
      continue
    }
    const outcome = 'error' in found ? 'failed' : await workOn(deps, found.open, signal)
    signal?.throwIfAborted()
    counts = Object.freeze({ ...counts, [outcome]: counts[outcome] + 1 })
    ignoreThrown(() => onProgress?.(counts))
    if (counts.completed + counts.cancelled + counts.incomplete + counts.failed >= limit) break
  }
  return counts
}

async function workOn(
  deps: ErasureDeps,
  open: OpenJob,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const { people } = deps.vault
  const { job } = open
  try {
    if (job.step === 'cancelled') {
      await liftFence(people, job)
      return 'cancelled'
    }
    if (!isDueNow(deps, job)) return 'waiting'
    await proceed(deps, open, { signal })
    return 'completed'
  } catch (error) {
    return await outcomeOf(people, open, error)
  }
}

/** What was asked for just now is at work in the process that was asked. */
function isDueNow({ vault, hooks }: ErasureDeps, job: Job): boolean {
  const now = vault.people.now()
  if (isInGrace(job, now) || isLeased(job, now)) return false
  // The process that was asked has given up for now.
  if (job.unplanned !== undefined) return now >= job.unplanned.at
  const isFresh = job.lease === undefined && now < job.plannedAt + LEASE
  return !isFresh && canGoOn(hooks, job, now)
}

async function outcomeOf({ deps }: People, open: OpenJob, error: unknown): Promise<Outcome> {
  if (isPrivityError(error, 'erasure_incomplete')) return 'incomplete'
  // Another process was faster, or the grace period had to begin with its fence.
  if (isPrivityError(error, 'write_conflict') || isPrivityError(error, 'invalid_transition'))
    return 'waiting'
  const { step } = open.job
  const hasBegun = step !== 'asked' && step !== 'planned'
  // A part of somebody who is erased as a whole meanwhile went with the rest.
  const isElsewhere = !hasBegun || open.job.partial !== undefined
  if (!isPrivityError(error, 'erased') || !isElsewhere) return 'failed'
  // Nothing came of it: the fence before the person is that of another erasure.
  await forgetJob(deps, open).catch(() => undefined)
  return 'cancelled'
}
