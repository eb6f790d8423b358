import { BASIS_DUE } from '../consent/ending.ts'
import { lastEnd, purposeEnd } from '../consent/basis-end.ts'
import { isKeeping } from '../erasure/selection.ts'
import type { KeptOf } from '../erasure/partial/look.ts'
import { setDue } from '../subjects/due.ts'
import { keepPersonUp } from '../subjects/upkeep.ts'
import { recordReads } from '../vault/open-record.ts'
import { draftRecord } from '../vault/record-draft.ts'
import { headsOfType, openHeads, pageRows, readHeads } from '../vault/record-heads.ts'
import { hasSection } from '../vault/record-retention.ts'
import type { Vault } from '../vault/vault.ts'
import { endedRecords, type Looked } from './ended-records.ts'

/** What settling needs. */
export interface SettleDeps {
  readonly vault: Vault
  readonly keptOf: KeptOf
}

/** Sets when somebody has to be looked at again, once everything that could be done is done. */
export async function settleDues({ vault, keptOf }: SettleDeps, id: string): Promise<void> {
  const { people } = vault
  const { person, heads } = await readHeads(people, (await people.read(id)).person)
  const pages = pageRows(people, person)
  const seen = endedRecords(vault, { person, heads, kept: [] }, people.now())
  const reads = seen.flatMap(({ target, recordId }) => recordReads(vault, target, { id, recordId }))
  await keepPersonUp(people, {
    id,
    reads: [...new Set([...pages.values(), ...reads])],
    policy: vault.policy.hash,
    plan: (fresh, rows) => {
      // A page that was added since is looked at by the next sweep.
      const known = Object.keys(fresh.head.pages).filter((name) => pages.has(name))
      const now = openHeads(people, { person: fresh, pages: known }, rows)
      const kept = keptOf(fresh, now)
      const at = nextEnd(vault, { person: fresh, heads: now, kept })
      const empty = endedRecords(vault, { person: fresh, heads: now, kept }, people.now())
        // What came to its end just now may have a value: the next sweep erases that as it has to be erased.
        .filter(({ target, recordId }) =>
          seen.some((it) => it.target.type === target.type && it.recordId === recordId),
        )
        .filter(({ erase, anonymise }) => erase.length + anonymise.length > 0)
      if (at === fresh.head.dues?.[BASIS_DUE] && empty.length === 0) return undefined
      return {
        before: fresh,
        event: { type: 'retention.swept' },
        edit: (draft, edited) => {
          setDue(draft, people.deps.keyspace, { name: BASIS_DUE, at })
          for (const { target, recordId, erase, anonymise } of empty)
            draftRecord(vault, target, { draft, rows: edited, recordId }).end({
              set: {},
              unset: [...erase, ...anonymise],
            })
        },
      }
    },
  })
}

/** When the next of what is stored loses its last basis, or what keeps it in spite of that. */
function nextEnd(vault: Vault, { person, heads, kept }: Looked): number | undefined {
  const { policy, people, layouts } = vault
  const ends = [...policy.records.values()].flatMap((record) =>
    headsOfType(heads, { record, type: layouts.typeOf(record.name) }).flatMap(([recordId, head]) =>
      record.fields.flatMap(({ id: fieldId, purposes }): readonly number[] => {
        if (!hasSection(head.sections, fieldId, layouts)) return []
        const last = lastEnd(
          purposes.map((name) => {
            const purpose = policy.purposes.get(name)
            return purpose === undefined ? 'open' : purposeEnd(name, purpose, person.head)
          }),
        )
        if (typeof last !== 'number') return []
        if (last > people.now()) return [last]
        // A hold has no end that is known: it is looked at again when it is released.
        return kept
          .filter((it) => isKeeping(it, { record: record.name, recordId, fieldId }))
          .flatMap(({ until }) => until ?? [])
      }),
    ),
  )
  return ends.length === 0 ? undefined : Math.min(...ends)
}
