import { invalidInput, PrivityError } from '../base/errors.ts'
import { isId } from '../base/id.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Key } from '../storage/store.ts'

/**
 * Key of the row that a person document is in.
 *
 * @throws {@link invalid_input} when the id is not a string
 * @throws {@link not_found} when it is any string that is no registered id, well-formed or not
 */
export function personRow({ keyspace }: { readonly keyspace: Keyspace }, id: unknown): Key {
  if (typeof id !== 'string') throw invalidInput(['subjectId'], 'not_a_string')
  if (!isId(id)) throw new PrivityError('not_found', { kind: 'subject' })
  return keyspace.person(id)
}
