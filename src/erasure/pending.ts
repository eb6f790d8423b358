import * as z from 'zod/mini'
import { abortSignal } from '../base/abort-signal.ts'
import type { SubjectId } from '../base/id.ts'
import { parseOptions } from '../base/parse-options.ts'
import { addDuration, type Instant, toInstant } from '../base/time.ts'
import type { ErasureHook } from './hook.ts'
import { begunAt, progressOf } from './hook-progress.ts'
import type { Job, Step } from './job.ts'
import { isLeased } from './job-writer.ts'
import { openJobs } from './open-jobs.ts'
import type { ErasureDeps } from './erasure-deps.ts'
import { isInGrace } from './grace.ts'

/** An erasure that was begun and is not at its end. */
export interface PendingErasure {
  /** For `resume`, `retry` and `cancel`. */
  readonly erasureId: string
  /** Who is being erased. */
  readonly subjectId: SubjectId
  /** What was finished last; `grace` while it can be cancelled. */
  readonly step: Step | 'grace'
  /** When it was asked for. */
  readonly startedAt: Instant
  /** One month after it was asked for, 30 days at most: Article 12(3) GDPR. */
  readonly dueAt: Instant
  /** Until when it can be cancelled. */
  readonly graceUntil?: Instant
  /** Until when the process that runs its hooks keeps all others away, also after it died. */
  readonly leasedUntil?: Instant
  /** Those that are part of it, done or not. */
  readonly hooks: readonly PendingHook[]
}

/** How far a hook is with an erasure. */
export interface PendingHook {
  /** Its id. */
  readonly hook: string
  /** How many it planned; 0 while it could not plan. */
  readonly items: number
  /** How many of them are erased. */
  readonly done: number
  /** Most that any item that is left was tried. */
  readonly attempts: number
  /** When the next of its items is due; absent when none waits. */
  readonly nextAttemptAt?: Instant
  /** Items that nobody tries any more until `retry` brings them back. */
  readonly dead: number
  /** That the hook gave for them. */
  readonly tickets: readonly string[]
  /** Who looks after its dead items, as the hook says. */
  readonly owner?: string
  /** Until when an answer `retryAfter` uses up no attempt. */
  readonly deadline?: Instant
}

const pendingOptions = z.strictObject({
  signal: abortSignal,
})

/** Erasures that were begun and are not at their end, in no particular order; a row that does not open comes last, as an error. */
export async function* pendingErasures(
  { vault, hooks }: ErasureDeps,
  options: unknown,
): AsyncGenerator<PendingErasure, void> {
  const { signal } = parseOptions(pendingOptions, options)
  const errors: unknown[] = []
  for await (const found of openJobs(vault.people, signal)) {
    if ('error' in found) errors.push(found.error)
    else if ('open' in found) yield toPending(found.open.job, { hooks, now: vault.people.now() })
  }
  if (errors.length > 0) throw errors[0]
}

/** When an erasure has to be complete: Article 12(3) GDPR says a month. Milliseconds since the epoch. Pure. */
export function dueAtOf({ plannedAt }: Pick<Job, 'plannedAt'>): number {
  return Math.min(addDuration(plannedAt, { days: 30 }), addDuration(plannedAt, { months: 1 }))
}

function toPending(
  job: Job,
  { hooks, now }: { readonly hooks: readonly ErasureHook[]; readonly now: number },
): PendingErasure {
  const { erasureId, subjectId, step, plannedAt, startedAt = plannedAt, graceUntil, lease } = job
  const until = isLeased(job, now) ? lease?.until : undefined
  return Object.freeze({
    erasureId,
    subjectId,
    step: isInGrace(job, now) ? 'grace' : step,
    startedAt: toInstant(startedAt),
    dueAt: toInstant(dueAtOf(job)),
    ...(graceUntil === undefined ? {} : { graceUntil: toInstant(graceUntil) }),
    ...(until === undefined ? {} : { leasedUntil: toInstant(until) }),
    hooks: Object.freeze(progressOf(job).map((progress) => toPendingHook(job, hooks, progress))),
  })
}

function toPendingHook(
  job: Job,
  hooks: readonly ErasureHook[],
  { nextAttemptAt: next, ...progress }: ReturnType<typeof progressOf>[number],
): PendingHook {
  const { owner, deadline } = hooks.find(({ id }) => id === progress.hook) ?? {}
  return Object.freeze({
    ...progress,
    ...(next === undefined ? {} : { nextAttemptAt: toInstant(next) }),
    ...(owner === undefined ? {} : { owner }),
    ...(deadline === undefined ? {} : { deadline: toInstant(addDuration(begunAt(job), deadline)) }),
  })
}
