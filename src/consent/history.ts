import { type JsonObject, parseCanonical } from '../base/canonical.ts'
import { type Instant, toInstant } from '../base/time.ts'
import { openEnvelope } from '../keys/envelope.ts'
import { splitBody } from '../ledger/entry.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Row } from '../storage/store.ts'
import type { ConsentState } from '../subjects/head.ts'
import { bodyContext, type People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'

/** One decision about one purpose. */
export interface HistoryEntry {
  readonly purpose: string
  readonly state: ConsentState
  readonly at: Instant
}

interface DecisionEvent {
  readonly at: number
  readonly event: JsonObject & {
    readonly type: string
    readonly decisions?: readonly {
      readonly purpose: string
      readonly state: ConsentState | 'objected' | 'recorded'
    }[]
  }
}

const PAGE = 100
const TYPES: ReadonlySet<string> = new Set([
  'consent.given',
  'consent.refused',
  'consent.withdrawn',
])

/** The decisions of a person from the bodies of their ledger entries, oldest first. */
export async function* readHistory(people: People, id: string): AsyncGenerator<HistoryEntry> {
  const { store, keyspace } = people.deps
  const { person } = await people.read(id)
  const bodies = scanRows(store, keyspace.bodies(id), { page: PAGE })
  for await (const row of bodies) yield* decisionsOf(people, person, row)
}

function decisionsOf(
  { deps }: People,
  person: Person,
  [key, sealed]: Row,
): readonly HistoryEntry[] {
  const sequence = Number.parseInt(key.slice(deps.keyspace.bodies(person.id).length), 16)
  const plaintext = openEnvelope(
    person.core,
    bodyContext(deps.storeId, person.id, sequence),
    sealed,
  )
  const { at, event } = parseCanonical(splitBody(plaintext).body) as unknown as DecisionEvent
  if (!TYPES.has(event.type)) return []
  return (event.decisions ?? []).map(({ purpose, state }) => ({
    purpose,
    // An objection and a withdrawal that another basis outlives are both the person's no.
    state: state === 'objected' || state === 'recorded' ? 'withdrawn' : state,
    at: toInstant(at),
  }))
}
