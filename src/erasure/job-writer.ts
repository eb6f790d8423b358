import { isPrivityError, PrivityError } from '../base/errors.ts'
import type { People, PeopleDeps } from '../subjects/people.ts'
import { findJob, type Job, type Lease, type OpenJob, saveJob } from './job.ts'

/** Writes the state of one job, one change after the other, while nobody else runs its hooks. */
export interface JobWriter {
  /** As it was stored last. */
  readonly job: Job
  /**
   * Stores a change, and keeps the lease. What somebody else changed meanwhile stays.
   *
   * @throws {@link write_conflict} when the lease ran out and another process went on
   */
  update(change: (job: Job) => Partial<Job>): Promise<void>
  /** Stores a last change; the lease stays for what the holder does next. */
  finish(change: Partial<Job>): Promise<OpenJob>
}

/**
 * Longer than a process can be silent that lives: each call of a hook takes 30 seconds at most, two of them
 * lie between two writes, and every write begins the lease anew. Milliseconds.
 */
export const LEASE = 120_000

const ATTEMPTS = 8

/** Whether another process runs the hooks of a job now. Pure. */
export function isLeased({ lease }: Job, now: number): boolean {
  // Further away than a lease can be, it is the time of a clock that was wrong.
  return lease !== undefined && now < lease.until && lease.until <= now + 2 * LEASE
}

/**
 * Takes the lease of a job and stores the job with it.
 *
 * @throws {@link write_conflict} while another process has it
 */
export async function leaseJob(
  { deps, now }: People,
  start: OpenJob,
  holder: string,
): Promise<JobWriter> {
  const lease = (): { readonly lease: Lease } => ({ lease: { holder, until: now() + LEASE } })
  let open = await takeLease({ deps, now }, start, holder)
  let queue: Promise<unknown> = Promise.resolve()
  function enqueue(change: (job: Job) => Partial<Job>): Promise<void> {
    const turn = queue.then(async () => {
      open = await saveAgain(deps, { open, holder }, change)
    })
    // One change that could not be stored keeps nobody from trying the next.
    queue = turn.catch(() => undefined)
    return turn
  }
  return {
    get job() {
      return open.job
    },
    update: (change) => enqueue((job) => ({ ...change(job), ...lease() })),
    finish: async (change) => {
      await enqueue(() => ({ ...change, ...lease() }))
      return open
    },
  }
}

/**
 * Takes the lease of a job: from then on it cannot be cancelled.
 *
 * @throws {@link write_conflict} while another process has it
 */
export async function takeLease(
  { deps, now }: Pick<People, 'deps' | 'now'>,
  start: OpenJob,
  holder: string,
): Promise<OpenJob> {
  const isMine = start.job.lease?.holder === holder
  if (!isMine && isLeased(start.job, now()))
    throw new PrivityError('write_conflict', { attempts: 1 })
  return saveJob(deps, start, { lease: { holder, until: now() + LEASE } })
}

/** Gives the lease back, if it was taken and can be: else it runs out. */
export async function returnLease(
  { deps }: People,
  { erasureId }: Job,
  holder: string,
): Promise<void> {
  try {
    const open = await findJob(deps, erasureId)
    if (open?.job.lease?.holder === holder)
      await saveJob(deps, open, { lease: { holder, until: 0 } })
  } catch {
    // Why it failed is told by what went wrong before.
  }
}

/** Dead items are brought back, and a grace period ends, without the lease: that is no reason to stop. */
async function saveAgain(
  deps: PeopleDeps,
  { open, holder }: { readonly open: OpenJob; readonly holder: string },
  change: (job: Job) => Partial<Job>,
): Promise<OpenJob> {
  let before = open
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await saveJob(deps, before, change(before.job))
    } catch (error) {
      if (!isPrivityError(error, 'write_conflict') || attempt === ATTEMPTS) throw error
      const found = await findJob(deps, before.job.erasureId)
      if (found?.job.lease?.holder !== holder) throw error
      before = found
    }
  }
}
