import { utf8 } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { attempt } from './attempt.ts'
import type { ErasureHook, HookItem } from './hook.ts'
import type { HookContexts } from './hook-context.ts'
import { hooksOf, type Job } from './job.ts'
import type { JobWriter } from './job-writer.ts'
import { parseItems } from './parse-hooks.ts'
import type { PlannedHook } from './plan.ts'

/** What all hooks plan must fit into the row of the job, with what becomes of it; bytes. */
const MAX_PLAN = 131_072

/**
 * Asks every hook what it has, before anything is destroyed.
 *
 * @throws {@link erasure_incomplete} naming the hooks that could not plan
 */
export async function planHooks(
  hooks: readonly ErasureHook[],
  contexts: HookContexts,
): Promise<readonly PlannedHook[]> {
  const planned = await Promise.all(
    hooks.map(async (hook) => ({ hook, items: await planHook(hook, contexts) })),
  )
  const failing = planned.flatMap(({ hook, items }) =>
    items === undefined || sizeOf(items) > MAX_PLAN / hooks.length ? [hook.id] : [],
  )
  const [first] = hooks
  if (failing.length > 0 && first !== undefined) {
    throw new PrivityError('erasure_incomplete', {
      erasureId: contexts.of(first).erasureId,
      failing,
    })
  }
  return planned.map(({ hook, items = [] }) => plannedBy(hook, items))
}

/**
 * Whether a hook has to plan anew before it runs: because it is another version of itself, or because the
 * other system may have changed during a grace period. Pure.
 */
export function needsPlan(job: Job, { id, version }: ErasureHook): boolean {
  const planned = hooksOf(job).find(({ hook }) => hook === id)
  if (planned === undefined) return false
  const isAnew = job.replanned?.some(({ hook }) => hook === id) === true
  return planned.version !== version || (job.graceUntil !== undefined && !isAnew)
}

/** Plans anew. What was planned before stays: less than was shown is never erased. False when that fails. */
export async function planAgain(
  { writer, contexts }: { readonly writer: JobWriter; readonly contexts: HookContexts },
  hook: ErasureHook,
): Promise<boolean> {
  const found = await planHook(hook, contexts)
  const { job } = writer
  const before = hooksOf(job).find((planned) => planned.hook === hook.id)?.items ?? []
  const known = new Set(before.map(({ id }) => id))
  const more = (found ?? []).filter(({ id }) => !known.has(id))
  if (found === undefined || sizeOf([...before, ...more]) > MAX_PLAN / job.hooks.length)
    return false
  await writer.update(({ replanned = [] }) => {
    const last = replanned.find((other) => other.hook === hook.id)?.items ?? []
    const others = replanned.filter((other) => other.hook !== hook.id)
    return { replanned: [...others, plannedBy(hook, [...last, ...more])] }
  })
  return true
}

async function planHook(
  hook: ErasureHook,
  contexts: HookContexts,
): Promise<readonly HookItem[] | undefined> {
  const answer = await attempt(contexts.of(hook), (context) => hook.plan(context))
  return answer.kind === 'answer' ? parseItems(answer.value) : undefined
}

function plannedBy(
  { id, version, needsPlaintext }: ErasureHook,
  items: readonly HookItem[],
): PlannedHook {
  return {
    hook: id,
    ...(version === undefined ? {} : { version }),
    ...(needsPlaintext === true ? { needsPlaintext } : {}),
    items,
  }
}

function sizeOf(items: readonly HookItem[]): number {
  return utf8(JSON.stringify(items)).length
}
