import type { People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import { headsBehind, openFenced } from './destroy.ts'
import type { ErasureDeps } from './erasure-deps.ts'
import { fencePerson } from './fence-person.ts'
import { incomplete } from './incomplete.ts'
import { advanceJob, findJob, type Job, type OpenJob, planOf, saveJob } from './job.ts'
import { requireKnownFloors } from './known-floors.ts'
import { groupsOf } from './leave-groups.ts'
import { liftFence } from './lift-fence.ts'
import { heldByMember, KEPT } from './partial/kept-group.ts'
import { isPartial } from './partial/partial-job.ts'
import { assertNothingKept, beginPartial } from './partial/partial-run.ts'

/** Who is told as soon as the fence stands. */
export interface FenceOptions {
  readonly onFenced?: (open: OpenJob) => void
}

/** Puts the fence; stored at once where nothing follows for a time. */
export async function fence(
  deps: ErasureDeps,
  open: OpenJob,
  { onFenced }: FenceOptions = {},
): Promise<OpenJob> {
  const { people } = deps.vault
  if (isPartial(open)) return beginPartial(deps.vault, open)
  if (open.job.isReplayed !== true) await requireKnownFloors(deps.vault)
  // Nothing was kept when it was planned just now, and behind the fence that is looked at again.
  if (open.sealed !== undefined) await assertNothingKept(deps, open)
  const { reason } = open.job
  const planHash = planOf(open.job).hash
  const stored = await fencePerson(people, open, { reason, planHash, mark: deps.journal?.seen })
  onFenced?.(stored)
  const person = stored.person ?? (await openFenced(people, open.job))
  await assertStillFree(deps, open.job, person)
  const { externalId } = person?.head ?? {}
  const fenced: Partial<Job> = {
    step: 'fenced',
    startedAt: people.now(),
    ...(externalId === undefined ? {} : { externalId }),
    ...groupsOf(stored.job, person?.head),
  }
  return open.job.graceUntil === undefined
    ? advanceJob(stored, fenced)
    : storeFenced(people, stored, fenced)
}

/** What came to be kept up to the moment of the fence; behind it, nothing is written any more. */
async function assertStillFree(
  deps: ErasureDeps,
  job: Job,
  person: Person | undefined,
): Promise<void> {
  if (person === undefined || job.isReplayed === true) return
  const { people } = deps.vault
  const heads = await headsBehind(people, job, person)
  // Another process was faster, and has destroyed it all.
  if (heads === undefined) return
  const kept = deps.keptOf(person, heads)
  const failing = kept.length > 0 ? KEPT : await heldByMember(people, job, person.head)
  if (failing === undefined) return
  await liftFence(people, job)
  throw incomplete(job, [failing])
}

/** Nothing follows for a time. Who was cancelled meanwhile must not stay behind a fence that nobody knows of. */
async function storeFenced(people: People, open: OpenJob, fenced: Partial<Job>): Promise<OpenJob> {
  try {
    return await saveJob(people.deps, open, fenced)
  } catch (error) {
    const now = await findJob(people.deps, open.job.erasureId)
    if (now === undefined || now.job.step === 'cancelled') await liftFence(people, open.job)
    throw error
  }
}
