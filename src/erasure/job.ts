import type { JsonObject } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { ownBytes } from '../base/own-json.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import type { PeopleDeps } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import type { SealedFence } from './fence.ts'
import type { Listed } from './inventory.ts'
import type { ItemState } from './item-state.ts'
import { writeJob } from './job-queue.ts'
import type { PartialState } from './partial/state.ts'
import type { PartialFindings } from './partial/findings.ts'
import {
  type ErasurePlan,
  type Inventory,
  type PlanItem,
  type PlannedHook,
  toPlan,
} from './plan.ts'
import type { ReferenceFindings, Referred } from './references/findings.ts'
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
  /** Also what does not open, of which nobody knows what keeps it. Absent: nothing of that. */
  readonly unreadable?: 'erase'
  /** What is done; absent where the whole person is erased. */
  readonly partial?: PartialState
  /** What was found in the end, of a partial one; never stored. */
  readonly found?: PartialFindings
  /** What becomes of references to the person, as it was shown. */
  readonly references?: readonly PlanItem[]
  /** What there was of them before the first was cleared. */
  readonly referred?: Referred
  /** What was done about them, and what is left; never stored. */
  readonly cleared?: ReferenceFindings
  /** For the hooks; gone with this row. */
  readonly externalId?: string
  /** Absent until every hook has planned. */
  readonly inventory?: Inventory
  readonly hooks: readonly PlannedHook[]
  readonly plannedAt: number
  readonly step: Step
  /** Present while a hook could not plan. */
  readonly unplanned?: Unplanned
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
  /** Ids of the groups that the person is taken out of. */
  readonly groups?: readonly string[]
  readonly startedAt?: number
  readonly destroyedAt?: number
  readonly destroyed?: Destroyed
  /** Where it is remembered that the app's own id was of somebody who is erased. */
  readonly suppress?: string
  /** Done before, in a later copy of the store: the journal says so. */
  readonly isReplayed?: true
  /** Of one that is cancelled: what takes its place, because something came to be kept. */
  readonly instead?: Successor
}

/** An erasure of the same person, asked for at the same time. */
export type Successor = Pick<Job, 'erasureId' | 'reason' | 'plannedAt'>

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

/** Hooks that could not plan. */
export interface Unplanned {
  readonly hooks: readonly string[]
  /** In a row; 0 once they are to be asked at once. */
  readonly attempts: number
  /** When they are asked again; milliseconds since the epoch. */
  readonly at: number
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
export function planOf(job: Job): ErasurePlan {
  const { erasureId, reason, inventory, partial, hooks, references = [] } = job
  if (partial !== undefined)
    return toPlan(erasureId, { items: [...partial.items, ...references], hooks, reason })
  if (inventory === undefined) throw new TypeError('a job without an inventory has no plan')
  return toPlan(erasureId, { inventory, references, hooks, reason })
}

/** What each hook has to erase: what was planned, and what was found since. Pure. */
export function hooksOf({ hooks, replanned = [] }: Job): readonly PlannedHook[] {
  return hooks.map((planned) => {
    const anew = replanned.find(({ hook }) => hook === planned.hook)
    return anew === undefined ? planned : { ...anew, items: [...planned.items, ...anew.items] }
  })
}

/** A job and the bytes that its next state is conditional on; none while it is not stored. */
export interface OpenJob {
  readonly job: Job
  readonly sealed: Uint8Array | undefined
  /** Its fence, while the process that put it goes on without a break. */
  readonly fence?: SealedFence
  /** Who is behind it. */
  readonly person?: Person
  /** What there was of them when the erasure was planned. */
  readonly listed?: Listed
}

/** Stores the first state of a job. */
export async function addJob(deps: PeopleDeps, job: Job): Promise<OpenJob> {
  return { job, sealed: await swap(deps, job, undefined) }
}

/** The job; undefined when there is none, or none any more. */
export async function findJob(deps: PeopleDeps, erasureId: string): Promise<OpenJob | undefined> {
  const [sealed] = await deps.store.read([deps.keyspace.job(erasureId)])
  return sealed === undefined ? undefined : openJob(deps, erasureId, sealed)
}

/** What reading the row of a job needs. */
export interface JobRowDeps extends Pick<PeopleDeps, 'keyspace'> {
  readonly controller: Pick<PeopleDeps['controller'], 'open'>
}

/** A job from its row. */
export function openJob(
  { keyspace, controller }: JobRowDeps,
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
export function advanceJob(open: OpenJob, change: Partial<Job>): OpenJob {
  return { ...open, job: { ...open.job, ...change } }
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
  if (sealed === undefined) return
  const key = keyspace.job(job.erasureId)
  await store.commit({ checks: [[key, sealed]], put: [], del: [key] })
}

/** The row of a job. */
export function sealJob({ keyspace, controller }: PeopleDeps, job: Job): Uint8Array {
  const bytes = ownBytes({ v: 1, ...job } as unknown as JsonObject)
  return controller.seal(keyspace.job(job.erasureId), bytes)
}

async function swap(
  deps: PeopleDeps,
  job: Job,
  before: Uint8Array | undefined,
): Promise<Uint8Array> {
  const key = deps.keyspace.job(job.erasureId)
  const sealed = sealJob(deps, job)
  await writeJob(deps.store, { key, before, sealed })
  return sealed
}
