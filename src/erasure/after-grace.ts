import type { ErasureHook } from './hook.ts'
import { advanceJob, type OpenJob } from './job.ts'

/**
 * An erasure whose time to be taken back is over: hooks plan again, and so do those that were installed meanwhile, whose
 * systems have data of the person as well. A part takes along only the hooks that it was planned with.
 */
export function withInstalled(hooks: readonly ErasureHook[], open: OpenJob): OpenJob {
  const { job } = open
  if (job.partial !== undefined) return open
  const planned = new Set(job.hooks.map(({ hook }) => hook))
  const more = hooks
    .filter(({ id }) => !planned.has(id))
    .map(({ id, version, needsPlaintext }) => ({
      hook: id,
      ...(version === undefined ? {} : { version }),
      ...(needsPlaintext === true ? { needsPlaintext } : {}),
      items: [],
    }))
  return more.length === 0 ? open : advanceJob(open, { hooks: [...job.hooks, ...more] })
}
