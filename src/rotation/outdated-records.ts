import type { RecordHead } from '../subjects/head.ts'
import { pageOf } from '../vault/open-record.ts'
import { saysOwner } from '../vault/owner.ts'
import { headsOfType, type RecordHeads } from '../vault/record-heads.ts'
import { isDatedBy } from '../vault/record-retention.ts'
import { isOutdated } from '../vault/record-tokens.ts'
import { isOfLayout } from '../vault/section-facts.ts'
import type { Target, Vault } from '../vault/vault.ts'

/** A record that does not stand as the running policy would write it. */
export interface OutdatedRecord {
  readonly target: Target
  readonly recordId: string | undefined
  readonly head: RecordHead
}

/** Those of them that another layout, other lookups or other rules of retention made. */
export function findOutdated(
  vault: Vault,
  targets: readonly Target[],
  heads: RecordHeads,
): readonly OutdatedRecord[] {
  return targets.flatMap((target) =>
    headsOfType(heads, target)
      .filter(([, head]) => isStale(vault, target, head))
      .map(([recordId, head]) => ({ target, recordId, head })),
  )
}

/** Names of the pages that hold the heads of these records. */
export function pagesOf(records: readonly OutdatedRecord[]): ReadonlySet<string> {
  return new Set(
    records.flatMap(({ recordId }) => (recordId === undefined ? [] : pageOf(recordId))),
  )
}

function isStale({ layouts, lookups }: Vault, { record }: Target, head: RecordHead): boolean {
  const isMoved = !isOfLayout(layouts, head, record.layout.id)
  return (
    isMoved ||
    !isDatedBy(head, record.retention) ||
    !saysOwner(record, head) ||
    isOutdated(lookups, record, head)
  )
}
