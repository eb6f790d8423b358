import { type Kept, PERSON } from '../erasure/selection.ts'
import { keptBy } from '../policy/retention-rules.ts'
import type { HoldFact, RecordHead } from '../subjects/head.ts'
import type { Person } from '../subjects/person.ts'
import type { RecordHeads } from '../vault/record-heads.ts'
import { eventTimes } from '../vault/record-retention.ts'
import { hasSection } from '../vault/section-facts.ts'
import type { Vault } from '../vault/vault.ts'

/** What of a person may not be erased now: what a law keeps, and what is under a hold. */
export function createKeptOf(
  vault: Vault,
): (person: Person, heads: RecordHeads) => readonly Kept[] {
  const isKeeping = [...vault.policy.records.values()].some(({ retention }) =>
    [...(retention?.fields.values() ?? [])].some(({ floors }) => floors.length > 0),
  )
  return (person, { singles, many }) => {
    const holds = Object.entries(person.head.holds ?? {})
    if (!isKeeping && holds.length === 0) return []
    const records = [
      ...Object.entries(singles).map(([type, head]) => ({ type: Number(type), head })),
      ...Object.entries(many).map(([entry, head]) => placed(entry, head)),
    ]
    return [
      ...records.flatMap((record) => keptByLaw(vault, person, record)),
      ...holds.flatMap(([id, hold]) => keptByHold(vault, { id, hold }, records)),
    ]
  }
}

interface Placed {
  readonly type: number
  readonly recordId?: string
  readonly head: RecordHead
}

function placed(entry: string, head: RecordHead): Placed {
  const [type = '', recordId = ''] = entry.split('/')
  return { type: Number(type), recordId, head }
}

function keptByLaw(
  { policy, layouts, people }: Vault,
  person: Person,
  { type, recordId, head }: Placed,
): readonly Kept[] {
  const record = layouts.nameOfType(type)
  const rules = policy.records.get(record)?.retention
  if (rules === undefined) return []
  const facts = head.retention ?? { events: {} }
  const events = eventTimes({ facts, registeredAt: person.head.registeredAt })
  return [...rules.fields.values()].flatMap((field) => {
    if (!hasSection(head.sections, field.id, layouts)) return []
    const kept = keptBy(field, events, people.now())
    if (kept === undefined) return []
    const { ground, until } = kept
    return {
      record,
      ...(recordId === undefined ? {} : { recordId }),
      fieldIds: [field.id],
      ground,
      ...(until === undefined ? {} : { until }),
    }
  })
}

/** A hold on everything is one on the person, and on every record that there is. */
function keptByHold(
  { layouts }: Vault,
  { id, hold }: { readonly id: string; readonly hold: HoldFact },
  records: readonly Placed[],
): readonly Kept[] {
  const ground = `hold:${id}`
  if (hold.items !== undefined) return hold.items.map((item) => ({ ...item, ground }))
  const types = [...new Set(records.map(({ type }) => type))]
  return [PERSON, ...types.map(layouts.nameOfType)].map((record) => ({ record, ground }))
}
