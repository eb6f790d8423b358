import { PrivityError } from '../base/errors.ts'
import type { Rows } from '../storage/participant.ts'
import type { Key, Row } from '../storage/store.ts'
import type { PeopleDeps } from '../subjects/people.ts'
import { type Job, type OpenJob, sealJob } from './job.ts'
import { sameRow } from '../storage/same-row.ts'

/** The next state of a job, to be stored in one commit with what it speaks of. */
export interface JobRow {
  /** To be read with the batch: so read and written, it is checked by the store too. */
  readonly key: Key
  /** As it is once the batch is applied. */
  readonly open: OpenJob
  /** @throws {@link write_conflict} when another process went on with the job meanwhile */
  put(rows: Rows): Row
}

/** Sealed once, so that a batch that is built again writes the same. */
export function jobRow(deps: PeopleDeps, before: OpenJob, change: Partial<Job> = {}): JobRow {
  const job = { ...before.job, ...change }
  const key = deps.keyspace.job(job.erasureId)
  const sealed = sealJob(deps, job)
  return {
    key,
    open: { job, sealed },
    put: (rows) => {
      if (!sameRow(rows.get(key), before.sealed))
        throw new PrivityError('write_conflict', { attempts: 1 })
      return [key, sealed]
    },
  }
}
