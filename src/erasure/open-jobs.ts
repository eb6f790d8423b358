import { isId } from '../base/id.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { People } from '../subjects/people.ts'
import { endOf } from './end-of.ts'
import { fencedNow } from './fence.ts'
import { keyFence } from './fence-keys.ts'
import { type Job, type OpenJob, openJob } from './job.ts'

/**
 * A job that was begun, the plan of one for somebody whom another erased since or the row of one that is at its end, or
 * a row that does not open: one of those hides none of the others.
 */
export type FoundJob =
  | { readonly open: OpenJob }
  | { readonly outlived: OpenJob }
  | { readonly error: unknown }

/** A row may have half a megabyte. */
const PAGE = 8

/** Every erasure that somebody asked for and that is not at its end; plans of the living are left out. */
export async function* openJobs(people: People, signal?: AbortSignal): AsyncGenerator<FoundJob> {
  const { store, keyspace } = people.deps
  const prefix = keyspace.job('')
  for await (const [key, sealed] of scanRows(store, prefix, { page: PAGE })) {
    signal?.throwIfAborted()
    // Withdrawals that wait have the same beginning, and come after all ids.
    if (key.startsWith(keyspace.spool)) return
    const id = key.slice(prefix.length)
    if (!isId(id)) continue
    const found = tryOpen(people, id, sealed)
    const stage = 'error' in found ? 'begun' : await stageOf(people, found.open.job)
    if (stage === 'begun') yield found
    else if (stage === 'outlived' && 'open' in found) yield { outlived: found.open }
  }
}

function tryOpen(
  { deps }: People,
  id: string,
  sealed: Uint8Array,
): Exclude<FoundJob, { readonly outlived: OpenJob }> {
  try {
    return { open: openJob(deps, id, sealed) }
  } catch (error) {
    return { error }
  }
}

/** A fence is put before anything is stored of it: for what crashed right then, it speaks itself. */
async function stageOf({ deps }: People, job: Job): Promise<'begun' | 'planned' | 'outlived'> {
  const { step, wanted, erasureId, subjectId } = job
  if ((await endOf(deps, erasureId)) !== undefined) return 'outlived'
  if (wanted === true || (step !== 'asked' && step !== 'planned')) return 'begun'
  const fenced = await fencedNow(deps, subjectId)
  const fence = fenced?.fence ?? (await keyFence(deps, subjectId))
  if (fence?.erasureId === erasureId && step === 'planned') return 'begun'
  return fenced !== undefined && fenced.sections.length === 0 ? 'outlived' : 'planned'
}
