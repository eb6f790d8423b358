import * as z from 'zod/mini'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import type { SubjectId } from '../base/id.ts'
import { parseOptions } from '../base/parse-options.ts'
import { parseInput } from '../base/parse.ts'
import {
  createGroup,
  type GroupInput,
  type GroupOptions,
  groupsOf,
  joinGroup,
  leaveGroup,
  membersOf,
} from './groups.ts'
import {
  addPerson,
  externalIdShape,
  jurisdictionShape,
  registeredAs,
  type RegistrationDeps,
} from './registration.ts'
import { closedAs, releaseId } from './release-id.ts'

/** The people whom the data is about, each under a random id. */
export interface Subjects {
  /**
   * Adds a person and resolves to a random id, which is a pseudonym by itself.
   *
   * @throws {@link already_exists} when the `externalId` is registered
   * @throws {@link suppressed} when it is of somebody who was erased
   * @throws {@link invalid_input}
   */
  register(input?: RegisterInput): Promise<{ readonly id: SubjectId }>
  /**
   * Registers somebody who was erased once more, because of a decision that the log keeps: under a new id, which
   * opens nothing of before. Where a law kept something, the `externalId` goes over to the new id.
   *
   * @throws {@link invalid_transition} when nobody of this `externalId` was erased
   * @throws {@link already_exists} when the `externalId` is registered
   * @throws {@link invalid_input}
   */
  reauthorise(input: ReauthoriseInput): Promise<{ readonly id: SubjectId }>
  /**
   * Registers people whom some records are about together, e.g. a household: records of types that are
   * `sharedWith` the members are kept under its id, and only what every member permits is permitted.
   *
   * @throws {@link not_found} or {@link erased} when a member is no person who is registered
   * @throws {@link already_exists} when the `externalId` is registered
   * @throws {@link suppressed} when it is of a group that was erased
   * @throws {@link invalid_input} also where a member is a group
   * @example
   * ```ts
   * const ada = await privity.subjects.register()
   * const ben = await privity.subjects.register()
   * const household = await privity.subjects.group({ members: [ada.id, ben.id] })
   * await privity.subjects.leave(household.id, ben.id)
   * ```
   */
  group(input: GroupInput): Promise<{ readonly id: SubjectId }>
  /**
   * Adds a person to a group; whoever is in it stays in it.
   *
   * @throws {@link not_found} · @throws {@link erased} · @throws {@link invalid_input}
   */
  join(groupId: SubjectId, subjectId: SubjectId, options?: GroupOptions): Promise<void>
  /**
   * Takes a person out of a group. The last member cannot leave: erase the group, or the member.
   *
   * @throws {@link invalid_transition} for the last member
   * @throws {@link not_found} · @throws {@link erased} · @throws {@link invalid_input}
   */
  leave(groupId: SubjectId, subjectId: SubjectId, options?: GroupOptions): Promise<void>
  /** Who is in a group. @throws {@link invalid_input} for a person · @throws {@link not_found} */
  members(groupId: SubjectId): Promise<readonly SubjectId[]>
  /** Which groups a person is in. @throws {@link invalid_input} for a group · @throws {@link not_found} */
  groups(subjectId: SubjectId): Promise<readonly SubjectId[]>
  /** The person of an app's own id, through a blind index; undefined when there is none. */
  find(by: { readonly externalId: string }): Promise<{ readonly id: SubjectId } | undefined>
}

/** What is known when a person is registered. */
export interface RegisterInput {
  /** ISO 3166-1 or 3166-2, e.g. `NL` or `US-CA`. */
  readonly jurisdiction?: string
  /** The app's own id of this person, 1 to 256 characters. Stored blinded and sealed only. */
  readonly externalId?: string
}

/** Who comes back, and why. */
export interface ReauthoriseInput {
  /** The app's own id of somebody who was erased, 1 to 256 characters. */
  readonly externalId: string
  /** A word, not a sentence: it is in the log. E.g. `new_contract`. */
  readonly reason: string
  /** Who decided, e.g. `staff:ida`; in the log, sealed with the person's key. */
  readonly actor?: string
  /** ISO 3166-1 or 3166-2, e.g. `NL` or `US-CA`. */
  readonly jurisdiction?: string
}

const registerInput = z.strictObject({
  jurisdiction: z.optional(jurisdictionShape),
  externalId: z.optional(externalIdShape),
})
const reauthoriseInput = z.strictObject({
  externalId: externalIdShape,
  reason: z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._:()-]{0,63}$/)),
  actor: z.optional(externalIdShape),
  jurisdiction: z.optional(jurisdictionShape),
})
const findInput = z.strictObject({ externalId: externalIdShape })

/** Registers and finds people under the running policy. */
export function createSubjects(deps: RegistrationDeps): Subjects {
  return {
    register: (input) => register(deps, input),
    reauthorise: (input) => reauthorise(deps, input),
    find: (by) => find(deps, by),
    group: (input) => createGroup(deps, input),
    join: (groupId, subjectId, options) => joinGroup(deps, groupId, subjectId, options),
    leave: (groupId, subjectId, options) => leaveGroup(deps, groupId, subjectId, options),
    members: (groupId) => membersOf(deps.people, groupId),
    groups: (subjectId) => groupsOf(deps.people, subjectId),
  }
}

async function register(
  deps: RegistrationDeps,
  input: unknown,
): Promise<{ readonly id: SubjectId }> {
  const given = parseOptions(registerInput, input)
  const { externalId } = given
  try {
    return await addPerson(deps, { ...given, event: { type: 'subject.registered' }, isBack: false })
  } catch (error) {
    const isTaken = externalId !== undefined && isPrivityError(error, 'already_exists')
    // Erased, but for what a law keeps: to come back takes a decision, as after any erasure.
    if (isTaken && (await closedAs(deps.people, externalId)) !== undefined)
      throw new PrivityError('suppressed', { kind: 'subject' })
    throw error
  }
}

async function reauthorise(
  deps: RegistrationDeps,
  input: unknown,
): Promise<{ readonly id: SubjectId }> {
  const { reason, actor, ...given } = parseInput(reauthoriseInput, input)
  const by = actor === undefined ? {} : { actor }
  const event = { type: 'subject.reauthorised', reason, ...by }
  const released = await releaseId(deps, given.externalId)
  return addPerson(deps, { ...given, event, isBack: released !== 'free' })
}

async function find(
  { people }: RegistrationDeps,
  by: unknown,
): Promise<{ readonly id: SubjectId } | undefined> {
  const id = await registeredAs(people, parseInput(findInput, by).externalId)
  return id === undefined ? undefined : { id }
}
