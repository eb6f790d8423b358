import type { JsonObject } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { openEnvelope } from '../keys/envelope.ts'
import { splitBody } from '../ledger/entry.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { People } from './people.ts'
import { bodyContext } from './person-entry.ts'
import type { Person } from './person.ts'

/** One entry in the log of a person. */
export interface OwnEntry {
  readonly sequence: number
  readonly event: JsonObject
  /** Name and SHA-256 of each row that was put; null for one that was deleted. */
  readonly rows: readonly (readonly [name: string, digest: string | null])[]
}

const PAGE = 500

/** The entries of a person in their order, from the one behind a sequence on. */
export async function* ownEntries(
  { deps }: People,
  person: Pick<Person, 'id' | 'core'>,
  after = 0,
): AsyncGenerator<OwnEntry> {
  const { store, keyspace } = deps
  const prefix = keyspace.bodies(person.id)
  const start = after === 0 ? undefined : keyspace.body(person.id, after)
  for await (const [key, sealed] of scanRows(store, prefix, { after: start, page: PAGE })) {
    const sequence = Number.parseInt(key.slice(prefix.length), 16)
    yield openEntry(deps.storeId, person, { sequence, sealed })
  }
}

/** @throws {@link decryption_failed} for a body that was changed or moved */
export function openEntry(
  storeId: string,
  { id, core }: Pick<Person, 'id' | 'core'>,
  { sequence, sealed }: { readonly sequence: number; readonly sealed: Uint8Array },
): OwnEntry {
  const { body } = splitBody(openEnvelope(core, bodyContext(storeId, id, sequence), sealed))
  const json = parseCanonical(body) as Omit<OwnEntry, 'sequence'> | undefined
  if (json === undefined) throw new PrivityError('store_corrupt', { reason: 'body' })
  return { sequence, event: json.event, rows: json.rows }
}
