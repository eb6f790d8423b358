import {
  heldGround,
  keptGround,
  type MembersSeen,
  NO_MEMBERS,
  seeMembers,
} from '../../subjects/holds.ts'
import type { Head } from '../../subjects/head.ts'
import type { People } from '../../subjects/people.ts'
import { incomplete } from '../incomplete.ts'
import type { Job } from '../job.ts'

/** Name of what came to be kept after the plan was made. */
export const KEPT = 'privity:kept'

const OWN: ReadonlySet<string | undefined> = new Set(['ended', 'due', 'left'])

/**
 * The members of a group of which a part may be erased, as they are now; none of anybody else, nor where it was
 * erased before.
 *
 * @throws {@link erasure_incomplete} naming `privity:kept` while something of a member keeps it
 */
export async function requireFreeMembers(
  people: People,
  job: Job,
  head: Head,
): Promise<MembersSeen> {
  if (job.isReplayed === true || job.partial?.rule.kind === 'replayed') return NO_MEMBERS
  const members = await seeMembers(people, head)
  const groundOf = isOwn(job) ? keptGround : heldGround
  if (groundOf(members) !== undefined) throw incomplete(job, [KEPT])
  return members
}

/** What nobody asked for does not happen to what is restricted: Article 18(2) GDPR. */
function isOwn({ partial }: Job): boolean {
  return OWN.has(partial?.rule.kind)
}
