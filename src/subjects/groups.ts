import * as z from 'zod/mini'
import { invalidInput, PrivityError } from '../base/errors.ts'
import { isId, randomId, type SubjectId } from '../base/id.ts'
import { parseInput } from '../base/parse.ts'
import type { Draft } from './draft.ts'
import { findGroup, link, type Membership, orIgnored, orUnlink, unlink } from './group-links.ts'
import type { People } from './people.ts'
import {
  addPerson,
  externalIdShape,
  registeredAs,
  jurisdictionShape,
  type RegistrationDeps,
} from './registration.ts'
import { requireGroup, requirePerson } from './require-kind.ts'
import { withWitness } from './witness.ts'
import { type ParsedWriteOptions, parseSubjectId, parseWriteOptions } from './write-options.ts'

/** Options of a change to a group. */
export interface GroupOptions {
  /** Gives up waiting; the change may still take effect. */
  readonly signal?: AbortSignal
  /** Same id, same effect, at most once. Default: a random one. */
  readonly operationId?: string
}

/** People whom some records are about together, e.g. a household. */
export interface GroupInput {
  /** 1 to 64 people. */
  readonly members: readonly SubjectId[]
  /** ISO 3166-1 or 3166-2, e.g. `NL` or `US-CA`. */
  readonly jurisdiction?: string
  /** The app's own id of the group, 1 to 256 characters. Stored blinded and sealed only. */
  readonly externalId?: string
}

const MAX_MEMBERS = 64

const groupInput = z.strictObject({
  members: z.array(z.string()).check(z.minLength(1), z.maxLength(MAX_MEMBERS)),
  jurisdiction: z.optional(jurisdictionShape),
  externalId: z.optional(externalIdShape),
})

/** Links the members first: nobody is in a group that their erasure would not find. */
export async function createGroup(
  deps: RegistrationDeps,
  input: unknown,
): Promise<{ readonly id: SubjectId }> {
  const { members, ...given } = parseInput(groupInput, input)
  members.forEach((member, index) => {
    if (members.indexOf(member) !== index) throw invalidInput(['members', index], 'duplicate')
    if (!isId(member)) throw new PrivityError('not_found', { kind: 'subject' })
  })
  const { people } = deps
  if (
    given.externalId !== undefined &&
    (await registeredAs(people, given.externalId)) !== undefined
  )
    throw new PrivityError('already_exists', { kind: 'subject' })
  const id = randomId()
  await withWitness(people, members, async (witness) => {
    for (const { head } of witness.people) requirePerson(head, ['members'])
  })
  return orUnlink(people, { id, members }, async () => {
    for (const member of members) await link(people, { id, member })
    return withWitness(people, members, (witness) =>
      addPerson(deps, {
        ...given,
        event: { type: 'group.registered', members: members.length },
        isBack: false,
        group: { id, witness },
      }),
    )
  })
}

/** Adds a person to a group. */
export async function joinGroup(
  deps: RegistrationDeps,
  ...[groupId, subjectId, given]: readonly unknown[]
): Promise<void> {
  const { people } = deps
  const [id, member] = [parseSubjectId(groupId), parseSubjectId(subjectId)]
  const options = parseGroupOptions(given)
  if ((await membersOf(people, id)).includes(member)) return
  options.signal?.throwIfAborted()
  await orUnlink(people, { id, members: [member] }, async () => {
    await link(people, { id, member })
    const wasApplied = await addTo(deps, { id, member, options })
    // Joined under this id and left since: that they were linked again meant nothing.
    if (wasApplied) await orIgnored(unlink(people, { id, member }))
  })
}

/** Holds the person as linked: whoever leaves or is erased meanwhile is not in the group. Whether it was done before. */
async function addTo(
  { people, policy }: RegistrationDeps,
  { id, member, options }: Membership & { readonly options: GroupOptions },
): Promise<boolean> {
  const { receipt } = await withWitness(people, [member], (witness) =>
    people.change<null>({
      id,
      ...options,
      policy,
      reads: witness.keys,
      held: witness.keys,
      request: { type: 'group.joined', member },
      apply: (draft, rows) => {
        witness.require(rows)
        const [person] = witness.people
        if (person?.head.closed !== undefined) throw new PrivityError('erased', { kind: 'subject' })
        // Somebody took them out between the two commits.
        if (person?.head.groups?.includes(id) !== true)
          throw new PrivityError('write_conflict', { attempts: 1 })
        return { event: { type: 'group.joined', members: addMember(draft, member) }, value: null }
      },
    }),
  )
  return receipt === undefined
}

/** Takes a person out of a group, who is not the last. */
export async function leaveGroup(
  { people }: Pick<RegistrationDeps, 'people'>,
  ...[groupId, subjectId, given]: readonly unknown[]
): Promise<void> {
  const [id, member] = [parseSubjectId(groupId), parseSubjectId(subjectId)]
  const options = parseGroupOptions(given)
  const group = await findGroup(people, id)
  if (group === undefined) return unlinkGone(people, { id, member })
  if (group.members.includes(member)) await takeOut(people, { id, member, options, last: 'refuse' })
  await orIgnored(unlink(people, { id, member }))
}

/** Who is in a group. */
export async function membersOf(people: People, groupId: unknown): Promise<readonly SubjectId[]> {
  const { person } = await people.read(parseSubjectId(groupId))
  requireGroup(person.head)
  return Object.freeze([...person.head.members])
}

/** Which groups a person is in, those that never came about among them. */
export async function groupsOf(people: People, subjectId: unknown): Promise<readonly SubjectId[]> {
  const { person } = await people.read(parseSubjectId(subjectId))
  requirePerson(person.head)
  return Object.freeze([...(person.head.groups ?? [])])
}

interface TakingOut extends Membership {
  readonly options: GroupOptions
  /** Whether somebody may be the last. */
  readonly last: 'refuse' | 'empty'
}

/** Takes somebody out of a group; resolves to how many are left. */
export async function takeOut(
  people: People,
  { id, member, options, last }: TakingOut,
): Promise<number> {
  const { value } = await people.change<number>({
    id,
    ...options,
    request: { type: 'group.left', member },
    apply: (draft) => {
      const { head } = draft
      requireGroup(head)
      const members = head.members.filter((other) => other !== member)
      if (members.length === 0 && last === 'refuse')
        throw new PrivityError('invalid_transition', {
          machine: 'group',
          from: 'one_member',
          event: 'leave',
        })
      draft.head = { ...head, members }
      return { event: { type: 'group.left', members: members.length }, value: members.length }
    },
  })
  return value
}

function addMember(draft: Draft, member: string): number {
  const { head } = draft
  requireGroup(head)
  // The last one was erased: what was about them is going, but for what a law keeps.
  if (head.members.length === 0 || head.closed !== undefined)
    throw new PrivityError('erased', { kind: 'subject' })
  const members = [...head.members.filter((other) => other !== member), member]
  if (members.length > MAX_MEMBERS) throw invalidInput(['members'], 'too_many')
  draft.head = { ...head, members }
  return members.length
}

/** A link to a group that is gone can be taken off; to one that never was, there is none. */
async function unlinkGone(people: People, { id, member }: Membership): Promise<void> {
  const { head } = (await people.read(member)).person
  if (head.groups?.includes(id) === true) return unlink(people, { id, member })
  await membersOf(people, id)
}

function parseGroupOptions(options: unknown): GroupOptions {
  const { ifRevision, ...parsed }: ParsedWriteOptions = parseWriteOptions(options)
  if (ifRevision !== undefined) throw invalidInput(['ifRevision'], 'unrecognized_keys')
  return parsed
}
