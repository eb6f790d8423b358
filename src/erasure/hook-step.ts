import type { Person } from '../subjects/person.ts'
import type { Vault } from '../vault/vault.ts'
import type { ErasureHook } from './hook.ts'
import { type ContextInput, hookContexts } from './hook-context.ts'
import { stateOf } from './hook-progress.ts'
import { incomplete } from './incomplete.ts'
import { isDue } from './item-state.ts'
import { advanceJob, hooksOf, type Job, type OpenJob } from './job.ts'
import { leaseJob } from './job-writer.ts'
import { needsPlan } from './plan-hooks.ts'
import { type HookRun, runHooks } from './run-hooks.ts'

/** One of the two steps in which hooks run. */
export interface HookStep {
  readonly step: 'read' | 'notified'
  /** Absent once the keys are destroyed. */
  readonly person: Person | undefined
  /** Who runs the hooks; see {@link leaseJob}. */
  readonly holder: string
  readonly signal: AbortSignal | undefined
}

/** What a step of hooks needs. */
export interface HookStepDeps {
  readonly vault: Vault
  readonly hooks: readonly ErasureHook[]
}

/**
 * Runs the hooks of one step under a lease; without anything to do, it stores nothing.
 *
 * @throws {@link erasure_incomplete} once everything that is due was tried
 * @throws {@link write_conflict} while another process runs them
 */
export async function hookStep(
  { vault, hooks }: HookStepDeps,
  start: OpenJob,
  { step, person, holder, signal }: HookStep,
): Promise<OpenJob> {
  const { people } = vault
  const planned = hooksLeft(hooks, start.job, step)
  if (planned.length === 0) return advanceJob(start, { step })
  const writer = await leaseJob(people, start, holder)
  const contexts = hookContexts(vault, { ...contextOf(start.job), person, signal })
  const isLate = step === 'notified'
  const run: HookRun = { writer, hooks, contexts, isLate, signal, now: () => people.now() }
  try {
    const { failing, isDone } = await runHooks(run, planned)
    if (!isDone) throw incomplete(writer.job, failing)
    return await writer.finish({ step })
  } finally {
    contexts.revoke()
  }
}

/**
 * Hooks with something left to do in a step; one that was there when the plan was made and is gone now blocks.
 * In the last step these are all: also one that was found to have left something.
 */
function hooksLeft(
  installed: readonly ErasureHook[],
  job: Job,
  step: HookStep['step'],
): Job['hooks'] {
  const byId = new Map(installed.map((hook) => [hook.id, hook]))
  return hooksOf(job).filter(({ hook: id, items, ...planned }) => {
    const hook = byId.get(id)
    const isEarly = needsPlaintext(hook ?? planned)
    if (step === 'read' && !isEarly) return false
    const isLeft = items.some((_, position) => stateOf(job, id, position)?.state !== 'done')
    const mayPlan = step === 'read' || !isEarly
    return isLeft || (hook !== undefined && mayPlan && needsPlan(job, hook))
  })
}

/** Whether going on with a job now could bring it further: its own step, or a hook that is due. Pure. */
export function canGoOn(hooks: readonly ErasureHook[], job: Job, now: number): boolean {
  const left = hooksLeft(hooks, job, isBeforeKeysGo(job) ? 'read' : 'notified')
  const leftIds = new Set(left.map(({ hook }) => hook))
  if (left.length === 0) return true
  return left.some(({ hook: id, items }) => {
    const hook = hooks.find((candidate) => candidate.id === id)
    const isBlocked = hook?.dependsOn?.some((other) => leftIds.has(other)) === true
    if (hook === undefined || isBlocked) return false
    return needsPlan(job, hook) || items.some((_, at) => isDue(stateOf(job, id, at), now))
  })
}

/** Whether a hook runs before the keys are destroyed. */
export function needsPlaintext(hook: Pick<ErasureHook, 'needsPlaintext'>): boolean {
  return hook.needsPlaintext === true
}

function isBeforeKeysGo({ step }: Job): boolean {
  return step === 'asked' || step === 'planned' || step === 'fenced'
}

function contextOf({
  erasureId,
  subjectId,
  externalId,
  partial,
}: Job): Pick<ContextInput, 'erasureId' | 'subjectId' | 'externalId' | 'scope'> {
  return { erasureId, subjectId, externalId, scope: partial?.hookScope }
}
