import type { UnfinishedHook } from '../base/errors.ts'
import { addDuration, toInstant } from '../base/time.ts'
import type { ErasureHook } from './hook.ts'
import type { ItemState, Limits } from './item-state.ts'
import { hooksOf, type ItemStates, type Job, type Unplanned } from './job.ts'

/** How far a hook is with an erasure. */
export interface HookProgress {
  readonly hook: string
  readonly items: number
  readonly done: number
  /** Most that any item that is left was tried. */
  readonly attempts: number
  /** When the next item is due; milliseconds since the epoch. Absent where no date is set. */
  readonly nextAttemptAt?: number
  /** Items that nobody tries any more until `retry` brings them back. */
  readonly dead: number
  /** Numbers of tickets that the hook gave for them. */
  readonly tickets: readonly string[]
}

/** About a week of trying, if a hook fails every time. */
const ATTEMPTS = 20
const DEADLINE = { days: 30 } as const

/** How far each hook of a job is. Pure. */
export function progressOf(job: Job): readonly HookProgress[] {
  if (job.unplanned !== undefined) return unplannedProgress(job.unplanned)
  return hooksOf(job).map(({ hook, items }) => {
    const states = items.map((_, position) => stateOf(job, hook, position))
    const left = states.flatMap((state) => (state?.state === 'done' ? [] : [state]))
    const waiting = left.flatMap((state) => (state?.state === 'waiting' ? [state.at] : []))
    const dead = left.flatMap((state) => (state?.state === 'dead' ? [state] : []))
    return {
      hook,
      items: items.length,
      done: items.length - left.length,
      attempts: left.reduce((most, state) => Math.max(most, state?.attempts ?? 0), 0),
      ...(waiting.length === 0 ? {} : { nextAttemptAt: waiting.reduce((a, b) => Math.min(a, b)) }),
      dead: dead.length,
      tickets: [...new Set(dead.flatMap(({ ticket }) => ticket ?? []))],
    }
  })
}

/** Nobody knows yet what there is. */
function unplannedProgress({ hooks, attempts, at }: Unplanned): readonly HookProgress[] {
  const next = attempts === 0 ? {} : { nextAttemptAt: at }
  return hooks.map((hook) => ({ hook, items: 0, done: 0, attempts, ...next, dead: 0, tickets: [] }))
}

/** The state of one item; undefined before it was tried. Pure. */
export function stateOf({ states }: Job, hook: string, position: number): ItemState | undefined {
  return states?.[hook]?.[String(position)]
}

/** The states of a job with some of one hook replaced; undefined forgets one. Pure. */
export function withStates(
  { states = {} }: Job,
  hook: string,
  changed: readonly (readonly [position: number, state: ItemState | undefined])[],
): { readonly states: ItemStates } {
  const known = new Map(Object.entries(states[hook] ?? {}))
  for (const [position, state] of changed) {
    if (state === undefined) known.delete(String(position))
    else known.set(String(position), state)
  }
  return { states: { ...states, [hook]: Object.fromEntries(known) } }
}

/** What bounds the tries of a hook's items. Pure. */
export function limitsOf(
  { attempts = ATTEMPTS, deadline = DEADLINE }: Pick<ErasureHook, 'attempts' | 'deadline'>,
  job: Job,
): Limits {
  return { attempts, patientUntil: addDuration(begunAt(job), deadline) }
}

/** When hooks could run first: milliseconds since the epoch. Pure. */
export function begunAt({ plannedAt, startedAt = plannedAt, graceUntil = 0 }: Job): number {
  return Math.max(startedAt, graceUntil)
}

/** What an error says of the hooks that are not done: names, numbers and times. Pure. */
export function unfinishedOf(job: Job): readonly UnfinishedHook[] {
  return progressOf(job)
    .filter(({ items, done, attempts }) => done < items || attempts > 0)
    .map(({ hook, items, done, attempts, nextAttemptAt: next, dead }) => ({
      hook,
      items: items - done,
      attempts,
      ...(next === undefined ? {} : { nextAttemptAt: toInstant(next) }),
      dead,
    }))
}
