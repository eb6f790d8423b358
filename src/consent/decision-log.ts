import { PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { openEnvelope } from '../keys/envelope.ts'
import { splitBody } from '../ledger/entry.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { People } from '../subjects/people.ts'
import { bodyContext } from '../subjects/person-entry.ts'
import type { Person } from '../subjects/person.ts'
import type { Decision, DecisionEvent } from './decision-event.ts'

/** A decision as its ledger entry has it. */
export interface LoggedDecision extends Decision {
  /** Of the leaf. */
  readonly index: number
  /** Number of the operation among those of this person. */
  readonly sequence: number
}

const PAGE = 100
const TYPES: ReadonlySet<string> = new Set([
  'consent.given',
  'consent.refused',
  'consent.withdrawn',
])

/** The decisions of a person from the bodies of their ledger entries, oldest first. */
async function* readDecisions(people: People, person: Person): AsyncGenerator<LoggedDecision> {
  const { store, keyspace } = people.deps
  const prefix = keyspace.bodies(person.id)
  for await (const [key, sealed] of scanRows(store, prefix, { page: PAGE })) {
    const sequence = Number.parseInt(key.slice(prefix.length), 16)
    const entry = openEntry(people, person, { sequence, sealed })
    if (TYPES.has(entry.event.type)) yield entry
  }
}

/**
 * The decisions of a person as of now, without a gap: each names the one before it, and the last is the one
 * that the head names.
 *
 * @throws {@link not_found} · @throws {@link erased} · @throws {@link store_corrupt} when one is missing
 */
export async function* readChain(people: People, id: string): AsyncGenerator<LoggedDecision> {
  const { person } = await people.read(id)
  const { head } = person
  let last: string | undefined
  for await (const decision of readDecisions(people, person)) {
    const { receiptId, previousReceiptId } = decision.event
    // What was decided since is left for the next time; what does not follow shows a gap.
    if (decision.sequence > head.sequence || previousReceiptId !== last) break
    last = receiptId
    yield decision
  }
  if (last === head.lastReceipt) return
  // An erasure since then takes entries away, and is what to tell.
  await people.read(id)
  throw missing()
}

/**
 * The decision that an operation of a person was, from its ledger entry.
 *
 * @throws {@link not_found} · @throws {@link erased} · @throws {@link store_corrupt} when the entry is missing
 */
export async function readDecision(
  people: People,
  id: string,
  sequence: number,
): Promise<LoggedDecision> {
  const { person, rows } = await people.read(id, [people.deps.keyspace.body(id, sequence)])
  const [sealed] = rows
  if (sealed === undefined) throw missing()
  return openEntry(people, person, { sequence, sealed })
}

function openEntry(
  { deps }: People,
  { id, core }: Person,
  { sequence, sealed }: { readonly sequence: number; readonly sealed: Uint8Array },
): LoggedDecision {
  const plaintext = openEnvelope(core, bodyContext(deps.storeId, id, sequence), sealed)
  const { index, at, event } = parseCanonical(splitBody(plaintext).body) as unknown as {
    readonly index: number
    readonly at: number
    readonly event: DecisionEvent
  }
  return { subjectId: id, index, sequence, at, event }
}

function missing(): PrivityError {
  return new PrivityError('store_corrupt', { reason: 'missing_row' })
}
