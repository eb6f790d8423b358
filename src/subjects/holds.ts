import { isPrivityError } from '../base/errors.ts'
import type { Rows } from '../storage/participant.ts'
import type { Key } from '../storage/store.ts'
import { isGone } from './gone.ts'
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
  /** Somebody is there whom nobody can open: what they are kept by is not known. */
  readonly isAnyUnreadable: boolean
  /** Whether they are as they were read, and the same. */
  isSame(group: Head, rows: Rows): boolean
}

/** Of what nobody's members are asked about. */
export const NO_MEMBERS: MembersSeen = {
  keys: [],
  members: [],
  isAnyUnreadable: false,
  isSame: () => true,
}
/** Ground of what a member may keep who does not open. */
export const UNREADABLE = 'unreadable'

/** Whether a legal hold keeps everything of somebody. */
export function isHeldWhole(head: Pick<Head, 'holds'>): boolean {
  return wholeHold(head) !== undefined
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
    members: opened.filter((person) => typeof person === 'object'),
    isAnyUnreadable: opened.includes(UNREADABLE),
    isSame: (group, rows) =>
      isSameList(members, group.members ?? []) &&
      keys.every((key, at) => sameRow(documents[at], rows.get(key))),
  }
}

/** The hold on everything of a member that keeps a group, also one that may be there; undefined without. Pure. */
export function heldGround(seen: MembersSeen): string | undefined {
  return certainHold(seen) ?? unreadableOf(seen)
}

/** What of its members keeps a group; the restriction of whoever is erased themselves does not. Pure. */
export function keptGround(seen: MembersSeen, erasedId?: string): string | undefined {
  const isRestricted = seen.members.some(
    ({ id, head }) => id !== erasedId && head.restrictedAt !== undefined,
  )
  return certainHold(seen) ?? (isRestricted ? 'restriction' : unreadableOf(seen))
}

function certainHold({ members }: MembersSeen): string | undefined {
  const [hold] = members.flatMap(({ head }) => wholeHold(head) ?? [])
  return hold === undefined ? undefined : `hold:${hold}`
}

function unreadableOf({ isAnyUnreadable }: MembersSeen): string | undefined {
  return isAnyUnreadable ? UNREADABLE : undefined
}

function wholeHold({ holds = {} }: Pick<Head, 'holds'>): string | undefined {
  return Object.entries(holds).find(([, { items }]) => items === undefined)?.[0]
}

async function openMember(
  people: People,
  id: string,
  document: Uint8Array | undefined,
): Promise<Person | 'gone' | typeof UNREADABLE> {
  try {
    return await people.openStored(id, document)
  } catch (error) {
    if (isPrivityError(error, 'erased')) return 'gone'
    // An erasure leaves a fence: a document that is damaged, or away, may be back tomorrow with its holds.
    if (isGone(error) || isUnreadable(error)) return UNREADABLE
    throw error
  }
}

function isSameList(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((id) => others.includes(id))
}
