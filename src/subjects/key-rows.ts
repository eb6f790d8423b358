import { isPrivityError, PrivityError } from '../base/errors.ts'
import type { Clock } from '../base/time.ts'
import { isSameKey, type KeyName } from '../keys/key-list.ts'
import type { RingEntry } from '../keys/key-ring.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { backoff, pause } from '../storage/patience.ts'
import type { Store } from '../storage/store.ts'
import { decodeKeyRow, encodeKeyRow, type KeyRow, type KeyRowContent } from './key-row.ts'

/** Key rings in a store of their own, a row per person. */
export interface KeyRows {
  readonly store: Store
  /** @throws {@link key_unreadable} when the row is none that is known here */
  read(id: string): Promise<KeyRow>
  /** Undefined where a row is none that is known here. */
  readMany(ids: readonly string[]): Promise<readonly (KeyRow | undefined)[]>
  /**
   * Compares and swaps the row, again until nobody else was faster; unchanged when there is nothing to change.
   * Resolves to the row that stands then.
   */
  swap(id: string, change: (row: KeyRow) => KeyRowContent | undefined): Promise<KeyRow>
  /** @throws {@link erased} when a fence stands before the row */
  add(id: string, entries: readonly RingEntry[]): Promise<KeyRow>
  /** Takes keys out that no document lists. */
  remove(id: string, names: readonly KeyName[]): Promise<void>
}

/** What key rows need. */
export interface KeyRowsDeps {
  readonly keyStore: Store
  readonly keyspace: Keyspace
  readonly clock: Clock
}

const ATTEMPTS = 64

/** The rows of a key store. */
export function createKeyRows(deps: KeyRowsDeps): KeyRows {
  const { keyStore, keyspace } = deps
  const swap: KeyRows['swap'] = (id, change) => swapRow(deps, id, change)
  return {
    store: keyStore,
    read: (id) => readRow(deps, id),
    readMany: async (ids) => {
      const rows = ids.length === 0 ? [] : await keyStore.read(ids.map(keyspace.person))
      return rows.map(decodeKeyRow)
    },
    swap,
    add: (id, entries) =>
      swap(id, (row) => {
        if (row.fence !== undefined) throw new PrivityError('erased', { kind: 'subject' })
        const added = entries.filter((entry) => !has(row.entries, entry))
        return added.length === 0
          ? undefined
          : { fence: undefined, entries: [...row.entries, ...added] }
      }),
    remove: async (id, names) => {
      await swap(id, ({ fence, entries }) => {
        const kept = entries.filter((entry) => !has(names, entry))
        return kept.length === entries.length ? undefined : { fence, entries: kept }
      })
    },
  }
}

async function readRow({ keyStore, keyspace }: KeyRowsDeps, id: string): Promise<KeyRow> {
  const [bytes] = await keyStore.read([keyspace.person(id)])
  const row = decodeKeyRow(bytes)
  if (row === undefined) throw new PrivityError('key_unreadable', { what: 'ring' })
  return row
}

async function swapRow(
  deps: KeyRowsDeps,
  id: string,
  change: (row: KeyRow) => KeyRowContent | undefined,
): Promise<KeyRow> {
  for (let attempt = 1; ; attempt += 1) {
    const row = await readRow(deps, id)
    const content = change(row)
    if (content === undefined) return row
    const bytes = encodeKeyRow(content)
    try {
      await commitRow(deps, id, { before: row.bytes, bytes })
      return { ...content, bytes }
    } catch (error) {
      // Unknown outcome: what stands there now says, and every change here may be made twice.
      const mayPass =
        isPrivityError(error, 'write_conflict') || isPrivityError(error, 'outcome_unknown')
      if (!mayPass || attempt === ATTEMPTS) throw error
      await pause(deps.clock, backoff(attempt))
    }
  }
}

async function commitRow(
  { keyStore, keyspace }: KeyRowsDeps,
  id: string,
  {
    before,
    bytes,
  }: { readonly before: Uint8Array | undefined; readonly bytes: Uint8Array | undefined },
): Promise<void> {
  const key = keyspace.person(id)
  await keyStore.commit({
    checks: [[key, before ?? null]],
    put: bytes === undefined ? [] : [[key, bytes]],
    del: bytes === undefined ? [key] : [],
  })
}

function has(names: readonly KeyName[], name: KeyName): boolean {
  return names.some((candidate) => isSameKey(candidate, name))
}
