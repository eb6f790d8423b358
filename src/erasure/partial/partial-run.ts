import { isPrivityError } from '../../base/errors.ts'
import type { Person } from '../../subjects/person.ts'
import { isUnreadable } from '../../subjects/unreadable.ts'
import { readHeads } from '../../vault/record-heads.ts'
import { requireNewest } from '../../vault/require-newest.ts'
import type { Vault } from '../../vault/vault.ts'
import type { ErasureHook } from '../hook.ts'
import { incomplete } from '../incomplete.ts'
import { advanceJob, forgetJob, type Job, type OpenJob } from '../job.ts'
import { ruleOf } from '../scope.ts'
import type { Kept, Rule } from '../selection.ts'
import { eraseSelected } from './erase-selected.ts'
import { KEPT, mayBeUnreadable, requireFreeMembers, UNREADABLE } from './kept-group.ts'
import type { PartialDeps } from './partial-deps.ts'
import type { PartialJob } from './partial-job.ts'
import { planPartHooks } from './plan-part-hooks.ts'
import { leftOutOf, planPartial } from './plan-partial.ts'
import { isReplayedPart, planReplayed } from './plan-replayed.ts'
import type { PartialState } from './state.ts'
import type { PartialFindings } from './findings.ts'
import { verifyPartial } from './verify-partial.ts'

/** What planning it needs. */
type PlanningDeps = PartialDeps & { readonly hooks: readonly ErasureHook[] }

/** Name of our own rows among what may be left. */
export const ROWS = 'privity:rows'
/** Name of our own keys among them. */
export const KEYS = 'privity:keys'

/** The partial erasure that was asked for, or that is all that may be done of a whole one; undefined otherwise. */
async function preparePartial(
  deps: PlanningDeps,
  job: Job,
  person: Person | undefined,
): Promise<PartialState | undefined> {
  const { subjectId, scope, isReplayed } = job
  if (scope !== undefined)
    return planPartial({ ...deps, subjectId, rule: ruleOf(deps.vault.policy, scope) })
  const kept = isReplayed === true ? [] : await keptNow(deps, job, person)
  if (kept.length === 0) return undefined
  return planPartial({ ...deps, subjectId, rule: { kind: 'all' } })
}

/** The plan of a job that erases a part of a person, hooks included; undefined for one that erases all. */
export async function planPartialJob(
  deps: PlanningDeps,
  job: Job,
  person: Person | undefined,
): Promise<Job | undefined> {
  if (isReplayedPart(job.partial)) return planReplayed(deps, job, job.partial)
  await assertNoMemberHeld(deps.vault, job, person)
  const partial = await preparePartial(deps, job, person)
  return partial === undefined ? undefined : planPartHooks(deps, job, partial)
}

/** The plan of a job that erases what a rule selects; undefined when that is nothing now. */
export async function planRuleJob(
  deps: PlanningDeps,
  job: Job,
  rule: Rule,
): Promise<Job | undefined> {
  await assertNoMemberHeld(deps.vault, job, undefined)
  const partial = await planPartial({ ...deps, subjectId: job.subjectId, rule })
  const isTaking = partial.items.some(({ action }) => action === 'delete')
  return isTaking ? planPartHooks(deps, job, partial) : undefined
}

/**
 * Begins: from here on the job holds the app's own id, for hooks. Without a fence, the person stays in use.
 *
 * @throws {@link erasure_incomplete} naming `privity:kept` for a group that a member came to keep since
 * @throws {@link policy_outdated}
 */
export async function beginPartial(vault: Vault, open: PartialJob): Promise<OpenJob> {
  const { people } = vault
  // What has to stay, an outdated policy does not know: before hooks are at work, and the journal is told.
  if (open.job.isReplayed !== true) await requireNewest(vault)
  const { person } = await people.read(open.job.subjectId)
  try {
    await requireFreeMembers(people, open.job, person.head)
  } catch (error) {
    // Nothing came of it, and nothing must once it is kept no more.
    if (isPrivityError(error, 'erasure_incomplete')) await forgetJob(people.deps, open)
    throw error
  }
  const { externalId } = person.head
  const known = externalId === undefined ? {} : { externalId }
  return advanceJob(open, { ...known, step: 'fenced', startedAt: people.now() })
}

/**
 * What came to be kept since the plan was made is not destroyed with the rest.
 *
 * @throws {@link erasure_incomplete} naming `privity:kept`: a new plan erases the rest
 */
export async function assertNothingKept(deps: PartialDeps, open: OpenJob): Promise<void> {
  const { job } = open
  if (job.isReplayed === true || (await keptNow(deps, job)).length === 0) return
  // Left there, it would erase the person once nothing is kept any more, years after somebody asked for it.
  await forgetJob(deps.vault.people.deps, open)
  throw incomplete(job, [KEPT])
}

/** @throws {@link erasure_incomplete} when others wrote the person all the time */
export async function runPartial(
  deps: PartialDeps,
  open: PartialJob,
  signal: AbortSignal | undefined,
): Promise<OpenJob> {
  const done = await eraseSelected(deps, open, signal)
  if (done === undefined) throw incomplete(open.job, [ROWS])
  return advanceJob(done, { step: 'destroyed', destroyedAt: deps.vault.people.now() })
}

/** Looks again for everything that a partial erasure was to destroy. */
export async function findPartial(deps: PartialDeps, open: PartialJob): Promise<PartialFindings> {
  const found = await verifyPartial(deps, open)
  return { ...found, exclusions: [...found.exclusions, ...leftOutOf(open.job.partial)] }
}

/** A hold on everything of somebody is one on what is shared with them. */
async function assertNoMemberHeld(
  vault: Vault,
  job: Job,
  known: Person | undefined,
): Promise<void> {
  if (job.isReplayed === true) return
  const person = known ?? (await readLiving(vault, job.subjectId))
  if (typeof person === 'object') await requireFreeMembers(vault.people, job, person.head)
}

/** Whoever is fenced already is past that. */
async function keptNow(deps: PartialDeps, job: Job, known?: Person): Promise<readonly Kept[]> {
  const person = known ?? (await readLiving(deps.vault, job.subjectId))
  if (person === 'unreadable' && !mayBeUnreadable(job)) throw incomplete(job, [UNREADABLE])
  if (typeof person !== 'object') return []
  try {
    const seen = await readHeads(deps.vault.people, person)
    return deps.keptOf(seen.person, seen.heads)
  } catch (error) {
    if (isPrivityError(error, 'erased')) return []
    throw error
  }
}

async function readLiving(
  { people }: Vault,
  subjectId: string,
): Promise<Person | 'gone' | 'unreadable'> {
  try {
    return (await people.read(subjectId)).person
  } catch (error) {
    if (isPrivityError(error, 'erased')) return 'gone'
    if (isUnreadable(error)) return 'unreadable'
    throw error
  }
}
