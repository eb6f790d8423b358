import {
  heldGround,
  keptGround,
  type MembersSeen,
  NO_MEMBERS,
  seeMembers,
  UNREADABLE as UNKNOWN,
} from '../../subjects/holds.ts'
import type { Head } from '../../subjects/head.ts'
import type { People } from '../../subjects/people.ts'
import { incomplete } from '../incomplete.ts'
import type { Job } from '../job.ts'

/** Name of what came to be kept after the plan was made. */
export const KEPT = 'privity:kept'
/** Name of what nobody can open, and so nobody can say of whether it is kept. */
export const UNREADABLE = 'privity:unreadable'

const OWN: ReadonlySet<string | undefined> = new Set(['ended', 'due', 'left'])

/**
 * The members of a group of which a part may be erased, as they are now; none of anybody else, nor where it was
 * erased before.
 *
 * @throws {@link erasure_incomplete} naming `privity:kept` while something of a member keeps it, and
 * `privity:unreadable` while one of them does not open
 */
export async function requireFreeMembers(
  people: People,
  job: Job,
  head: Head,
): Promise<MembersSeen> {
  if (job.isReplayed === true || job.partial?.rule.kind === 'replayed') return NO_MEMBERS
  const members = await seeMembers(people, head)
  const failing = failingOf(job, (isOwn(job) ? keptGround : heldGround)(members))
  if (failing !== undefined) throw incomplete(job, [failing])
  return members
}

/** By what a member keeps a group that is to be erased as a whole: as what names it; undefined where nothing does. */
export async function heldByMember(
  people: People,
  job: Job,
  head: Head,
): Promise<string | undefined> {
  return failingOf(job, heldGround(await seeMembers(people, head)))
}

/** Whether somebody may be erased of whom nobody can say what keeps them: where that was asked for, or was done before. */
export function mayBeUnreadable({ unreadable, isReplayed }: Job): boolean {
  return unreadable === 'erase' || isReplayed === true
}

function failingOf(job: Job, ground: string | undefined): string | undefined {
  if (ground !== UNKNOWN) return ground === undefined ? undefined : KEPT
  return mayBeUnreadable(job) ? undefined : UNREADABLE
}

/** What nobody asked for does not happen to what is restricted: Article 18(2) GDPR. */
function isOwn({ partial }: Job): boolean {
  return OWN.has(partial?.rule.kind)
}
