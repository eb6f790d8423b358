import { toInstant } from '../../base/time.ts'
import type { Place } from '../../vault/lookup-places.ts'
import type { Exclusion } from '../exclusion.ts'
import { type Job, type OpenJob, saveJob } from '../job.ts'
import { requireKnownReferences } from '../known-floors.ts'
import type { PlanItem } from '../plan.ts'
import { clearReference } from './clear-reference.ts'
import { eachReference } from './each.ts'
import { type Referring, referringFields } from './find-references.ts'
import type { ReferenceCount, ReferenceFindings, Referred } from './findings.ts'
import type { ReferenceDeps } from './look-reference.ts'
import { type Survey, surveyReferences } from './survey.ts'

/** Name of references among what may be left. */
export const REFERENCES = 'privity:references'
const NAMED = 'lookup digests in the logs of others'

/** The job with what its plan says of references to the person. */
export async function planReferences(deps: ReferenceDeps, job: Job): Promise<Job> {
  const fields = fieldsOf(deps, job)
  if (fields.length === 0) return job
  const { subjectId } = job
  const survey = await surveyReferences(deps, { fields, subjectId, signal: undefined })
  const items = [
    ...survey.open.map(toItem),
    ...[...survey.exclusions, ...survey.stays].map(stayingItem),
  ]
  return items.length === 0 ? job : { ...job, references: items }
}

/**
 * Does with every reference to the person what the policy says, once nobody can write a new one. May be run again
 * after a crash at any point.
 *
 * @throws {@link policy_outdated} when a newer policy has references
 */
export async function clearReferences(
  deps: ReferenceDeps,
  open: OpenJob,
  signal: AbortSignal | undefined,
): Promise<OpenJob> {
  const { vault } = deps
  const { job } = open
  if (!isOfAll(job)) return open
  await requireKnownReferences(vault)
  const fields = fieldsOf(deps, job)
  if (fields.length === 0) return open
  const { subjectId } = job
  const survey = await surveyReferences(deps, { fields, subjectId, signal })
  const referred = referredBy(job.referred, survey)
  const isKnown = referred === undefined || referred === job.referred
  // Remembered first: afterwards nothing says any more who referred.
  const known = isKnown ? open : await saveJob(vault.people.deps, open, { referred })
  // What is kept, too: it is remembered where it stands.
  if (survey.all.length === 0) return known
  for (const referring of fields) {
    if (referring.reference.onErase === 'retain') continue
    const run = (place: Place): Promise<void> =>
      clearReference(deps, referring, { place, subjectId, signal })
    await eachReference(vault, referring, { subjectId, signal, run })
  }
  return known
}

/** What is found when they are looked for again. */
export interface ReferencesLeft {
  /** Something is there that has not to stay. */
  readonly areReferences: boolean
  /** Absent where no policy has any. */
  readonly cleared?: ReferenceFindings
  /** What was done by now, where something is left. */
  readonly referred?: Referred
}

/** Looks for them again. */
export async function verifyReferences(
  deps: ReferenceDeps,
  job: Job,
  signal: AbortSignal | undefined,
): Promise<ReferencesLeft> {
  // Who knows of no references would find none, and say so.
  if (isOfAll(job)) await requireKnownReferences(deps.vault)
  const fields = fieldsOf(deps, job)
  if (fields.length === 0) return { areReferences: false }
  const { subjectId, referred } = job
  const survey = await surveyReferences(deps, { fields, subjectId, signal })
  const counts = doneOf(referred?.counts ?? [], survey.all)
  if (survey.open.length + survey.unsure > 0) {
    const { stays = [] } = referred ?? {}
    return { areReferences: true, referred: { counts, stays, isDone: true } }
  }
  const done = counts.reduce((sum, { count }) => sum + count, 0)
  const exclusions = [
    ...survey.exclusions,
    ...(referred?.stays ?? []),
    ...(done === 0 ? [] : [{ what: NAMED, count: done, ground: 'evidence' }]),
  ]
  return { areReferences: false, cleared: { counts, exclusions } }
}

/** Of a part of a person others may still speak; of somebody who is closed, they may not. */
function isOfAll({ partial }: Job): boolean {
  return partial === undefined || partial.closes === true
}

function fieldsOf({ vault }: ReferenceDeps, job: Job): readonly Referring[] {
  return isOfAll(job) ? referringFields(vault) : []
}

/** Everything that was there from the first; the same where that is known. */
function referredBy(
  before: Referred | undefined,
  { all, open, stays }: Survey,
): Referred | undefined {
  if (before === undefined) return open.length === 0 ? undefined : { counts: all, stays }
  if (before.isDone !== true) return before
  return { counts: sumOf(before.counts, all), stays: [...before.stays, ...stays] }
}

function sumOf(
  some: readonly ReferenceCount[],
  others: readonly ReferenceCount[],
): readonly ReferenceCount[] {
  const isOf = (a: ReferenceCount, b: ReferenceCount): boolean =>
    a.record === b.record && a.action === b.action
  return [
    ...some.map((it) => ({
      ...it,
      count: it.count + (others.find((other) => isOf(it, other))?.count ?? 0),
    })),
    ...others.filter((other) => !some.some((it) => isOf(it, other))),
  ]
}

/** What was there and is not there any more. */
function doneOf(
  before: readonly ReferenceCount[],
  after: readonly ReferenceCount[],
): readonly ReferenceCount[] {
  return before.flatMap((it) => {
    const left = after.find(({ record, action }) => record === it.record && action === it.action)
    const count = it.count - (left?.count ?? 0)
    return count > 0 ? [{ ...it, count }] : []
  })
}

function toItem({ record, action, count }: ReferenceCount): PlanItem {
  return { what: `references in ${record}`, count, action }
}

function stayingItem({ what, count, ground, until }: Exclusion): PlanItem {
  const end = until === undefined ? {} : { until: toInstant(until) }
  return { what, count, action: 'keep', ground, ...end }
}
