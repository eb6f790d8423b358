import type { ErasureHook } from './hook.ts'
import { type Answer, attempt } from './attempt.ts'
import type { HookContexts } from './hook-context.ts'
import { limitsOf, stateOf, withStates } from './hook-progress.ts'
import type { HookItem } from './hook.ts'
import {
  begin,
  isDue,
  type ItemState,
  readOutcome,
  relapse,
  settle,
  type TryOutcome,
} from './item-state.ts'
import { hooksOf, type Job } from './job.ts'
import type { JobWriter } from './job-writer.ts'
import type { PlannedHook } from './plan.ts'
import { needsPlan, planAgain } from './plan-hooks.ts'

/** Hooks that run in one step of an erasure. */
export interface HookRun {
  readonly writer: JobWriter
  /** That are installed, and may run in this step. */
  readonly hooks: readonly ErasureHook[]
  readonly contexts: HookContexts
  /** Nothing of the person can be read any more. */
  readonly isLate: boolean
  readonly signal: AbortSignal | undefined
  now(): number
}

/** How a hook came out of a run; `blocked` waits for another one. */
type HookEnd = 'done' | 'failing' | 'blocked'

/**
 * Tries everything of these hooks that is due now, each behind those that it depends on; one that fails stops
 * none of the others. Resolves to those that failed or wait for another try.
 */
export async function runHooks(
  run: HookRun,
  planned: readonly PlannedHook[],
): Promise<{ readonly failing: readonly string[]; readonly isDone: boolean }> {
  const ends = new Map<string, Promise<HookEnd>>()
  for (const one of sorted(run, planned)) ends.set(one.hook, runHook(run, one, ends))
  // Nobody else is left at work when the first failure is told.
  await Promise.allSettled(ends.values())
  const failing: string[] = []
  let isDone = true
  for (const [id, end] of ends) {
    const how = await end
    if (how === 'failing') failing.push(id)
    isDone = isDone && how === 'done'
  }
  run.signal?.throwIfAborted()
  return { failing, isDone }
}

/** Hooks are installed in an order in which all that one depends on comes before it. */
function sorted({ hooks }: HookRun, planned: readonly PlannedHook[]): readonly PlannedHook[] {
  const place = new Map(hooks.map(({ id }, index) => [id, index]))
  const last = hooks.length
  return planned.toSorted((a, b) => (place.get(a.hook) ?? last) - (place.get(b.hook) ?? last))
}

async function runHook(
  run: HookRun,
  { hook: id, items }: PlannedHook,
  ends: ReadonlyMap<string, Promise<HookEnd>>,
): Promise<HookEnd> {
  const hook = run.hooks.find((candidate) => candidate.id === id)
  // A hook that is no longer installed proves nothing.
  if (hook === undefined) return items.length === 0 ? 'done' : 'failing'
  for (const other of hook.dependsOn ?? []) {
    const end = await (ends.get(other) ?? 'done')
    if (end !== 'done') return 'blocked'
  }
  const isNew = needsPlan(run.writer.job, hook) && !(run.isLate && hook.needsPlaintext === true)
  if (isNew && !(await planAgain(run, hook))) return 'failing'
  await tryDue(run, hook)
  const { job } = run.writer
  const isLeft = itemsOf(job, id).some(
    (_, position) => stateOf(job, id, position)?.state !== 'done',
  )
  return isLeft ? 'failing' : 'done'
}

/** Tries what is due, as many at a time as the hook takes; each outcome is stored with the next beginning. */
async function tryDue(run: HookRun, hook: ErasureHook): Promise<void> {
  const { writer, signal } = run
  const { id, concurrency = 1 } = hook
  const due = itemsOf(writer.job, id).flatMap((_, position) =>
    isDue(stateOf(writer.job, id, position), run.now()) ? [position] : [],
  )
  let ended: readonly (readonly [number, ItemState])[] = []
  let isHung = false
  while (due.length > 0 && !isHung && signal?.aborted !== true) {
    const wave = due.splice(0, concurrency).map((position) => {
      const before = stateOf(writer.job, id, position)
      return { position, before, state: begin(before) }
    })
    const begun = [...ended, ...wave.map(({ position, state }) => [position, state] as const)]
    await writer.update((job) => withStates(job, id, begun))
    const outcomes = await Promise.all(wave.map((trying) => tryItem(run, hook, trying)))
    ended = wave.flatMap((trying, at) => endOf(run, hook, { trying, outcome: outcomes[at] }))
    isHung = outcomes.some((outcome) => outcome.kind === 'failed' && outcome.hung)
  }
  if (isHung) ended = [...ended, ...postponed(writer.job, id, { ended, due })]
  if (ended.length > 0) await writer.update((job) => withStates(job, id, ended))
}

interface Trying {
  readonly position: number
  readonly before: ItemState | undefined
  readonly state: ItemState
}

