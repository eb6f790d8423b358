import { canonicalJson, type JsonValue } from '../base/canonical.ts'
import { invalidInput } from '../base/errors.ts'
import type { KeptOf } from '../erasure/partial/look.ts'
import type { StoredFields } from '../policy/compiled.ts'
import type { Rows } from '../storage/participant.ts'
import type { Person } from '../subjects/person.ts'
import { keepPersonUp } from '../subjects/upkeep.ts'
import { ensureKnown, findRecord, openRecord, pageOf, recordReads } from '../vault/open-record.ts'
import { draftRecord } from '../vault/record-draft.ts'
import { openHeads } from '../vault/record-heads.ts'
import { tokenReads } from '../vault/record-tokens.ts'
import type { Target, Vault } from '../vault/vault.ts'
import { endedRecords } from './ended-records.ts'

/** What anonymising needs. */
export interface AnonymiseDeps {
  readonly vault: Vault
  readonly keptOf: KeptOf
}

/** Which fields of which record of whom. */
export interface Anonymising {
  readonly id: string
  readonly recordId: string | undefined
  readonly fieldIds: readonly string[]
}

/**
 * Puts what may stay of some fields in the place of their values, in one commit.
 *
 * @throws {@link invalid_input} when what a function of the policy makes of a value cannot be stored
 */
export async function anonymiseFields(
  { vault, keptOf }: AnonymiseDeps,
  target: Target,
  { id, recordId, fieldIds }: Anonymising,
): Promise<void> {
  const { people } = vault
  const { name } = target.record
  // Lookups of the new values are only known once they are opened.
  const { person, rows: read } = await readRecord(vault, target, { id, recordId })
  const wanted = anonymised(vault, target, { person, rows: read, recordId, fieldIds })
  await keepPersonUp(people, {
    id,
    policy: vault.policy.hash,
    reads: [...recordReads(vault, target, { id, recordId }), ...tokenReads(vault, target, wanted)],
    plan: (fresh, rows) => {
      const pages = recordId === undefined ? [] : [pageOf(recordId)]
      const heads = openHeads(people, { person: fresh, pages }, rows)
      const kept = keptOf(fresh, heads)
      // A value that was written since, or came under a hold, is not due any more.
      const due = endedRecords(vault, { person: fresh, heads, kept }, people.now())
        .filter((it) => it.target.type === target.type && it.recordId === recordId)
        .flatMap(({ anonymise }) => anonymise)
        .filter((fieldId) => fieldIds.includes(fieldId))
      if (due.length === 0) return undefined
      const set = anonymised(vault, target, { person: fresh, rows, recordId, fieldIds: due })
      if (Object.keys(set).length === 0) return undefined
      const fields = target.record.fields.filter((field) => due.includes(field.id))
      return {
        before: fresh,
        event: {
          type: 'retention.anonymised',
          record: name,
          fields: fields.map((field) => field.name),
        },
        edit: (draft, edited) =>
          draftRecord(vault, target, { draft, rows: edited, recordId }).end({ set, unset: [] }),
      }
    },
  })
}

interface Opening extends Omit<Anonymising, 'id'> {
  readonly person: Person
  readonly rows: Rows
}

async function readRecord(
  vault: Vault,
  target: Target,
  { id, recordId }: Omit<Anonymising, 'fieldIds'>,
): Promise<{ readonly person: Person; readonly rows: Rows }> {
  const keys = recordReads(vault, target, { id, recordId })
  const { person, rows } = await vault.people.read(id, keys)
  const found = new Map(keys.map((key, at) => [key, rows[at]]))
  const [page, row] = rows
  const record = findRecord(vault, target, { person, rows: { recordId, page, row } })
  await ensureKnown(vault, { person, record, purpose: undefined })
  return { person, rows: { get: (key) => found.get(key) } }
}

/** An optional field that has no value keeps having none. */
function anonymised(
  vault: Vault,
  target: Target,
  { person, rows, recordId, fieldIds }: Opening,
): StoredFields {
  const [page, row] = recordReads(vault, target, { id: person.id, recordId }).map((key) =>
    rows.get(key),
  )
  const record = findRecord(vault, target, { person, rows: { recordId, page, row } })
  const fields = target.record.fields.filter(({ id }) => fieldIds.includes(id))
  const { values } = openRecord(vault, target, { person, record, fields })
  return Object.fromEntries(
    fields.flatMap(({ id }) => {
      const plain = values.get(id)
      return plain === undefined ? [] : [[id, toStored(target, id, plain)]]
    }),
  )
}

function toStored({ record }: Target, id: string, plain: JsonValue): JsonValue {
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
