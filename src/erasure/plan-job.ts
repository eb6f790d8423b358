import type { ErasureDeps } from './erasure-deps.ts'
import { hookContexts } from './hook-context.ts'
import type { Job, OpenJob } from './job.ts'
import { groupsOf } from './leave-groups.ts'
import { planPartialJob } from './partial/partial-run.ts'
import { planHooks } from './plan-hooks.ts'
import { planReferences } from './references/references.ts'
import { type Taken, takeInventory } from './take-inventory.ts'

/** Lists what there is and asks every hook; nothing is destroyed before all have answered. */
export async function planJob(deps: ErasureDeps, job: Job): Promise<Job> {
  return (await planOpen(deps, job)).job
}

/** The plan of a job that is not stored yet, with what was listed for it. */
export async function planOpen(deps: ErasureDeps, job: Job): Promise<OpenJob> {
  const isPart = job.scope !== undefined || job.partial !== undefined
  // One look at the person tells what there is, and what of it is kept.
  const taken = isPart ? undefined : await takeInventory(deps.vault.people, job)
  const partial = await planPartialJob(deps, job, taken?.person)
  if (partial !== undefined) return { job: await planReferences(deps, partial), sealed: undefined }
  const { listed, ...found } = taken ?? (await takeInventory(deps.vault.people, job))
  const planned = await planWhole(deps, job, found)
  return { job: planned, sealed: undefined, ...(listed === undefined ? {} : { listed }) }
}

async function planWhole(
  deps: ErasureDeps,
  job: Job,
  { person, inventory }: Pick<Taken, 'person' | 'inventory'>,
): Promise<Job> {
  const { vault, hooks } = deps
  const { erasureId, subjectId } = job
  const { externalId } = person?.head ?? {}
  const contexts = hookContexts(vault, {
    erasureId,
    subjectId,
    externalId,
    person,
    signal: undefined,
  })
  const planned = await planHooks(hooks, contexts).finally(contexts.revoke)
  const suppress = externalId === undefined ? undefined : await deps.suppression.tokenOf(externalId)
  const remembered = suppress === undefined ? {} : { suppress }
  const told = { ...remembered, ...groupsOf(job, person?.head) }
  return planReferences(deps, { ...job, ...told, inventory, hooks: planned, step: 'planned' })
}
