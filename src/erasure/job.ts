import { canonicalBytes, type JsonObject } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import type { PeopleDeps } from '../subjects/people.ts'
import type { ItemState } from './item-state.ts'
import type { PartialState } from './partial/state.ts'
import type { PartialFindings } from './partial/findings.ts'
import { type ErasurePlan, type Inventory, type PlannedHook, toPlan } from './plan.ts'
import type { ErasureScope } from './scope.ts'

/**
 * State of one erasure, from its plan to its certificate, so that any process can go on with it. The row
 * is sealed by the controller and is gone once the certificate is stored.
 */
export interface Job {
  readonly erasureId: string
  readonly subjectId: string
  readonly reason: string
  /** What was asked for. Absent: the whole person. */
  readonly scope?: ErasureScope
  /** What is done; absent where the whole person is erased. */
  readonly partial?: PartialState
  /** What was found in the end, of a partial one; never stored. */
  readonly found?: PartialFindings
  /** For the hooks; gone with this row. */
  readonly externalId?: string
  /** Absent until every hook has planned. */
  readonly inventory?: Inventory
  readonly hooks: readonly PlannedHook[]
  readonly plannedAt: number
  readonly step: Step
  /** What became of the items of hooks, by their position in the list of their hook. */
  readonly states?: ItemStates
  /** Hooks that planned anew since the plan was shown, with what they found more. */
  readonly replanned?: readonly PlannedHook[]
  /** Who is running hooks now. */
  readonly lease?: Lease
  /** Somebody asked for the erasure, and not only for its plan. */
  readonly wanted?: true
  /** Until when it can be cancelled, and nothing is destroyed. Milliseconds since the epoch. */
  readonly graceUntil?: number
  readonly startedAt?: number
  readonly destroyedAt?: number
  readonly destroyed?: Destroyed
  /** Where it is remembered that the app's own id was of somebody who is erased. */
  readonly suppress?: string
  /** Done before, in a later copy of the store: the journal says so. */
  readonly isReplayed?: true
}

/** Steps in their order; each names what was finished last. `cancelled` leads back, and nowhere else. */
export type Step =
  | 'asked'
  | 'planned'
  | 'fenced'
  | 'read'
  | 'destroyed'
  | 'notified'
  | 'verified'
  | 'cancelled'

/** States of items, by hook and by position. */
export interface ItemStates {
  readonly [hook: string]: { readonly [position: string]: ItemState }
}

/** The right of one process to run the hooks of a job. */
export interface Lease {
  readonly holder: string
  /** Milliseconds since the epoch; 0 when it was given back. */
  readonly until: number
}

/** What was destroyed, as numbers. */
export interface Destroyed {
  readonly keys: number
  readonly rows: number
  readonly lookupRows: number
  /** Rows outside the person's prefix to look for again; the first ones, where there are very many. */
  readonly sample: readonly string[]
}

/** The plan of a job, as it was shown. Pure. */
export function planOf({ erasureId, reason, inventory, partial, hooks }: Job): ErasurePlan {
  if (partial !== undefined) return toPlan(erasureId, { items: partial.items, hooks, reason })
  if (inventory === undefined) throw new TypeError('a job without an inventory has no plan')
  return toPlan(erasureId, { inventory, hooks, reason })
}

/** What each hook has to erase: what was planned, and what was found since. Pure. */
export function hooksOf({ hooks, replanned = [] }: Job): readonly PlannedHook[] {
  return hooks.map((planned) => {
    const anew = replanned.find(({ hook }) => hook === planned.hook)
    return anew === undefined ? planned : { ...anew, items: [...planned.items, ...anew.items] }
  })
}

/** A job and the bytes that its next state is conditional on. */
export interface OpenJob {
  readonly job: Job
  readonly sealed: Uint8Array
}

/** Stores the first state of a job. */
export async function addJob(deps: PeopleDeps, job: Job): Promise<OpenJob> {
  return { job, sealed: await swap(deps, job, null) }
}

/** The job; undefined when there is none, or none any more. */
export async function findJob(deps: PeopleDeps, erasureId: string): Promise<OpenJob | undefined> {
  const [sealed] = await deps.store.read([deps.keyspace.job(erasureId)])
  return sealed === undefined ? undefined : openJob(deps, erasureId, sealed)
}

/** A job from its row. */
export function openJob(
  { keyspace, controller }: PeopleDeps,
  erasureId: string,
  sealed: Uint8Array,
): OpenJob {
  const key = keyspace.job(erasureId)
  const json = parseCanonical(controller.open(key, sealed)) as
    | ({ readonly v: number } & Job)
    | undefined
  if (json?.v !== 1)
    throw new PrivityError('unsupported_format', { what: 'erasure', version: json?.v ?? 0 })
  const { v: _, ...job } = json
  return { job, sealed }
}

/**
 * The job a step further, without storing it: for steps that may be run again as well as resumed, since
 * every commit waits for the disk.
 */
export function advanceJob({ job, sealed }: OpenJob, change: Partial<Job>): OpenJob {
  return { job: { ...job, ...change }, sealed }
}

/** @throws {@link write_conflict} when another process went on with it meanwhile */
export async function saveJob(
  deps: PeopleDeps,
  before: OpenJob,
  change: Partial<Job>,
): Promise<OpenJob> {
  const job = { ...before.job, ...change }
  return { job, sealed: await swap(deps, job, before.sealed) }
}

/** Drops a job of which nothing came. @throws {@link write_conflict} when another process went on with it */
export async function forgetJob(
  { store, keyspace }: PeopleDeps,
  { job, sealed }: OpenJob,
): Promise<void> {
  const key = keyspace.job(job.erasureId)
  await store.commit({ checks: [[key, sealed]], put: [], del: [key] })
}

async function swap(
  { store, keyspace, controller }: PeopleDeps,
  job: Job,
  before: Uint8Array | null,
): Promise<Uint8Array> {
  const key = keyspace.job(job.erasureId)
  const sealed = controller.seal(key, canonicalBytes({ v: 1, ...job } as unknown as JsonObject))
  await store.commit({ checks: [[key, before]], put: [[key, sealed]], del: [] })
  return sealed
}
