import { isPrivityError } from '../base/errors.ts'
import type { Head } from './head.ts'
import type { People } from './people.ts'
import { isUnreadable } from './unreadable.ts'

/** Whether a legal hold keeps everything of somebody. */
export function isHeldWhole({ holds = {} }: Pick<Head, 'holds'>): boolean {
  return Object.values(holds).some(({ items }) => items === undefined)
}

/** Whether a hold on a member keeps a group: it is about what is shared with them as well. */
export function isHeldByMember(people: People, group: Head): Promise<boolean> {
  return isSoOfMember(people, group, isHeldWhole)
}

/** Whether a hold or a restriction of a member keeps a group from what happens by itself. */
export function isKeptByMember(people: People, group: Head): Promise<boolean> {
  return isSoOfMember(people, group, (head) => head.restrictedAt !== undefined || isHeldWhole(head))
}

async function isSoOfMember(
  people: People,
  { members = [] }: Head,
  isSo: (head: Head) => boolean,
): Promise<boolean> {
  for (const id of members) {
    const head = await headOf(people, id)
    if (head !== undefined && isSo(head)) return true
  }
  return false
}

async function headOf(people: People, id: string): Promise<Head | undefined> {
  try {
    return (await people.read(id)).person.head
  } catch (error) {
    if (isPrivityError(error, 'erased') || isPrivityError(error, 'not_found')) return undefined
    // Of whom nobody can open, nothing is left to be kept.
    if (isUnreadable(error)) return undefined
    throw error
  }
}
