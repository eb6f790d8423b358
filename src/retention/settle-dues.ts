import { earliest } from '../base/earliest.ts'
import { decidedEnds, endOfAll } from '../consent/basis-end.ts'
import { BASIS_DUE } from '../consent/ending.ts'
import { byRecord } from '../erasure/by-record.ts'
import { hasField, type Kept } from '../erasure/selection.ts'
import type { CompiledField, CompiledRecord } from '../policy/compiled.ts'
import { setDue } from '../subjects/due.ts'
import type { RecordHead } from '../subjects/head.ts'
import type { Person } from '../subjects/person.ts'
import { keepPersonUp } from '../subjects/upkeep.ts'
import { headsOfType, openHeads, pageRows, readHeads } from '../vault/record-heads.ts'
import { isLeaving, isLeftBehind } from '../vault/left.ts'
import { fieldDue, pendingFields } from '../vault/record-retention.ts'
import { hasSection } from '../vault/section-facts.ts'
import type { Vault } from '../vault/vault.ts'
import type { EndedRecord, Looked } from './ended-records.ts'
import { type SettleDeps, settleRecords, triedOf, unsettled } from './settle-records.ts'

/** Records in one commit. */
const BATCH = 64

/** Sets when somebody has to be looked at again, once everything that could be done of what has ended is done. */
export async function settleDues(
  deps: SettleDeps,
  id: string,
  ended: readonly EndedRecord[],
): Promise<void> {
  const { vault, keptOf } = deps
  const { people } = vault
  const tried = triedOf(ended)
  const { person, heads } = await readHeads(people, (await people.read(id)).person)
  const records = unsettled(
    vault,
    { person, heads, kept: keptOf(person, heads), now: people.now() },
    tried,
  )
  for (let from = 0; from < records.length; from += BATCH)
    await settleRecords(deps, id, { records: records.slice(from, from + BATCH), tried })
  await settlePerson(deps, person)
}

async function settlePerson({ vault, keptOf }: SettleDeps, person: Person): Promise<void> {
  const { people } = vault
  const pages = pageRows(people, person)
  await keepPersonUp(people, {
    id: person.id,
    reads: [...pages.values()],
    policy: vault.policy.hash,
    plan: (fresh, rows) => {
      // A page that was added since is looked at by the next sweep.
      if (!Object.keys(fresh.head.pages).every((name) => pages.has(name))) return undefined
      const heads = openHeads(people, { person: fresh, pages: pages.keys() }, rows)
      const kept = keptOf(fresh, heads)
      const at = nextEnd(vault, { person: fresh, heads, kept })
      if (at === fresh.head.dues?.[BASIS_DUE]) return undefined
      return {
        before: fresh,
        event: { type: 'retention.swept' },
        edit: (draft) => setDue(draft, people.deps.keyspace, { name: BASIS_DUE, at }),
      }
    },
  })
}

/** When the next purpose ends, or what keeps something although its last purpose has, or time ends the rest of them. */
function nextEnd(vault: Vault, { person, heads, kept }: Looked): number | undefined {
  const { policy, people, layouts } = vault
  const { head } = person
  const now = people.now()
  const purposeEnds = decidedEnds(policy.purposes, head)
  const { registeredAt } = head
  const keptOf = byRecord(kept)
  const ends = [...policy.records.values()].flatMap((record) =>
    headsOfType(heads, { record, type: layouts.typeOf(record.name) }).flatMap(([recordId, it]) => {
      const { retention: rules } = record
      const facts = it.retention ?? { events: {} }
      const keepers = keptOf({ record: record.name, recordId })
      const stays = keptEnds(vault, { person, record, head: it, keepers }, now)
      const timed =
        rules === undefined
          ? []
          : pendingFields(rules, it, layouts)
              .flatMap((id) => fieldDue({ rules, facts, registeredAt, purposeEnds }, id) ?? [])
              // Otherwise the row of the record stands there.
              .filter((at) => at < (it.retention?.due ?? Number.POSITIVE_INFINITY))
      return [...stays, ...timed]
    }),
  )
  return earliest([...ends, ...purposeEnds.values()].filter((at) => at > now))
}

interface KeptRecord extends Pick<Looked, 'person'> {
  readonly record: CompiledRecord
  readonly head: RecordHead
  /** What keeps any of it. */
  readonly keepers: readonly Kept[]
}

/** When what keeps something of a record ends, that nothing else needs, or that was to go before. */
function keptEnds(
  { policy, layouts }: Vault,
  { person, record, head, keepers }: KeptRecord,
  now: number,
): readonly number[] {
  const isBehind = isLeftBehind(head)
  const isOver = ({ purposes }: CompiledField): boolean => {
    const end = endOfAll(purposes, policy.purposes, person.head)
    return typeof end === 'number' && end <= now
  }
  const held = record.fields
    .filter(({ id }) => hasSection(head.sections, id, layouts))
    .filter((field) => isBehind || isLeaving(head, field) || isOver(field))
    .map((field) => ({ field, keepers: keepers.filter((one) => hasField(one, field.id)) }))
  const free = held.filter(({ keepers }) => keepers.length === 0)
  const isOpen =
    (isBehind && free.length === held.length) || free.some(({ field }) => isLeaving(head, field))
  return [
    // A hold has no end that is known: it is looked at again when it is released.
    ...held.flatMap(({ keepers }) => keepers.flatMap(({ until }) => until ?? [])),
    // What nothing keeps any more and is there all the same is tried again.
    ...(isOpen ? [now + 1] : []),
  ]
}
