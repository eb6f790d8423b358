import { toBase64url } from '../base/bytes.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Key } from '../storage/store.ts'
import type { Access, SegmentPlace } from './segment.ts'

/** Where index rows are, and what blinds them. */
export interface IndexDeps {
  readonly keyspace: Pick<Keyspace, 'access' | 'accesses'>
  readonly controller: Pick<ControllerKey, 'accessToken'>
}

// As long as a pseudonym: a store cannot tell from a key by what the row is found.
const TOKEN_LENGTH = 16

/** What the accesses of an actor, or for a purpose, are found by; a person's are by the pseudonym. */
export function accessToken(
  { controller }: Pick<IndexDeps, 'controller'>,
  kind: 'actor' | 'purpose',
  name: string,
): string {
  return toBase64url(controller.accessToken(kind, name).subarray(0, TOKEN_LENGTH))
}

/** Keys of the rows that a segment is found by: one for every person, actor and purpose in it. */
export function indexKeys(
  deps: IndexDeps,
  { writer, index }: SegmentPlace,
  accesses: readonly Access[],
): readonly Key[] {
  const people = new Set(accesses.map(({ pseudonym }) => pseudonym))
  const actors = new Set(accesses.map(({ actor }) => actor.id))
  const purposes = new Set(accesses.map(({ purpose }) => purpose))
  const tokens = [
    ...people,
    ...[...actors].map((id) => accessToken(deps, 'actor', id)),
    ...[...purposes].map((purpose) => accessToken(deps, 'purpose', purpose)),
  ]
  const { access, accesses: under } = deps.keyspace
  // The same in every key, and a key is made for every person.
  const place = access('', writer, index).slice(under('').length)
  return tokens.map((token) => under(token) + place)
}
