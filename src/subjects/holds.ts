import { isPrivityError } from '../base/errors.ts'
import type { Rows } from '../storage/participant.ts'
import type { Key } from '../storage/store.ts'
import type { Head } from './head.ts'
import type { People } from './people.ts'
import type { Person } from './person.ts'
import { isUnreadable } from './unreadable.ts'
import { sameRow } from '../storage/same-row.ts'

/** Members of a group as they were read; of anybody else there are none. */
export interface MembersSeen {
  /** Rows to read and to hold in the commit. */
  readonly keys: readonly Key[]
  /** Those who are there and can be opened. */
  readonly members: readonly Person[]
  /** Whether they are as they were read, and the same. */
  isSame(group: Head, rows: Rows): boolean
}

/** Of what nobody's members are asked about. */
export const NO_MEMBERS: MembersSeen = { keys: [], members: [], isSame: () => true }

/** Whether a legal hold keeps everything of somebody. */
export function isHeldWhole(head: Pick<Head, 'holds'>): boolean {
  return wholeHold(head) !== undefined
}

/** Whether a hold on a member keeps a group: it is about what is shared with them as well. */
export async function isHeldByMember(people: People, group: Head): Promise<boolean> {
  return heldGround(await seeMembers(people, group)) !== undefined
}

/** Whether a hold or a restriction of a member keeps a group from what happens by itself. */
export async function isKeptByMember(people: People, group: Head): Promise<boolean> {
  return keptGround(await seeMembers(people, group)) !== undefined
}

/** Reads the members of a group, now. @throws {@link key_unavailable} */
export async function seeMembers(people: People, { members = [] }: Head): Promise<MembersSeen> {
  const { store, keyspace } = people.deps
  const keys = members.map((id) => keyspace.person(id))
  const documents = keys.length === 0 ? [] : await store.read(keys)
  const opened = await Promise.all(members.map((id, at) => openMember(people, id, documents[at])))
  return {
    keys,
    members: opened.flatMap((person) => person ?? []),
    isSame: (group, rows) =>
      isSameList(members, group.members ?? []) &&
      keys.every((key, at) => sameRow(documents[at], rows.get(key))),
  }
}

/** The hold on everything of a member that keeps a group; undefined where there is none. Pure. */
export function heldGround({ members }: MembersSeen): string | undefined {
  const [hold] = members.flatMap(({ head }) => wholeHold(head) ?? [])
  return hold === undefined ? undefined : `hold:${hold}`
}

/** What of its members keeps a group; the restriction of whoever is erased themselves does not. Pure. */
export function keptGround(seen: MembersSeen, erasedId?: string): string | undefined {
  const isRestricted = seen.members.some(
    ({ id, head }) => id !== erasedId && head.restrictedAt !== undefined,
  )
  return heldGround(seen) ?? (isRestricted ? 'restriction' : undefined)
}

function wholeHold({ holds = {} }: Pick<Head, 'holds'>): string | undefined {
  return Object.entries(holds).find(([, { items }]) => items === undefined)?.[0]
}

async function openMember(
  people: People,
  id: string,
  document: Uint8Array | undefined,
): Promise<Person | undefined> {
  try {
    return await people.deps.keys.meet(() => people.openStored(id, document))
  } catch (error) {
    if (isPrivityError(error, 'erased') || isPrivityError(error, 'not_found')) return undefined
    // Of whom nobody can open, nothing is left to be kept.
    if (isUnreadable(error)) return undefined
    throw error
  }
}

function isSameList(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((id) => others.includes(id))
}
