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
import { eraseSelected, type PartialJob } from './erase-selected.ts'
import { KEPT, requireFreeMembers } from './kept-group.ts'
import type { KeptOf } from './look.ts'
import type { PartJournal } from './part-journal.ts'
import { planPartHooks } from './plan-part-hooks.ts'
import { leftOutOf, planPartial } from './plan-partial.ts'
import { isReplayedPart, planReplayed } from './plan-replayed.ts'
import type { PartialState } from './state.ts'
import type { PartialFindings } from './findings.ts'
import { verifyPartial } from './verify-partial.ts'

/** What erasing a part of a person needs. */
export interface PartialDeps {
  readonly vault: Vault
  /** What may not be erased yet. Default: nothing. */
  readonly keptOf?: KeptOf | undefined
  /** Absent without a journal. */
  readonly journal?: PartJournal | undefined
}

/** What planning it needs. */
type PlanningDeps = PartialDeps & { readonly hooks: readonly ErasureHook[] }

/** Name of our own rows among what may be left. */
export const ROWS = 'privity:rows'
/** Name of our own keys among them. */
export const KEYS = 'privity:keys'

/** The partial erasure that was asked for, or that is all that may be done of a whole one; undefined otherwise. */
async function preparePartial(
  deps: PlanningDeps,
  { subjectId, scope, isReplayed }: Job,
  person: Person | undefined,
): Promise<PartialState | undefined> {
  const { vault, hooks } = deps
  const planning = { vault, hooks, keptOf: keptOfDeps(deps), subjectId }
  if (scope !== undefined) return planPartial({ ...planning, rule: ruleOf(vault.policy, scope) })
  const kept = isReplayed === true ? [] : await keptNow(deps, subjectId, person)
  if (kept.length === 0) return undefined
  return planPartial({ ...planning, rule: { kind: 'all' } })
}

/** The plan of a job that erases a part of a person, hooks included; undefined for one that erases all. */
export async function planPartialJob(
  deps: PlanningDeps,
  job: Job,
  person?: Person,
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
  const { vault, hooks } = deps
  const { subjectId } = job
  await assertNoMemberHeld(vault, job, undefined)
  const partial = await planPartial({ vault, hooks, keptOf: keptOfDeps(deps), subjectId, rule })
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

/** Whether a job erases a part of a person. */
export function isPartial(open: OpenJob): open is PartialJob {
  return open.job.partial !== undefined
}

/**
 * What came to be kept since the plan was made is not destroyed with the rest.
 *
 * @throws {@link erasure_incomplete} naming `privity:kept`: a new plan erases the rest
 */
export async function assertNothingKept(deps: PartialDeps, open: OpenJob): Promise<void> {
  const { job } = open
  if (job.isReplayed === true || (await keptNow(deps, job.subjectId)).length === 0) return
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
  const { vault, journal } = deps
  const done = await eraseSelected({ vault, keptOf: keptOfDeps(deps), journal }, open, signal)
  if (done === undefined) throw incomplete(open.job, [ROWS])
  return advanceJob(done, { step: 'destroyed', destroyedAt: vault.people.now() })
}

/** Looks again for everything that a partial erasure was to destroy. */
export async function findPartial(deps: PartialDeps, open: PartialJob): Promise<PartialFindings> {
  const { vault, journal } = deps
  const found = await verifyPartial({ vault, keptOf: keptOfDeps(deps), journal }, open)
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
  if (person !== undefined) await requireFreeMembers(vault.people, job, person.head)
}

/** Whoever is fenced already is past that. */
async function keptNow(
  deps: PartialDeps,
  subjectId: string,
  known?: Person,
): Promise<readonly Kept[]> {
  if (deps.keptOf === undefined) return []
  const person = known ?? (await readLiving(deps.vault, subjectId))
  if (person === undefined) return []
  try {
    const seen = await readHeads(deps.vault.people, person)
    return deps.keptOf(seen.person, seen.heads)
  } catch (error) {
    if (isPrivityError(error, 'erased')) return []
    throw error
  }
}

/** Of whom nobody can open, nothing is left to be kept. */
async function readLiving({ people }: Vault, subjectId: string): Promise<Person | undefined> {
  try {
    return (await people.read(subjectId)).person
  } catch (error) {
    if (isPrivityError(error, 'erased') || isUnreadable(error)) return undefined
    throw error
  }
}

function keptOfDeps({ keptOf }: PartialDeps): KeptOf {
  return keptOf ?? (() => [])
}
