import { PrivityError } from '../base/errors.ts'
import { systemClock } from '../base/time.ts'
import type { ErasureHook, HookContext, HookItem } from './hook.ts'
import { parseItems } from './hook.ts'
import type { HookContexts } from './hook-context.ts'
import type { PlannedHook } from './plan.ts'

/** A hook that has not answered by then has failed, for now; milliseconds. */
const PATIENCE = 30_000
/** What all hooks plan must fit into the row of the job, with what is done of it; characters. */
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
    hooks.map(async (hook) => {
      const items = parseItems(await attempt(contexts.of(hook), (context) => hook.plan(context)))
      return { hook: hook.id, items }
    }),
  )
  const failing = planned.flatMap(({ hook, items }) =>
    items === undefined || sizeOf(items) > MAX_PLAN / hooks.length ? [hook] : [],
  )
  const [first] = hooks
  if (failing.length > 0 && first !== undefined) {
    throw new PrivityError('erasure_incomplete', {
      erasureId: contexts.of(first).erasureId,
      failing,
    })
  }
  return planned.map(({ hook, items = [] }) => ({ hook, items }))
}

/** Runs what is not done yet; a hook that fails stops none of the others. */
export async function executeHooks(
  hooks: readonly ErasureHook[],
  run: {
    readonly planned: readonly PlannedHook[]
    readonly done: ReadonlySet<string>
    readonly contexts: HookContexts
    readonly onDone: (item: string) => Promise<void>
  },
): Promise<{ readonly failing: readonly string[] }> {
  const failing = new Set<string>()
  for (const { hook: id, items } of run.planned) {
    const hook = hooks.find((candidate) => candidate.id === id)
    for (const item of items) {
      const name = itemName(id, item)
      if (run.done.has(name)) continue
      const outcome =
        hook === undefined
          ? undefined
          : await attempt(run.contexts.of(hook), (context) => hook.execute(item, context))
      if (outcome === 'done' || outcome === 'already_done') await run.onDone(name)
      else failing.add(id)
    }
  }
  return { failing: [...failing] }
}

/** Hooks of which something is not provably absent. A hook that is no longer installed proves nothing. */
export async function verifyHooks(
  hooks: readonly ErasureHook[],
  {
    planned,
    contexts,
  }: {
    readonly planned: readonly PlannedHook[]
    readonly contexts: HookContexts
  },
): Promise<readonly string[]> {
  const failing = await Promise.all(
    planned.map(async ({ hook: id, items }) => {
      const hook = hooks.find((candidate) => candidate.id === id)
      if (hook === undefined) return items.length === 0 ? [] : [id]
      const verdicts = await Promise.all(
        items.map((item) => attempt(contexts.of(hook), (context) => hook.verify(item, context))),
      )
      return verdicts.every((verdict) => verdict === 'absent') ? [] : [id]
    }),
  )
  return failing.flat()
}

function sizeOf(items: readonly HookItem[]): number {
  return JSON.stringify(items).length
}

/** Whether a hook runs before the keys are destroyed. */
export function needsPlaintext(hook: ErasureHook): boolean {
  return hook.needsPlaintext === true
}

/** Name of an item among those of all hooks. */
function itemName(hook: string, { id }: HookItem): string {
  return `${hook}/${id}`
}

/** What a hook throws may hold what it was given: it counts as no answer, and goes no further. */
async function attempt<T>(
  context: HookContext,
  call: (context: HookContext) => Promise<T>,
): Promise<T | undefined> {
  const late = new AbortController()
  const timeout = systemClock()
    .wait(PATIENCE, late.signal)
    .then(() => undefined)
  try {
    return await Promise.race([
      call({ ...context, signal: AbortSignal.any([context.signal, late.signal]) }),
      timeout,
    ])
  } catch {
    return undefined
  } finally {
    late.abort()
    timeout.catch(() => undefined)
  }
}
