import { PrivityError } from '../base/errors.ts'
import { sha256Text } from '../crypto/hash.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Key, Row } from '../storage/store.ts'
import type { LogHead } from './log-head.ts'

/** SHA-256 by name of the few rows on which everything rests, as the head of the main log says it. */
export type NamedRows = { readonly [name: string]: string }

type Found = Iterable<readonly [Key, Uint8Array | undefined]>

/** The key under which the app's own ids are suppressed; see subjects/suppression.ts. */
const SUPPRESSION = 1

/**
 * Refuses one of those rows that is not the one which the head names: whoever can write to the database, and has no
 * key, can still delete it, or put back an older one.
 *
 * @throws {@link store_corrupt}
 */
export function requireNamedRows(
  keyspace: Keyspace,
  { state }: Pick<LogHead, 'state'>,
  found: Found,
): void {
  // Authenticated by the head: parsed without a schema.
  const named = (state['rows'] ?? {}) as NamedRows
  for (const [key, value] of found) {
    if (!isNamed(keyspace, key)) continue
    const digest = named[nameOf(keyspace, key)]
    if (digest === (value === undefined ? undefined : sha256Text(value))) continue
    const reason = value === undefined ? 'missing_row' : 'changed_row'
    throw new PrivityError('store_corrupt', { reason })
  }
}

/** What the head names once a change is made. */
export function renamed(
  keyspace: Keyspace,
  rows: NamedRows | undefined,
  put: readonly Row[],
): NamedRows | undefined {
  const changed = put.filter(([key]) => isNamed(keyspace, key))
  if (changed.length === 0) return rows
  const digests = changed.map(([key, value]) => [nameOf(keyspace, key), sha256Text(value)] as const)
  return { ...rows, ...Object.fromEntries(digests) }
}

function isNamed({ catalogue, noticeRegister, suppressionKey }: Keyspace, key: Key): boolean {
  return key === catalogue || key === noticeRegister || key === suppressionKey(SUPPRESSION)
}

function nameOf({ prefix }: Keyspace, key: Key): string {
  return key.slice(prefix.length)
}
