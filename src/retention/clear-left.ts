import { type Cleared, clearOrKeep } from '../erasure/references/clear-reference.ts'
import { type Referring, referringFields } from '../erasure/references/find-references.ts'
import { isGone } from '../subjects/gone.ts'
import { isLeaving } from '../vault/left.ts'
import { plainValues, readPlain, type RecordOf, sealedRecord } from '../vault/plain-record.ts'
import { headsOfType, type RecordHeads } from '../vault/record-heads.ts'
import type { SettleDeps } from './settle-records.ts'

/** Whose records, as they were looked at. */
export interface ClearingLeft {
  readonly id: string
  readonly heads: RecordHeads
  readonly signal: AbortSignal | undefined
}

/**
 * Does what the policy says with references that had to stay when those whom they name were erased, as far as nothing
 * keeps them any more; resolves to what became of each.
 *
 * @throws {@link invalid_input} when what takes the place of one cannot be stored
 */
export async function clearLeft(
  deps: SettleDeps,
  { id, heads, signal }: ClearingLeft,
): Promise<readonly Cleared[]> {
  const outcomes: Cleared[] = []
  for (const referring of referringFields(deps.vault)) {
    for (const [recordId, head] of headsOfType(heads, referring.target)) {
      if (!isLeaving(head, referring.field)) continue
      signal?.throwIfAborted()
      outcomes.push(...(await clearOne(deps, referring, { id, recordId, signal })))
    }
  }
  return outcomes
}

/** None where the record is gone, or names somebody else by now. */
async function clearOne(
  deps: SettleDeps,
  referring: Referring,
  { signal, ...place }: RecordOf & Pick<ClearingLeft, 'signal'>,
): Promise<readonly Cleared[]> {
  const { vault } = deps
  const { target, field } = referring
  try {
    const plain = await readPlain(vault, target, place)
    if (!isLeaving(sealedRecord(vault, target, plain).head, field)) return []
    const named = plainValues(vault, target, { ...plain, fieldIds: [field.id] }).get(field.id)
    if (typeof named !== 'string') return []
    return [await clearOrKeep(deps, referring, { place, subjectId: named, signal })]
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
}
