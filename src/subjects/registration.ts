import * as z from 'zod/mini'
import { fromUtf8, toBase64url, toHex, utf8 } from '../base/bytes.ts'
import type { JsonObject } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { randomId, type SubjectId } from '../base/id.ts'
import { untilSteady } from '../base/tries.ts'
import { randomBytes } from '../crypto/random.ts'
import type { Key } from '../storage/store.ts'
import type { People } from './people.ts'
import type { Suppression, SuppressionLook } from './suppression.ts'
import type { Witness } from './witness.ts'

/** What registering stands on. */
export interface RegistrationDeps {
  readonly people: People
  /** The running policy. */
  readonly policy: string
  readonly suppression: Suppression
}

/** Who is added, and in which words the log says so. */
export interface Registration {
  readonly jurisdiction?: string | undefined
  readonly externalId?: string | undefined
  readonly event: JsonObject & { readonly type: string }
  /** Whether an erased person comes back; anybody else is refused then, and such a one otherwise. */
  readonly isBack: boolean
  /** Where it is no person, but a group of people who were linked with it before. */
  readonly group?: { readonly id: string; readonly witness: Witness }
}

export const externalIdShape: z.ZodMiniString = z.string().check(
  z.minLength(1),
  z.maxLength(256),
  z.refine((id) => id.isWellFormed()),
)
export const jurisdictionShape: z.ZodMiniString = z
  .string()
  .check(z.regex(/^[A-Z]{2}(?:-[A-Z0-9]{1,3})?$/))

const PSEUDONYM_LENGTH = 16
const GENERATION = 1
const LOOKS = 8

/** Adds a person under a new random id, which opens nothing that there ever was. */
export async function addPerson(
  deps: RegistrationDeps,
  registration: Registration,
): Promise<{ readonly id: SubjectId }> {
  const { externalId } = registration
  return await untilSteady(LOOKS, async () => {
    const suppressed =
      externalId === undefined ? undefined : await deps.suppression.lookAt(externalId)
    return await tryAdd(deps, registration, suppressed)
  })
}

/** `stale`: the first erased person came between looking and adding. */
async function tryAdd(
  { people, policy }: RegistrationDeps,
  { jurisdiction, externalId, event, isBack, group }: Registration,
  suppressed: SuppressionLook | undefined,
): Promise<{ readonly id: SubjectId } | 'stale'> {
  const { clock, controller } = people.deps
  const id = group?.id ?? randomId()
  const members = group?.witness.people.map((member) => member.id)
  const index = externalId === undefined ? undefined : externalKey(people, externalId)
  const where = jurisdiction === undefined ? {} : { jurisdiction }
  const pseudonym = toBase64url(randomBytes(PSEUDONYM_LENGTH))
  let isStale = false
  const add = people.add({
    id,
    policy,
    request: { type: event.type },
    reads: [
      ...(index === undefined ? [] : [index]),
      ...(suppressed?.reads ?? []),
      ...(group?.witness.keys ?? []),
    ],
    ...(group === undefined ? {} : { held: group.witness.keys }),
    head: {
      registeredAt: clock.now(),
      pseudonym,
      ...where,
      ...(externalId === undefined ? {} : { externalId }),
      ...(members === undefined ? {} : { members }),
      consents: {},
      objections: {},
      singles: {},
      pages: {},
      many: {},
    },
    apply: (draft, rows) => {
      group?.witness.require(rows)
      if (index !== undefined && rows.get(index) !== undefined)
        throw new PrivityError('already_exists', { kind: 'subject' })
      const verdict = suppressed?.verdict(rows) ?? 'free'
      isStale = verdict === 'unknown'
      if (verdict === 'unknown') throw new PrivityError('write_conflict', { attempts: 1 })
      requireExpected(verdict, isBack)
      if (index !== undefined) draft.put(index, controller.seal(index, utf8(id)))
      // Evidence shows by this that an access was to this person.
      return { event: { ...event, ...where, pseudonym }, value: id }
    },
  })
  try {
    await add
    return { id }
  } catch (error) {
    if (isStale) return 'stale'
    throw error
  }
}

function requireExpected(verdict: 'suppressed' | 'free', isBack: boolean): void {
  if (verdict === 'suppressed' && !isBack) throw new PrivityError('suppressed', { kind: 'subject' })
  if (verdict === 'free' && isBack)
    throw new PrivityError('invalid_transition', {
      machine: 'suppression',
      from: 'free',
      event: 'reauthorise',
    })
}

/** The person of an app's own id; undefined when there is none. */
export async function registeredAs(
  people: People,
  externalId: string,
): Promise<string | undefined> {
  const { store, controller } = people.deps
  const key = externalKey(people, externalId)
  const [sealed] = await store.read([key])
  return sealed === undefined ? undefined : fromUtf8(controller.open(key, sealed))
}

/** Row of an app's own id; also what an erasure removes. */
export function externalKey({ deps: { keyspace, controller } }: People, externalId: string): Key {
  return keyspace.external(GENERATION, toHex(controller.externalToken(externalId)))
}
