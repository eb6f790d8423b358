import { invalidInput } from '../base/errors.ts'
import { createJournal, type Journal, type JournalDeps } from '../journal/journal.ts'
import { readMark } from '../journal/journal-mark.ts'
import type { HoldDeps } from '../erasure/replay/hold-against.ts'
import type { MarkDeps } from '../journal/journal-mark.ts'
import type { Store } from '../storage/store.ts'
import type { Root } from './open-root.ts'
import { type OwnedStore, putOwner, readOwner } from './owner-row.ts'

/** A journal, and the store that it is of. */
export interface OpenJournalDeps extends Omit<JournalDeps, 'journal'> {
  readonly store: Store
  readonly journal: Store | undefined
  readonly storeId: string
}

/**
 * The journal of a store; undefined when it has none. Once used with one, a store opens with that one only: without
 * it, nobody could say that the store is no older copy.
 *
 * @throws {@link invalid_input}
 */
async function openJournal(deps: OpenJournalDeps): Promise<Journal | undefined> {
  const { journal, keyspace, storeId } = deps
  const mark = await readMark(deps)
  if (journal === undefined) {
    if (mark === undefined) return undefined
    throw invalidInput(['journal'], 'required')
  }
  const owned: OwnedStore = { store: journal, keyspace, member: 'journalOf' }
  const found = await readOwner(owned)
  // An empty one in place of one that was used would look as if nobody had ever been erased.
  if (found === undefined && mark !== undefined) throw invalidInput(['journal'], 'empty')
  const owner = found ?? (await putOwner(owned, storeId))
  if (owner !== storeId) throw invalidInput(['journal'], 'of_another_store')
  return createJournal({ ...deps, journal })
}

/** A store and its journal, for whoever holds the one against the other; undefined without a journal. */
export async function openHold(
  {
    journal,
    keyStore,
  }: { readonly journal: Store | undefined; readonly keyStore: Store | undefined },
  { storeId }: Pick<Root, 'storeId'>,
  rows: MarkDeps,
): Promise<HoldDeps | undefined> {
  const opened = await openJournal({ ...rows, journal, storeId })
  return opened === undefined ? undefined : { ...rows, keyStore, journal: opened }
}
