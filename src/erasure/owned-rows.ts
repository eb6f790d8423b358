import { fromUtf8 } from '../base/bytes.ts'
import { ifOpens } from '../base/if-opens.ts'
import type { Key, Row } from '../storage/store.ts'
import type { PeopleDeps } from '../subjects/people.ts'

/** Whose an app's own id or a unique value is, as the row says inside; undefined for one that does not open. */
export function ownerOf(
  { controller }: Pick<PeopleDeps, 'controller'>,
  [key, sealed]: Row,
): string | undefined {
  // A claim names the record behind the person.
  return ifOpens(() => fromUtf8(controller.open(key, sealed))?.split('/')[0])
}

/**
 * Whether somebody else has, since it was freed, what a row was for: its name says nothing of whose it is. Of what
 * does not open nobody can say so.
 */
export function isOfAnother(
  deps: Pick<PeopleDeps, 'controller' | 'keyspace'>,
  id: string,
  [key, sealed]: readonly [Key, Uint8Array | undefined],
): boolean {
  if (sealed === undefined || !isOwned(deps, key)) return false
  const owner = ownerOf(deps, [key, sealed])
  return owner !== undefined && owner !== id
}

/** Whether the name of a row is made of a value alone. */
export function isOwned({ keyspace }: Pick<PeopleDeps, 'keyspace'>, key: Key): boolean {
  return key.startsWith(keyspace.owned)
}
