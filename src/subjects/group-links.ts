import { invalidInput, isPrivityError, PrivityError } from '../base/errors.ts'
import { decodeContainer, SECTION } from '../storage/container.ts'
import type { People } from './people.ts'
import { type GroupHead, isGroup, requirePerson } from './require-kind.ts'
import { type Witness, withWitness } from './witness.ts'

/** One person in one group. */
export interface Membership {
  readonly id: string
  readonly member: string
}

const MAX_GROUPS = 256

/** Lets a person know of a group, before it names them: their erasure finds it there. */
export async function link(people: People, { id, member }: Membership): Promise<void> {
  await people.change<null>({
    id: member,
    request: { type: 'group.linked', group: id },
    apply: (draft) => {
      const { head } = draft
      requirePerson(head)
      if (head.closed !== undefined) throw new PrivityError('erased', { kind: 'subject' })
      const groups = [...(head.groups ?? []).filter((other) => other !== id), id]
      if (groups.length > MAX_GROUPS) throw invalidInput(['groups'], 'too_many')
      draft.head = { ...head, groups }
      return { event: { type: 'group.linked', group: id }, value: null }
    },
  })
}

/** Conditional on the group: whoever is in it again stays linked, or their erasure would not find it. */
export async function unlink(people: People, { id, member }: Membership): Promise<void> {
  const group = await findGroup(people, id)
  await withWitness(people, group === undefined ? [] : [id], async (witness) => {
    const [found] = witness.people
    if (found?.head.members?.includes(member) === true) return
    await dropLink(people, { id, member }, witness)
  })
}

/** Takes a group off somebody whom it does not name, and who cannot join it again while the witness holds. */
export async function dropLink(
  people: People,
  { id, member }: Membership,
  witness?: Witness,
): Promise<void> {
  const keys = witness?.keys ?? []
  await people.change<null>({
    id: member,
    reads: keys,
    held: keys,
    request: { type: 'group.unlinked', group: id },
    apply: (draft, rows) => {
      witness?.require(rows)
      const groups = (draft.head.groups ?? []).filter((other) => other !== id)
      draft.head = { ...draft.head, groups }
      return { event: { type: 'group.unlinked', group: id }, value: null }
    },
  })
}

/** What did not come about leaves no link, as far as it can be taken back. */
export async function orUnlink<T>(
  people: People,
  { id, members }: { readonly id: string; readonly members: readonly string[] },
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run()
  } catch (error) {
    for (const member of members) await orIgnored(unlink(people, { id, member }))
    throw error
  }
}

/** A link that stays is harmless: an erasure looks into a group that does not name its person, and goes on. */
export async function orIgnored(unlinking: Promise<void>): Promise<void> {
  try {
    await unlinking
  } catch (error) {
    if (!isPrivityError(error)) throw error
  }
}

/** The head of a group; undefined for one that is gone, or never came about. @throws {@link erased} for another */
export async function findGroup(people: People, groupId: string): Promise<GroupHead | undefined> {
  try {
    const { head } = (await people.read(groupId)).person
    return isGroup(head) ? head : undefined
  } catch (error) {
    if (isPrivityError(error, 'not_found')) return undefined
    if (isPrivityError(error, 'erased') && (await isGone(people, groupId))) return undefined
    throw error
  }
}

/** Whoever is named behind a fence that can be lifted stays linked, or their erasure would not find it. */
async function isGone({ deps }: People, groupId: string): Promise<boolean> {
  const [document] = await deps.store.read([deps.keyspace.person(groupId)])
  const sections = document === undefined ? [] : decodeContainer(document)
  return sections?.every(({ kind }) => kind === SECTION.fence) === true
}
