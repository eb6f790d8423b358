import { isPrivityError } from '../base/errors.ts'
import type { People } from '../subjects/people.ts'
import { scrubStores } from '../subjects/scrub-stores.ts'
import { endOf, idAgain } from './end-of.ts'
import { type Fence, type Fenced, fencedNow } from './fence.ts'
import { destroyKeys, keyFence } from './fence-keys.ts'
import { addJob, findJob, type OpenJob } from './job.ts'

/** Who is to be erased, and why. */
export interface TakingUp {
  readonly subjectId: string
  readonly reason: string
}

interface Standing {
  readonly fence: Fence
  /** Undefined where a fence stands before the keys alone. */
  readonly document: Fenced | undefined
}

/**
 * The erasure that a fence before a person speaks of, to go on with. One of which the store knows nothing, because
 * it is an older copy than the key store, is begun again under its own id; of one that is at its end, what somebody put
 * back is erased under the next. Undefined where nothing was, but keys: those are destroyed again. Undefined for the fence
 * of one that was cancelled: whoever put that before a document may have it lifted as little as carried out.
 */
export async function takeUp(
  people: People,
  { subjectId, reason }: TakingUp,
): Promise<OpenJob | undefined> {
  const { deps } = people
  const standing = await standingOf(people, subjectId)
  if (standing === undefined) return undefined
  const { erasureId } = standing.fence
  const open = await findJob(deps, erasureId)
  const end = await endOf(deps, erasureId)
  if (open !== undefined && end === undefined) return open
  if (end === 'cancelled' && standing.document !== undefined) return undefined
  if (await isEnded(people, standing)) {
    await destroyKeys(deps, { erasureId, subjectId }, people.now())
    await scrubStores(deps)
    return undefined
  }
  // Somebody may have cancelled it right now: then there is no fence any more.
  const isStill = (await standingOf(people, subjectId))?.fence.erasureId === erasureId
  if (!isStill) return undefined
  return beginAgain(people, { erasureId: await idAgain(deps, erasureId), subjectId, reason })
}

/** Destroys the keys of somebody whose erasure is at its end once more, if they were brought back. */
export async function destroyAgain(people: People, subjectId: string): Promise<void> {
  const standing = await standingOf(people, subjectId)
  if (standing === undefined || !(await isEnded(people, standing))) return
  const { erasureId } = standing.fence
  await destroyKeys(people.deps, { erasureId, subjectId }, people.now())
}

/**
 * Not by the fence alone: one of an erasure that was cancelled may have been put there by whoever can write to the
 * store, and must not cost somebody the keys in another.
 */
async function isEnded(people: People, { fence, document }: Standing): Promise<boolean> {
  if (document?.sections.length !== 0) return false
  return (await endOf(people.deps, fence.erasureId)) === 'completed'
}

/** As in a copy of the store from before, where nobody may be there to be opened. */
async function beginAgain(
  { deps, now }: People,
  again: TakingUp & { readonly erasureId: string },
): Promise<OpenJob | undefined> {
  const asked = {
    hooks: [],
    plannedAt: now(),
    step: 'asked',
    wanted: true,
    isReplayed: true,
  } as const
  try {
    return await addJob(deps, { ...again, ...asked })
  } catch (error) {
    if (isPrivityError(error, 'write_conflict')) return findJob(deps, again.erasureId)
    throw error
  }
}

async function standingOf({ deps }: People, subjectId: string): Promise<Standing | undefined> {
  const fenced = await fencedNow(deps, subjectId)
  // One that got no further has a fence before the keys alone.
  const fence = fenced?.fence ?? (await keyFence(deps, subjectId))
  return fence === undefined ? undefined : { fence, document: fenced }
}
