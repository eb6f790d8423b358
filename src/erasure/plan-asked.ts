import { canonicalJson } from '../base/canonical.ts'
import { isPrivityError, type PrivityError } from '../base/errors.ts'
import { hookBackoff } from './backoff.ts'
import { derivedId } from './derived-id.ts'
import { endOf } from './end-of.ts'
import type { ErasureDeps } from './erasure-deps.ts'
import { incomplete } from './incomplete.ts'
import { addJob, forgetJob, type Job, type OpenJob, openJob, saveJob } from './job.ts'
import { KEPT, UNREADABLE } from './partial/kept-group.ts'
import { planJob, planOpen } from './plan-job.ts'
import { perhapsStored } from './stopped.ts'

/**
 * Plans an erasure; the plan is not stored yet. What a hook could not plan is stored, to be gone on with once that is
 * back.
 *
 * @throws {@link erasure_incomplete} naming the hooks that could not plan
 */
export async function planAsked(deps: ErasureDeps, asked: Job): Promise<OpenJob> {
  try {
    return await planOpen(deps, asked)
  } catch (error) {
    throw isUnplanned(error) ? await keepAsked(deps, asked, error.details.failing) : error
  }
}

/** Plans and stores what could not be planned before. @throws {@link erasure_incomplete} */
export async function planKept(deps: ErasureDeps, open: OpenJob): Promise<OpenJob> {
  const { people } = deps.vault
  const { unplanned: _, ...asked } = open.job
  try {
    return await saveJob(people.deps, { ...open, job: await planJob(deps, asked) }, {})
  } catch (error) {
    // Left there, it would erase the person once nothing is kept any more, years after somebody asked for it.
    if (isRefused(error) && asked.isReplayed !== true) await forgetJob(people.deps, open)
    if (!isUnplanned(error)) throw error
    const { failing } = error.details
    const { job } = await saveJob(people.deps, open, failedBy(open.job, failing, people.now()))
    throw incomplete(job, failing)
  }
}

/** What was asked for in the same words and could not be planned: asking again goes on with it. */
export async function findAsked(deps: ErasureDeps, asked: Job): Promise<OpenJob | undefined> {
  // Without a hook, nothing fails to be planned.
  return deps.hooks.length === 0 ? undefined : (await placeOf(deps, asked)).open
}

/** Whether something that has to stay keeps an erasure from going on. Pure. */
export function isKept(error: unknown): boolean {
  return isPrivityError(error, 'erasure_incomplete') && error.details.failing.includes(KEPT)
}

function isUnplanned(error: unknown): error is PrivityError<'erasure_incomplete'> {
  return isPrivityError(error, 'erasure_incomplete') && !isRefused(error)
}

/** What is kept, or may be, is no hook that fails: nothing is stored of it. */
function isRefused(error: unknown): boolean {
  if (!isPrivityError(error, 'erasure_incomplete')) return false
  return isKept(error) || error.details.failing.includes(UNREADABLE)
}

async function keepAsked(
  deps: ErasureDeps,
  asked: Job,
  failing: readonly string[],
): Promise<unknown> {
  const { people } = deps.vault
  // A plan that was only to be shown is not found by asking again.
  const { erasureId, open } = asked.wanted === true ? await placeOf(deps, asked) : { ...asked }
  const job = { ...asked, erasureId, ...failedBy(asked, failing, people.now()) }
  try {
    if (open === undefined) await addJob(people.deps, job)
  } catch (error) {
    // Who asked for the same at the same time has stored it.
    if (!isPrivityError(error, 'write_conflict')) return perhapsStored(job, error)
  }
  return incomplete(job, failing)
}

function failedBy(
  { unplanned }: Job,
  hooks: readonly string[],
  now: number,
): Required<Pick<Job, 'unplanned'>> {
  const attempts = (unplanned?.attempts ?? 0) + 1
  return { unplanned: { hooks, attempts, at: now + hookBackoff(attempts) } }
}

interface AskedPlace {
  readonly erasureId: string
  readonly open?: OpenJob | undefined
}

/** Where an erasure is kept that could not be planned; each that came to its end leaves its id to its certificate. */
async function placeOf({ vault }: ErasureDeps, asked: Job): Promise<AskedPlace> {
  const { deps } = vault.people
  const { subjectId, reason, scope = null } = asked
  const name = `${subjectId}/asked/${reason}/${canonicalJson(scope)}`
  for (let nth = 0; ; nth += 1) {
    const erasureId = derivedId(`${name}/${nth}`)
    const [sealed] = await deps.store.read([deps.keyspace.job(erasureId)])
    if ((await endOf(deps, erasureId)) !== undefined) continue
    if (sealed === undefined) return { erasureId }
    const open = openJob(deps, erasureId, sealed)
    if (open.job.step !== 'cancelled') return { erasureId, open }
  }
}
