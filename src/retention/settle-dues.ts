import { BASIS_DUE } from '../consent/ending.ts'
import { lastEnd, purposeEnd } from '../consent/basis-end.ts'
import { isAbout, type Kept } from '../erasure/selection.ts'
import type { KeptOf } from '../erasure/partial/look.ts'
import { setDue } from '../subjects/due.ts'
import type { RecordHead } from '../subjects/head.ts'
import type { Person } from '../subjects/person.ts'
import { keepPersonUp } from '../subjects/upkeep.ts'
import { pageEntry, recordReads } from '../vault/open-record.ts'
import { draftRecord } from '../vault/record-draft.ts'
import { openHeads, pageRows, readHeads, type RecordHeads } from '../vault/record-heads.ts'
import { hasSection } from '../vault/record-retention.ts'
import type { Vault } from '../vault/vault.ts'
import { endedRecords } from './ended-records.ts'

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

interface Looked {
  readonly person: Person
  readonly heads: RecordHeads
  readonly kept: readonly Kept[]
}

/** When the next of what is stored loses its last basis, or what keeps it in spite of that. */
function nextEnd(vault: Vault, looked: Looked): number | undefined {
  const { policy, people } = vault
  const ends = [...policy.records.values()].flatMap((record) =>
    headsOf(vault, looked.heads, record.name).flatMap(([recordId, head]) =>
      record.fields.flatMap(({ id, purposes }): readonly number[] => {
        if (!hasSection(head.sections, id, vault.layouts)) return []
        const last = lastEnd(
          purposes.map((name) => {
            const purpose = policy.purposes.get(name)
            return purpose === undefined ? 'open' : purposeEnd(name, purpose, looked.person.head)
          }),
        )
        if (typeof last !== 'number') return []
        if (last > people.now()) return [last]
        return keptUntil(looked.kept, { record: record.name, recordId }, id)
      }),
    ),
  )
  return ends.length === 0 ? undefined : Math.min(...ends)
}

function headsOf(
  { layouts, policy }: Vault,
  { singles, many }: RecordHeads,
  name: string,
): readonly (readonly [string | undefined, RecordHead])[] {
  const type = layouts.typeOf(name)
  const prefix = pageEntry(type, '')
  if (policy.records.get(name)?.many === true)
    return Object.entries(many).flatMap(([entry, head]) =>
      entry.startsWith(prefix) ? [[entry.slice(prefix.length), head] as const] : [],
    )
  const head = singles[String(type)]
  return head === undefined ? [] : [[undefined, head]]
}

/** A hold has no end that is known: it is looked at again when it is released. */
function keptUntil(
  kept: readonly Kept[],
  place: { readonly record: string; readonly recordId: string | undefined },
  fieldId: string,
): readonly number[] {
  const those = kept.filter((it) => isAbout(it, place) && it.fieldIds?.includes(fieldId) !== false)
  return those.flatMap(({ until }) => until ?? [])
}
