import { canonicalBytes, type JsonObject } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import type { PeopleDeps } from '../subjects/people.ts'
import { type ErasurePlan, type Inventory, type PlannedHook, toPlan } from './plan.ts'

/**
 * State of one erasure, from its plan to its certificate, so that any process can go on with it. The row
 * is sealed by the controller and is gone once the certificate is stored.
 */
export interface Job {
  readonly erasureId: string
  readonly subjectId: string
  readonly reason: string
  /** For the hooks; gone with this row. */
  readonly externalId?: string
  /** Absent until every hook has planned. */
  readonly inventory?: Inventory
  readonly hooks: readonly PlannedHook[]
  readonly plannedAt: number
  readonly step: Step
  /** Items of hooks that are done, as `hook/item`. */
  readonly done: readonly string[]
  readonly startedAt?: number
  readonly destroyedAt?: number
  readonly destroyed?: Destroyed
}

/** Steps in their order; each names what was finished last. */
export type Step = 'asked' | 'planned' | 'fenced' | 'read' | 'destroyed' | 'notified' | 'verified'

/** What was destroyed, as numbers. */
export interface Destroyed {
  readonly keys: number
  readonly rows: number
  readonly lookupRows: number
  /** Rows outside the person's prefix to look for again; the first ones, where there are very many. */
  readonly sample: readonly string[]
}

/** The plan of a job, as it was shown. Pure. */
export function planOf({ erasureId, reason, inventory, hooks }: Job): ErasurePlan {
  if (inventory === undefined) throw new TypeError('a job without an inventory has no plan')
  return toPlan(erasureId, { inventory, hooks, reason })
}

/** A job and the bytes that its next state is conditional on. */
export interface OpenJob {
  readonly job: Job
  readonly sealed: Uint8Array
}

/** Stores the first state of a job. */
export async function addJob(deps: PeopleDeps, job: Job): Promise<void> {
  await swap(deps, job, null)
}

/** The job; undefined when there is none, or none any more. */
export async function findJob(
  { store, keyspace, controller }: PeopleDeps,
  erasureId: string,
): Promise<OpenJob | undefined> {
  const key = keyspace.job(erasureId)
  const [sealed] = await store.read([key])
  if (sealed === undefined) return undefined
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
