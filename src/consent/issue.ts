import { toInstant } from '../base/time.ts'
import type { Changed } from '../subjects/change-person.ts'
import type { People } from '../subjects/people.ts'
import { type Decided, type Decision, toRecord } from './decision-event.ts'
import { readChain, readDecision } from './decision-log.ts'
import type { ProvenRecord, Receipts } from './receipt.ts'

/** What issuing needs. */
export interface IssueDeps {
  readonly people: People
  readonly receipts: Receipts
}

/** The receipt of an operation; of one that was applied before, from its ledger entry. */
export async function issueReceipt(
  { people, receipts }: IssueDeps,
  decision: Decision,
  { receipt, sequence }: Pick<Changed<Decided>, 'receipt' | 'sequence'>,
): Promise<string> {
  if (receipt !== undefined) return receipts.sign({ record: toRecord(decision), placed: receipt })
  const { subjectId } = decision
  const logged = await readDecision(people, subjectId, sequence)
  const placed = await people.deps.ledger.of(subjectId).prover()(logged.index)
  return receipts.sign({ record: toRecord(logged), placed })
}

/** A receipt of every decision of a person, oldest first. */
export async function* issueAll(deps: IssueDeps, id: string): AsyncGenerator<string> {
  for await (const entry of proveAll(deps, id)) yield deps.receipts.sign(entry)
}

/** Every decision of a person in one document, under one checkpoint. */
export async function issueBundle(deps: IssueDeps, id: string): Promise<string> {
  const entries: ProvenRecord[] = []
  for await (const entry of proveAll(deps, id)) entries.push(entry)
  const issuedAt = toInstant(deps.people.now())
  const { log, head } = deps.people.deps.ledger.of(id)
  const { range, note } = await head()
  const shown = { origin: log.origin, size: range.size, checkpoint: note }
  return deps.receipts.bundle({ subjectId: id, issuedAt, entries, log: shown })
}

async function* proveAll({ people }: IssueDeps, id: string): AsyncGenerator<ProvenRecord> {
  const prove = people.deps.ledger.of(id).prover()
  for await (const decision of readChain(people, id)) {
    yield { record: toRecord(decision), placed: await prove(decision.index) }
  }
}