async function tryItem(
  run: HookRun,
  hook: ErasureHook,
  { position, before }: Trying,
): Promise<TryOutcome> {
  const { contexts, writer, isLate } = run
  const item = itemsOf(writer.job, hook.id)[position]
  if (item === undefined) return { kind: 'done' }
  const context = contexts.of(hook)
  // It may have been done when the process died; and without plaintext little else can be.
  if (before?.state === 'started' || (isLate && hook.needsPlaintext === true)) {
    const verdict = await attempt(context, (given) => hook.verify(item, given))
    if (verdict.kind === 'answer' && verdict.value === 'absent') return { kind: 'done' }
    const isSpent = before !== undefined && before.attempts >= limitsOf(hook, writer.job).attempts
    if (verdict.kind === 'hung' || isSpent) return failed(verdict)
  }
  const answer = await attempt(context, (given) => hook.execute(item, given))
  return answer.kind === 'answer' ? readOutcome(answer.value) : failed(answer)
}

function failed({ kind }: Answer<unknown>): TryOutcome {
  return { kind: 'failed', hung: kind === 'hung' }
}

/** A try that the caller broke off is none: whether it had an effect is found out by the next. */
function endOf(
  { writer, signal, now }: HookRun,
  hook: ErasureHook,
  { trying, outcome }: { readonly trying: Trying; readonly outcome: TryOutcome | undefined },
): readonly (readonly [number, ItemState])[] {
  if (outcome === undefined || (signal?.aborted === true && outcome.kind !== 'done')) return []
  const limits = limitsOf(hook, writer.job)
  return [[trying.position, settle(trying.state, outcome, { now: now(), limits })]]
}

/** A hook that does not answer is not asked for the rest: each would cost as much patience. */
function postponed(
  job: Job,
  id: string,
  {
    ended,
    due,
  }: {
    readonly ended: readonly (readonly [number, ItemState])[]
    readonly due: readonly number[]
  },
): readonly (readonly [number, ItemState])[] {
  const times = ended.flatMap(([, state]) => (state.state === 'waiting' ? [state.at] : []))
  if (times.length === 0) return []
  const at = times.reduce((a, b) => Math.max(a, b))
  return due.flatMap((position) => {
    const state = stateOf(job, id, position)
    // What may have been done is looked at first, whenever that is.
    if (state?.state === 'started') return []
    return [[position, { state: 'waiting', attempts: state?.attempts ?? 0, at }] as const]
  })
}

/** What hooks did not prove to be gone, by hook and position. */
export type Relapses = ReadonlyMap<string, readonly number[]>

/** Asks every hook whether everything is gone. A hook that is no longer installed proves nothing. */
export async function verifyHooks(
  hooks: readonly ErasureHook[],
  { job, contexts }: { readonly job: Job; readonly contexts: HookContexts },
): Promise<Relapses> {
  const found = await Promise.all(
    hooksOf(job).map(async ({ hook: id, items }) => {
      const hook = hooks.find((candidate) => candidate.id === id)
      const left =
        hook === undefined
          ? items.map((_, position) => position)
          : await verifyItems(hook, items, contexts)
      return [id, left] as const
    }),
  )
  return new Map(found.filter(([, left]) => left.length > 0))
}

/** The states of what has to be done again. */
export function relapsed(
  hooks: readonly ErasureHook[],
  { job, relapses, now }: { readonly job: Job; readonly relapses: Relapses; readonly now: number },
): Pick<Job, 'states'> {
  let states = job.states ?? {}
  for (const [id, positions] of relapses) {
    const hook = hooks.find((candidate) => candidate.id === id)
    if (hook === undefined) continue
    const limits = limitsOf(hook, job)
    const again = positions.map(
      (position) => [position, relapse(stateOf(job, id, position), { now, limits })] as const,
    )
    states = withStates({ ...job, states }, id, again).states
  }
  return { states }
}

/** As many at a time as the hook takes; behind one that does not answer, nothing is proven. */
async function verifyItems(
  hook: ErasureHook,
  items: readonly HookItem[],
  contexts: HookContexts,
): Promise<readonly number[]> {
  const { concurrency = 1 } = hook
  const left: number[] = []
  for (let from = 0; from < items.length; from += concurrency) {
    const verdicts = await Promise.all(
      items
        .slice(from, from + concurrency)
        .map((item) => attempt(contexts.of(hook), (context) => hook.verify(item, context))),
    )
    verdicts.forEach((verdict, at) => {
      if (verdict.kind !== 'answer' || verdict.value !== 'absent') left.push(from + at)
    })
    if (!verdicts.some(({ kind }) => kind === 'hung')) continue
    const next = from + concurrency
    return [...left, ...items.flatMap((_, position) => (position < next ? [] : [position]))]
  }
  return left
}

function itemsOf(job: Job, id: string): readonly HookItem[] {
  return hooksOf(job).find(({ hook }) => hook === id)?.items ?? []
}
