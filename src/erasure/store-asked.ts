import type { ErasureDeps } from './erasure-deps.ts'
import { addJob, type OpenJob } from './job.ts'
import { perhapsStored } from './stopped.ts'

/** Stores the plan of an erasure that was asked for. */
export async function storeAsked({ vault }: ErasureDeps, { job }: OpenJob): Promise<OpenJob> {
  try {
    return await addJob(vault.people.deps, job)
  } catch (error) {
    throw perhapsStored(job, error)
  }
}
