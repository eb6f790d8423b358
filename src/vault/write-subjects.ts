import { isPrivityError, PrivityError } from '../base/errors.ts'
import type { ParsedAsk } from '../permit/ask.ts'
import { type Concerned, concernedOf, idsOf } from '../permit/concerned.ts'
import { notPermitted, type Related } from '../permit/permit.ts'
import type { Rows } from '../storage/participant.ts'
import type { Key } from '../storage/store.ts'
import type { Draft } from '../subjects/draft.ts'
import type { Person } from '../subjects/person.ts'
import { isGroup, requireGroup, requirePerson } from '../subjects/require-kind.ts'
import { withWitness } from '../subjects/witness.ts'
import type { Target, Vault } from './vault.ts'

/** Those whom a write is about, known before the commit and looked at again in it. */
export interface WriteSubjects {
  readonly related: Related
  /** Documents of members: to be read, and to be held in the commit. */
  readonly keys: readonly Key[]
  /** @throws {@link write_conflict} when they are others by now */
  concernedIn(draft: Draft, rows: Rows): Concerned
}

/** Who writes about whom. */
export interface Writing {
  readonly ask: ParsedAsk
  readonly id: string
  readonly signal?: AbortSignal | undefined
}

/** Others may come and go all the time. */
const LOOKS = 32

/** Runs a write for the person, or for all members of the group; whether it fits the record type is not asked here. */
export function withSubjects<T>(
  vault: Vault,
  target: Pick<Target, 'record'>,
  { writing, run }: { readonly writing: Writing; run(subjects: WriteSubjects): Promise<T> },
): Promise<T> {
  const of = target.record.sharedWith === undefined ? withPerson : withGroup
  return of(vault, writing, run)
}

/** Whether a record type is about such a subject: about a group where it is shared, about a person else. */
export function isAboutSuch(
  { record }: Pick<Target, 'record'>,
  { head }: Pick<Person, 'head'>,
): boolean {
  return isGroup(head) === (record.sharedWith !== undefined)
}

/** @throws {@link invalid_input} for a group under a type that is about one person, and the other way round */
export function requireSubject(
  { record }: Pick<Target, 'record'>,
  { head }: Pick<Person, 'head'>,
): void {
  const requireKind: (of: Person['head']) => void =
    record.sharedWith === undefined ? requirePerson : requireGroup
  requireKind(head)
}

async function withPerson<T>(
  { permit }: Vault,
  { ask, id, signal }: Writing,
  run: (subjects: WriteSubjects) => Promise<T>,
): Promise<T> {
  const related = await permit.related(ask, [id], signal)
  return run({ related, keys: [], concernedIn: ({ head }) => ({ head }) })
}

async function withGroup<T>(
  vault: Vault,
  writing: Writing,
  run: (subjects: WriteSubjects) => Promise<T>,
): Promise<T> {
  const { people, permit } = vault
  const { ask, id, signal } = writing
  for (let look = 1; ; look += 1) {
    const { person } = await people.read(id)
    const concerned = await concernedOf(people, person)
    const related = await permit.related(ask, idsOf(person), signal)
    const ids = livingOf(concerned)
    // In the commit, so that what was applied before is answered as it was then.
    if (ids === undefined) return run({ related, keys: [], concernedIn: deniedIn(ask, concerned) })
    let areOthers = false
    try {
      return await withWitness(people, ids, (witness) =>
        run({
          related,
          keys: witness.keys,
          concernedIn: ({ head }, rows) => {
            witness.require(rows)
            areOthers = head.members?.join() !== ids.join()
            if (areOthers) throw new PrivityError('write_conflict', { attempts: 1 })
            return { head, members: witness.people }
          },
        }),
      )
    } catch (error) {
      // A member who is gone by now is told from whoever else is by looking again, once.
      areOthers ||= look === 1 && isPrivityError(error, 'erased')
      if (!areOthers || look === LOOKS) throw error
    }
  }
}

/** Ids of the members; undefined where it is no group, or one of them is gone. */
function livingOf({ members = [] }: Concerned): readonly string[] | undefined {
  const ids = members.flatMap((member) => (member === undefined ? [] : [member.id]))
  return ids.length === members.length && ids.length > 0 ? ids : undefined
}

/** What is about a person is decided on as that, and refused for its kind; a group without members has nobody to ask. */
function deniedIn(ask: ParsedAsk, { members }: Concerned): WriteSubjects['concernedIn'] {
  return ({ head }) => {
    if (members?.length === 0) throw notPermitted(ask.name, ['erased'])
    return members === undefined ? { head } : { head, members }
  }
}
