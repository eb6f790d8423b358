import type { People } from '../../subjects/people.ts'
import { type OpenJob, saveJob } from '../job.ts'
import type { PartialState } from './state.ts'

/** A job that erases a part of a person. */
export type PartialJob = OpenJob & { readonly job: { readonly partial: PartialState } }

/** Whether a job erases a part of a person. */
export function isPartial(open: OpenJob): open is PartialJob {
  return open.job.partial !== undefined
}

/** The job with another state of its part, without storing it. Pure. */
export function withPartial(open: OpenJob, partial: PartialState): PartialJob {
  return { ...open, job: { ...open.job, partial } }
}

/** @throws {@link write_conflict} when another process went on with it meanwhile */
export async function savePartial(
  { deps }: People,
  open: PartialJob,
  partial: PartialState,
): Promise<PartialJob> {
  return withPartial(await saveJob(deps, open, { partial }), partial)
}
