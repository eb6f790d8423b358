import { type Instant, toInstant } from '../base/time.ts'
import type { ConsentState } from '../subjects/head.ts'
import type { People } from '../subjects/people.ts'
import { readChain } from './decision-log.ts'

/** One decision about one purpose. */
export interface HistoryEntry {
  /** What was decided on, also if only an older policy had it. */
  readonly purpose: string
  /** What the decision made of it. */
  readonly state: ConsentState
  /** When the decision was stored. */
  readonly at: Instant
}

/** What a person said about each purpose, oldest first. */
export async function* readHistory(people: People, id: string): AsyncGenerator<HistoryEntry> {
  for await (const { at, event } of readChain(people, id)) {
    for (const { purpose, state } of event.decisions) {
      // An objection and a withdrawal that another basis outlives are both the person's no.
      const said = state === 'objected' || state === 'recorded' ? 'withdrawn' : state
      yield { purpose, state: said, at: toInstant(at) }
    }
  }
}
