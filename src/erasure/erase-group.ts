import { isPrivityError } from '../base/errors.ts'
import type { People } from '../subjects/people.ts'
import { derivedId } from './derived-id.ts'
import { endOf, idAgain } from './end-of.ts'
import { keyFence } from './fence-keys.ts'
import { addJob, findJob, type Job, type OpenJob } from './job.ts'

/** How an erasure that another one brings about is planned and run. */
export interface OtherErasures {
  readonly people: People
  plan(asked: Job): Promise<Job>
  proceed(open: OpenJob): Promise<string>
}

/** Whether the erasure of a group that a member brought about is not at its end. */
export async function isGroupUnderWay(
  people: People,
  member: Job,
  groupId: string,
): Promise<boolean> {
  const erasureId = await idOf(people, member, groupId)
  if ((await findJob(people.deps, erasureId)) === undefined) return false
  return (await endOf(people.deps, erasureId)) === undefined
}

/** Goes on with the erasure of a group; whether there is one that is not at its end. */
export async function goOnWithGroup(
  { people, proceed }: OtherErasures,
  member: Job,
  groupId: string,
): Promise<boolean> {
  const open = await findBegun(people, member, groupId)
  if (open === undefined) return false
  try {
    await proceed(open)
    return true
  } catch (error) {
    // Another erasure stands before the group since, and may have taken it along.
    if (isPrivityError(error, 'erased')) return false
    throw error
  }
}

/**
 * Erases a group that a member was the last of, once.
 *
 * @throws {@link erased} while another erasure stands before the group
 */
export async function eraseGroup(
  { people, plan, proceed }: OtherErasures,
  member: Job,
  groupId: string,
): Promise<void> {
  const asked = await askedOf(people, member, groupId)
  if ((await endOf(people.deps, asked.erasureId)) !== undefined) return
  await proceed(await addJob(people.deps, await plan(asked)))
}

/** Of one that a copy of the store from before knows nothing of, the fence before the keys of the group speaks. */
async function findBegun(
  people: People,
  member: Job,
  groupId: string,
): Promise<OpenJob | undefined> {
  const erasureId = await idOf(people, member, groupId)
  // First: before its fence an erasure has a job, and after it a certificate.
  const fence = await keyFence(people.deps, groupId)
  const open = await findJob(people.deps, erasureId)
  if ((await endOf(people.deps, erasureId)) !== undefined) return undefined
  if (open !== undefined || fence?.erasureId !== erasureId) return open
  return addJob(people.deps, { ...(await askedOf(people, member, groupId)), isReplayed: true })
}

async function askedOf(people: People, member: Job, groupId: string): Promise<Job> {
  return {
    erasureId: await idOf(people, member, groupId),
    subjectId: groupId,
    reason: member.reason,
    ...(member.unreadable === undefined ? {} : { unreadable: member.unreadable }),
    hooks: [],
    plannedAt: people.now(),
    step: 'asked',
    // `work` goes on with it as well, should this process end.
    wanted: true,
  }
}

/**
 * The same again goes on with the erasure that is open: a second one would take what came since. One that was taken back,
 * because something of the group came to be kept, is followed by another once nothing is.
 */
async function idOf({ deps }: People, { erasureId }: Job, groupId: string): Promise<string> {
  return idAgain(deps, derivedId(`${erasureId}/group/${groupId}`), ['cancelled'])
}
