import { canonicalJson, type JsonValue } from '../base/canonical.ts'
import { invalidInput } from '../base/errors.ts'
import type { Rows } from '../storage/participant.ts'
import { rowsOf } from '../storage/read-rows.ts'
import type { Person } from '../subjects/person.ts'
import { ensureKnown, findRecord, openRecord, recordReads } from './open-record.ts'
import type { SealedRecord } from './sections.ts'
import type { Target, Vault } from './vault.ts'
import type { Values } from './view.ts'

/** Which record of whom. */
export interface RecordOf {
  readonly id: string
  readonly recordId: string | undefined
}

/** A person and the rows of one of their records, of one moment. */
export interface PlainRecord {
  readonly person: Person
  readonly rows: Rows
  readonly recordId: string | undefined
}

/**
 * Reads a record for what the house does by itself: nobody asks, so nobody is permitted and nobody is logged.
 *
 * @throws {@link not_found} · @throws {@link erased}
 */
export async function readPlain(
  vault: Vault,
  target: Target,
  { id, recordId }: RecordOf,
): Promise<PlainRecord> {
  const keys = recordReads(vault, target, { id, recordId })
  const { person, rows } = await vault.people.read(id, keys)
  const plain = { person, recordId, rows: rowsOf(keys, rows) }
  const record = sealedRecord(vault, target, plain)
  await ensureKnown(vault, { person, record, purpose: undefined })
  return plain
}

/** @throws {@link not_found} when the head knows of none */
export function sealedRecord(
  vault: Vault,
  target: Target,
  { person, rows, recordId }: PlainRecord,
): SealedRecord {
  const [page, row] = recordReads(vault, target, { id: person.id, recordId }).map((key) =>
    rows.get(key),
  )
  return findRecord(vault, target, { person, rows: { recordId, page, row } })
}

/** Values of some fields by their ids; one that there is not is left out. */
export function plainValues(
  vault: Vault,
  target: Target,
  { fieldIds, ...plain }: PlainRecord & { readonly fieldIds: readonly string[] },
): Values {
  const record = sealedRecord(vault, target, plain)
  const fields = target.record.fields.filter(({ id }) => fieldIds.includes(id))
  return openRecord(vault, target, { person: plain.person, record, fields }).values
}

/**
 * What may stay of a value.
 *
 * @throws {@link invalid_input} when what the function of the policy makes of it cannot be stored
 */
export function anonymisedValue({ record }: Target, id: string, plain: JsonValue): JsonValue {
  const anonymise = record.retention?.fields.get(id)?.anonymise
  const name = record.fields.find((field) => field.id === id)?.name ?? id
  try {
    const value = anonymise?.(plain)
    // Written once: what cannot be stored is found here, and a changing value is not.
    return JSON.parse(canonicalJson(value as JsonValue)) as JsonValue
  } catch {
    // What the app's function throws may quote the value.
    throw invalidInput([record.name, name, 'atEnd'], 'not_json')
  }
}
