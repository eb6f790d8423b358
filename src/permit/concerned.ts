import { isGone } from '../subjects/gone.ts'
import type { Head } from '../subjects/head.ts'
import type { People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import { isGroup } from '../subjects/require-kind.ts'

/** Those whom a document is about: one person, or the members of a group. */
export interface Concerned {
  /** Of the document itself. */
  readonly head: Head
  /** Absent for one person. One who is gone, and is not yet taken out of the group, is undefined. */
  readonly members?: readonly (Person | undefined)[]
}

/** One person alone is known at once; the members of a group are read. */
export function concernedOf(
  people: People,
  { head }: Pick<Person, 'head'>,
  signal?: AbortSignal | undefined,
): Concerned | Promise<Concerned> {
  return isGroup(head) ? readMembers(people, { head, signal }) : { head }
}

/** Ids of those whom a document is about; of a group that nobody is left in, its own. */
export function idsOf({ id, head }: Pick<Person, 'id' | 'head'>): readonly string[] {
  return head.members === undefined || head.members.length === 0 ? [id] : head.members
}

/** Heads of everybody who has a say. */
export function headsOf({ head, members }: Concerned): readonly Head[] {
  return members?.flatMap((member) => (member === undefined ? [] : [member.head])) ?? [head]
}

/** Heads under whose pseudonyms an access is logged: a group has a trail of its own. */
export function trailsOf(concerned: Concerned): readonly Head[] {
  const { head, members } = concerned
  return members === undefined ? [head] : [head, ...headsOf(concerned)]
}

async function readMembers(
  people: People,
  { head, signal }: { readonly head: Head; readonly signal: AbortSignal | undefined },
): Promise<Concerned> {
  const members = await Promise.all(
    (head.members ?? []).map((id) => readMember(people, id, signal)),
  )
  return { head, members }
}

async function readMember(
  people: People,
  id: string,
  signal: AbortSignal | undefined,
): Promise<Person | undefined> {
  try {
    return (await people.read(id, [], signal)).person
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}
