import { isPrivityError } from '../base/errors.ts'
import { dropLink } from '../subjects/group-links.ts'
import { takeOut } from '../subjects/groups.ts'
import type { Head } from '../subjects/head.ts'
import type { People } from '../subjects/people.ts'
import { isGroup } from '../subjects/require-kind.ts'
import { isUnreadable } from '../subjects/unreadable.ts'
import { lookBehind } from './destroy.ts'
import { readFence } from './fence.ts'
import { incomplete } from './incomplete.ts'
import type { Job } from './job.ts'

/** Name of groups among what may be left. */
export const GROUPS = 'privity:groups'

/** Who is taken out of groups, and how a group goes that nobody is left in. */
export interface Leaving {
  readonly people: People
  readonly member: Job
  /** Goes on with the erasure of a group that this one brought about; whether there is one. */
  goOn(groupId: string): Promise<boolean>
  /** Erases a group, unless that was done. */
  eraseGroup(groupId: string): Promise<void>
}

/** How a group stands: what is behind a fence may come back, what is gone does not. */
type Standing =
  | { readonly kind: 'gone' }
  | { readonly kind: 'open'; readonly members: readonly string[]; readonly isClosed: boolean }
  /** Members are unknown where the fence stands before the keys alone, or nobody can open what is behind. */
  | {
      readonly kind: 'fenced'
      readonly members: readonly string[] | undefined
      readonly isClosed: boolean
    }

const GONE = { kind: 'gone' } as const
const UNKNOWN = { kind: 'fenced', members: undefined, isClosed: false } as const

/** Groups that name a person, or did when an earlier attempt came to this. */
export function groupsOf(
  { groups: known = [] }: Pick<Job, 'groups'>,
  head: Pick<Head, 'groups'> | undefined,
): Pick<Job, 'groups'> {
  const groups = [...new Set([...known, ...(head?.groups ?? [])])]
  return groups.length === 0 ? {} : { groups }
}

/**
 * Takes somebody out of their groups, one by one; from a group that nobody is left in nothing stays. May be run again
 * after a crash at any point.
 *
 * @throws {@link erasure_incomplete} naming `privity:groups` while another erasure stands before one of them
 */
export async function leaveGroups(leaving: Leaving): Promise<void> {
  const { member } = leaving
  for (const groupId of member.groups ?? []) {
    try {
      await leaveOne(leaving, groupId)
    } catch (error) {
      throw isInTheWay(error) ? incomplete(member, [GROUPS]) : error
    }
  }
}

/** Takes groups off somebody who is closed: what has to stay of them names none. */
export async function unlinkGroups({ people, member }: Leaving): Promise<void> {
  for (const id of member.groups ?? []) await dropLink(people, { id, member: member.subjectId })
}

/** Whether a group still names somebody, or goes with them and is not gone yet. */
export async function areGroupsLeft({
  people,
  member,
  isUnderWay,
}: Pick<Leaving, 'people' | 'member'> & {
  isUnderWay(groupId: string): Promise<boolean>
}): Promise<boolean> {
  for (const groupId of member.groups ?? []) {
    const standing = await standingOf(people, groupId)
    if (standing.kind === 'gone') continue
    const { members = [member.subjectId] } = standing
    const isNamed = members.includes(member.subjectId) || isEmpty(standing)
    if (isNamed || (await isUnderWay(groupId))) return true
  }
  return false
}

async function leaveOne(leaving: Leaving, groupId: string): Promise<void> {
  const { people, member, goOn, eraseGroup } = leaving
  if (await goOn(groupId)) return
  const standing = await standingOf(people, groupId)
  if (standing.kind === 'gone') return
  const { kind, members = [member.subjectId] } = standing
  const isIn = members.includes(member.subjectId)
  // What stands before the group may be taken back: whoever is in it then would be named again.
  if (kind === 'fenced' && (isIn || isEmpty(standing))) throw incomplete(member, [GROUPS])
  if (kind === 'fenced') return
  const out = { id: groupId, member: member.subjectId, options: {}, last: 'empty' } as const
  const left = isIn ? await takeOut(people, out) : members.length
  if (left === 0) await eraseGroup(groupId)
}

/** Another erasure stands before a group, or it does not open. */
function isInTheWay(error: unknown): boolean {
  const isOther = isPrivityError(error, 'erasure_incomplete') || isPrivityError(error, 'erased')
  return isOther || isUnreadable(error)
}

/** Nobody is left to have a group erased that is not closed, should what stands before it be taken back. */
function isEmpty(standing: Exclude<Standing, typeof GONE>): boolean {
  return standing.members?.length === 0 && !standing.isClosed
}

async function standingOf(people: People, groupId: string): Promise<Standing> {
  try {
    const { head } = (await people.read(groupId)).person
    if (!isGroup(head)) return GONE
    return { kind: 'open', members: head.members, isClosed: head.closed !== undefined }
  } catch (error) {
    if (isPrivityError(error, 'not_found')) return GONE
    if (isPrivityError(error, 'erased')) return behindFence(people, groupId)
    throw error
  }
}

async function behindFence(people: People, groupId: string): Promise<Standing> {
  const { store, keyspace } = people.deps
  const [document] = await store.read([keyspace.person(groupId)])
  if (document === undefined) return GONE
  const fenced = readFence(people.deps, groupId, document)
  if (fenced === undefined) return UNKNOWN
  if (fenced.sections.length === 0) return GONE
  const { erasureId } = fenced.fence
  const behind = await lookBehind(people, { erasureId, subjectId: groupId }).catch(lostIfTurned)
  if (behind === 'nothing') return GONE
  if (behind === 'lost') return UNKNOWN
  const { members, closed } = behind.head
  return { kind: 'fenced', members, isClosed: closed !== undefined }
}

/** A fence that somebody lifted meanwhile, or put: the next attempt finds how it stands. */
function lostIfTurned(error: unknown): 'lost' {
  if (isPrivityError(error, 'erased')) return 'lost'
  throw error
}
