import * as z from 'zod/mini'
import { toHex } from '../base/bytes.ts'
import type { JsonObject } from '../base/canonical.ts'
import { invalidInput, type PrivityError } from '../base/errors.ts'
import { parseInput } from '../base/parse.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { randomBytes } from '../crypto/random.ts'
import { openEnvelope } from '../keys/envelope.ts'
import { splitBody } from '../ledger/entry.ts'
import type { Key } from '../storage/store.ts'
import type { People } from '../subjects/people.ts'
import { bodyContext } from '../subjects/person-entry.ts'
import type { Person } from '../subjects/person.ts'
import { requirePerson } from '../subjects/require-kind.ts'
import { parseNoticeRef } from './notice-ref.ts'
import { LANGUAGE } from './notice-texts.ts'
import { findVersion } from './published.ts'

/** Whom a notice is shown to; nobody yet, when they are not registered. */
export interface ServeInput {
  /** Who is shown it; absent where the person is not registered yet. */
  readonly subjectId?: string
  /** One that the notice was published in, BCP 47. */
  readonly language: string
}

/** A serving, as a consent refers to it. */
export interface Serving {
  readonly hash: string
  readonly language: string
  readonly at: number
}

const serveInput = z.strictObject({ subjectId: z.optional(z.string()), language: LANGUAGE })

/** In whose log the serving is (the person's, or that of the store), the number of its entry, and its nonce. */
const SERVED_ID = /^([ps])([0-9a-f]{1,8})\.([0-9a-f]{32})$/
const NONCE_LENGTH = 16

/** Notes that a notice was shown; resolves to the id of the serving. */
export async function serve(
  people: People,
  policy: string,
  { notice, to }: { readonly notice: unknown; readonly to: unknown },
): Promise<{ readonly servedId: string }> {
  const ref = parseNoticeRef(notice)
  const { subjectId, language } = parseInput(serveInput, to)
  const { version } = await findVersion(people.deps, ref, language)
  const nonce = toHex(randomBytes(NONCE_LENGTH))
  const event = {
    type: 'notice.served',
    id: ref.id,
    version: version.version,
    hash: ref.hash,
    language,
    nonce,
  }
  if (subjectId === undefined) {
    const sequence = await serveNobody(people, policy, event)
    return { servedId: `s${sequence.toString(16)}.${nonce}` }
  }
  const { sequence } = await people.change({
    id: subjectId,
    policy,
    request: event,
    apply: ({ head }) => {
      requirePerson(head)
      return { event, value: null }
    },
  })
  return { servedId: `p${sequence.toString(16)}.${nonce}` }
}

/** To somebody who is not registered: the log of the store has it. */
async function serveNobody({ deps }: People, policy: string, event: JsonObject): Promise<number> {
  const at = deps.clock.now()
  const { receipt } = await deps.ledger.submit<null>({
    reads: [],
    build: () => ({
      kind: 'change',
      change: { put: [], del: [], entry: { kind: 'controller', at, policy, event } },
      value: null,
    }),
  })
  if (receipt === undefined) throw new TypeError('a serving was committed without a receipt')
  return receipt.sequence
}

/** Row of the entry that a served id names; undefined when it is no served id. */
export function servingKey(
  { deps: { keyspace } }: People,
  subjectId: string,
  servedId: string,
): Key | undefined {
  const [, about, sequence = ''] = SERVED_ID.exec(servedId) ?? []
  if (about === undefined) return undefined
  const number = Number.parseInt(sequence, 16)
  return about === 'p' ? keyspace.body(subjectId, number) : keyspace.controllerBody(number)
}

/**
 * What was shown, read from the ledger entry of the serving.
 *
 * @throws {@link invalid_input} when the id names no serving, or one to somebody else
 */
export function openServing(
  { deps }: People,
  person: Pick<Person, 'id' | 'core'>,
  { servedId, sealed }: { readonly servedId: string; readonly sealed: Uint8Array | undefined },
): Serving {
  const [, about, sequence = '', nonce] = SERVED_ID.exec(servedId) ?? []
  const number = Number.parseInt(sequence, 16)
  if (about === undefined || sealed === undefined) throw unknownServing()
  const plaintext =
    about === 'p'
      ? openEnvelope(person.core, bodyContext(deps.storeId, person.id, number), sealed)
      : deps.controller.open(deps.keyspace.controllerBody(number), sealed)
  const { at, event } = parseCanonical(splitBody(plaintext).body) as {
    readonly at: number
    readonly event: JsonObject
  }
  const { type, hash, language } = event
  const known = type === 'notice.served' && event['nonce'] === nonce
  if (!known || typeof hash !== 'string' || typeof language !== 'string') throw unknownServing()
  return { hash, language, at }
}

function unknownServing(): PrivityError {
  return invalidInput(['method', 'servedId'], 'unknown_serving')
}
