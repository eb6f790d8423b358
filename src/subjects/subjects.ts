import * as z from 'zod/mini'
import { fromUtf8, toHex, utf8 } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { randomId, type SubjectId } from '../base/id.ts'
import { parseInput } from '../base/parse.ts'
import { randomBytes } from '../crypto/random.ts'
import { toBase64url } from '../base/bytes.ts'
import type { Key } from '../storage/store.ts'
import type { People } from './people.ts'

/** The people whom the data is about, each under a random id. */
export interface Subjects {
  /**
   * Adds a person and resolves to a random id, which is a pseudonym by itself.
   *
   * @throws {@link already_exists} when the `externalId` is registered
   * @throws {@link invalid_input}
   */
  register(input?: RegisterInput): Promise<{ readonly id: SubjectId }>
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

const externalId = z.string().check(
  z.minLength(1),
  z.maxLength(256),
  z.refine((id) => id.isWellFormed()),
)
const registerInput = z.strictObject({
  jurisdiction: z.optional(z.string().check(z.regex(/^[A-Z]{2}(?:-[A-Z0-9]{1,3})?$/))),
  externalId: z.optional(externalId),
})
const findInput = z.strictObject({ externalId })

const PSEUDONYM_LENGTH = 16
const GENERATION = 1

/** Registers and finds people under the running policy. */
export function createSubjects(people: People, policy: string): Subjects {
  return {
    register: (input) => register(people, policy, input),
    find: (by) => find(people, by),
  }
}

async function register(
  people: People,
  policy: string,
  input: unknown,
): Promise<{ readonly id: SubjectId }> {
  const given = input === undefined ? {} : input
  const { jurisdiction, externalId } = parseInput(registerInput, given)
  const { clock, controller } = people.deps
  const id = randomId()
  const index = externalId === undefined ? undefined : externalKey(people, externalId)
  await people.add({
    id,
    policy,
    request: { type: 'subject.registered' },
    reads: index === undefined ? [] : [index],
    head: {
      registeredAt: clock.now(),
      pseudonym: toBase64url(randomBytes(PSEUDONYM_LENGTH)),
      ...(jurisdiction === undefined ? {} : { jurisdiction }),
      ...(externalId === undefined ? {} : { externalId }),
      consents: {},
      objections: {},
      singles: {},
      pages: {},
      many: {},
    },
    apply: (draft, rows) => {
      if (index !== undefined) {
        if (rows.get(index) !== undefined)
          throw new PrivityError('already_exists', { kind: 'subject' })
        draft.put(index, controller.seal(index, utf8(id)))
      }
      return {
        event: {
          type: 'subject.registered',
          ...(jurisdiction === undefined ? {} : { jurisdiction }),
        },
        value: id,
      }
    },
  })
  return { id }
}

async function find(people: People, by: unknown): Promise<{ readonly id: SubjectId } | undefined> {
  const key = externalKey(people, parseInput(findInput, by).externalId)
  const { store, controller } = people.deps
  const [sealed] = await store.read([key])
  const id = sealed === undefined ? undefined : fromUtf8(controller.open(key, sealed))
  return id === undefined ? undefined : { id }
}

/** Row of an app's own id; also what an erasure removes. */
export function externalKey({ deps: { keyspace, controller } }: People, externalId: string): Key {
  return keyspace.external(GENERATION, toHex(controller.externalToken(externalId)))
}
