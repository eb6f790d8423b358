import { decidedEnds } from '../consent/basis-end.ts'
import type { Draft } from '../subjects/draft.ts'
import { moveRecordDue } from '../subjects/due.ts'
import type { RecordHead } from '../subjects/head.ts'
import { retentionAfter } from './record-retention.ts'
import { hasSection } from './section-facts.ts'
import type { RecordPlace } from './sections.ts'
import type { Vault } from './vault.ts'

/** A record of which fields were erased without the app writing it. */
export interface EndedRecord {
  readonly place: RecordPlace
  /** Name of its type, which the running policy may not have any more. */
  readonly record: string
  readonly before: RecordHead
  readonly after: RecordHead
  /** Ids of the fields that are gone. */
  readonly gone: readonly string[]
}

/** The head of such a record with what is left to come to its end; moves its row of the due index. */
export function endFields(
  { policy, layouts, people }: Pick<Vault, 'policy' | 'layouts' | 'people'>,
  draft: Draft,
  { place, record, before, after, gone }: EndedRecord,
): RecordHead {
  const { retention: _, ...rest } = after
  const aging = {
    rules: policy.records.get(record)?.retention,
    before,
    at: draft.at,
    registeredAt: draft.head.registeredAt,
    purposeEnds: decidedEnds(policy.purposes, draft.head),
    holds: (id: string) => hasSection(after.sections, id, layouts),
  }
  const head = { ...rest, ...retentionAfter(aging, { kind: 'ended', set: [], unset: gone }) }
  moveRecordDue(draft, people.deps.keyspace, { place, before, after: head })
  return head
}
