import { randomId } from '../base/id.ts'
import { headsBehind, openFenced } from './destroy.ts'
import type { ErasureDeps } from './erasure-deps.ts'
import { incomplete } from './incomplete.ts'
import { findJob, type OpenJob, saveJob } from './job.ts'
import { requireKnownFloors } from './known-floors.ts'
import { liftFence } from './lift-fence.ts'
import { KEPT } from './partial/kept-group.ts'

/**
 * Asks once more what has to be kept of somebody who has been behind a fence for a time: a newer policy may have a law
 * that the one before did not. Then the fence is lifted, and another erasure takes the place of this one, which leaves
 * what has to stay; resolves to that, and to nothing where nothing is kept.
 *
 * @throws {@link policy_outdated}
 * @throws {@link erasure_incomplete} naming `privity:kept` where somebody was shown the plan
 */
export async function replanKept(deps: ErasureDeps, open: OpenJob): Promise<OpenJob | undefined> {
  const { people } = deps.vault
  const { job } = open
  if (job.isReplayed === true || job.partial !== undefined) return undefined
  await requireKnownFloors(deps.vault)
  if (mayBeTold(deps, open) || !(await isKeptNow(deps, open))) return undefined
  const { reason, plannedAt, wanted } = job
  const instead = { erasureId: randomId(), reason, plannedAt }
  // From here on nobody goes on with it, and whoever finds it lifts its fence.
  const cancelled = await saveJob(people.deps, open, {
    step: 'cancelled',
    ...(wanted === true ? { instead } : {}),
  })
  await liftFence(people, cancelled.job)
  const again = wanted === true ? await findJob(people.deps, instead.erasureId) : undefined
  if (again === undefined) throw incomplete(job, [KEPT])
  return again
}

async function isKeptNow({ vault, keptOf }: ErasureDeps, { job }: OpenJob): Promise<boolean> {
  const { people } = vault
  const person = await openFenced(people, job)
  if (person === undefined) return false
  const heads = await headsBehind(people, job, person)
  return heads !== undefined && keptOf(person, heads).length > 0
}

/** What the journal knows of is destroyed again in every copy, and who has left a group is not put back: see `storeBegun`. */
function mayBeTold({ journal }: ErasureDeps, { job }: OpenJob): boolean {
  const { graceUntil, lease, groups = [] } = job
  const isOutside = journal !== undefined || groups.length > 0
  return isOutside && (graceUntil === undefined || lease !== undefined)
}
