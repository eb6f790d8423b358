import { type ErrorCode, isPrivityError } from '../base/errors.ts'
import type { PeopleDeps } from '../subjects/people.ts'
import { incomplete } from './incomplete.ts'
import { forgetJob, type Job, type OpenJob } from './job.ts'

/** Name of a store that was closed in the middle, among what is left. */
const CLOSED = 'privity:closed'
/** They say themselves how the erasure stands, or that somebody has to look before anything goes on. */
const TELLING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'erasure_incomplete',
  'erased',
  'invalid_transition',
  'journal_diverged',
  'ledger_inconsistent',
  'replay_required',
  'store_corrupt',
])
/** The asker was refused, and not kept waiting by a system that fails. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'policy_outdated',
  'erased',
  'not_found',
  'invalid_input',
])
/** What they say of a write is true of the last one only. */
const OF_LAST_WRITE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'store_closed',
  'store_unavailable',
  'store_full',
  'outcome_unknown',
])

/** What is told of an erasure of which something is stored, by an error that names it and what stopped it. Pure. */
export function stopped(job: Job, error: unknown): unknown {
  if (!isPrivityError(error) || TELLING.has(error.code)) return error
  return incomplete(job, [nameOf(error.code)])
}

/** The same for whoever has its id: of everything else, the error itself says more. Pure. */
export function stoppedAgain({ job }: OpenJob, error: unknown): unknown {
  return isPrivityError(error) && OF_LAST_WRITE.has(error.code) ? stopped(job, error) : error
}

/** What may have been stored is told by its id. Pure. */
export function perhapsStored(job: Job, error: unknown): unknown {
  return isPrivityError(error, 'outcome_unknown') ? stopped(job, error) : error
}

/**
 * What the asker of a new erasure is told. What was refused is forgotten before it is at work, or `work` would carry it
 * out later.
 */
export async function stoppedAtFirst(
  deps: PeopleDeps,
  open: OpenJob,
  error: unknown,
): Promise<unknown> {
  if (!isPrivityError(error)) return error
  const { job, sealed } = open
  if (sealed === undefined) return perhapsStored(job, error)
  const isAtWork = job.step !== 'asked' && job.step !== 'planned'
  if (!isAtWork && REFUSALS.has(error.code) && (await isForgotten(deps, open))) return error
  // Whoever asked for a part goes on with no other erasure, and this one may outlive that.
  const isOwn = error.code === 'erased' && job.scope !== undefined
  return isOwn ? incomplete(job, [nameOf(error.code)]) : stopped(job, error)
}

function nameOf(code: ErrorCode): string {
  return code === 'store_closed' ? CLOSED : `privity:${code}`
}

async function isForgotten(deps: PeopleDeps, open: OpenJob): Promise<boolean> {
  try {
    await forgetJob(deps, open)
    return true
  } catch {
    return false
  }
}
