import { PrivityError } from '../base/errors.ts'
import { untilSteady } from '../base/tries.ts'
import type { KeptOf } from '../erasure/partial/look.ts'
import type { StoredFields } from '../policy/compiled.ts'
import { keptGround, seeMembers } from '../subjects/holds.ts'
import { keepPersonUp } from '../subjects/upkeep.ts'
import { pageOf, recordReads } from '../vault/open-record.ts'
import { anonymisedValue, type PlainRecord, plainValues, readPlain } from '../vault/plain-record.ts'
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

/** Others may write those who share a record all the time. */
const LOOKS = 32

/**
 * Puts what may stay of some fields in the place of their values, in one commit.
 *
 * @throws {@link invalid_input} when what a function of the policy makes of a value cannot be stored
 * @throws {@link write_conflict} when something of a member came to keep a group meanwhile
 */
export async function anonymiseFields(
  deps: AnonymiseDeps,
  target: Target,
  anonymising: Anonymising,
): Promise<void> {
  await untilSteady(LOOKS, () => anonymiseAsSeen(deps, target, anonymising))
}

/** `stale`: somebody who shares the record was changed since, and nothing was done. */
async function anonymiseAsSeen(
  { vault, keptOf }: AnonymiseDeps,
  target: Target,
  { id, recordId, fieldIds }: Anonymising,
): Promise<'done' | 'stale'> {
  const { people } = vault
  const { name } = target.record
  // Lookups of the new values are only known once they are opened.
  const plain = await readPlain(vault, target, { id, recordId })
  const members = await seeMembers(people, plain.person.head)
  if (keptGround(members) !== undefined) throw new PrivityError('write_conflict', { attempts: 1 })
  let outcome: 'done' | 'stale' = 'done'
  const wanted = anonymised(vault, target, { ...plain, fieldIds })
  await keepPersonUp(people, {
    id,
    policy: vault.policy.hash,
    reads: [
      ...recordReads(vault, target, { id, recordId }),
      ...tokenReads(vault, target, wanted),
      ...members.keys,
    ],
    held: members.keys,
    plan: (fresh, rows) => {
      outcome = members.isSame(fresh.head, rows) ? 'done' : 'stale'
      if (outcome === 'stale') return undefined
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
  return outcome
}

/** An optional field that has no value keeps having none. */
function anonymised(
  vault: Vault,
  target: Target,
  { fieldIds, ...plain }: PlainRecord & Pick<Anonymising, 'fieldIds'>,
): StoredFields {
  const values = plainValues(vault, target, { ...plain, fieldIds })
  return Object.fromEntries(
    [...values].map(([id, value]) => [id, anonymisedValue(target, id, value)]),
  )
}
