import { isPrivityError, PrivityError } from '../base/errors.ts'
import type { Clock } from '../base/time.ts'
import { createTurns } from '../base/turns.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import { isSameKey, type KeyName } from '../keys/key-list.ts'
import type { RingEntry } from '../keys/key-ring.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { backoff, PATIENCE, pause } from '../storage/patience.ts'
import type { Store } from '../storage/store.ts'
import { encodeKeyRow, type KeyRow, type KeyRowContent, readKeyRow } from './key-row.ts'

/** Key rings in a store of their own, a row per person. */
export interface KeyRows {
  readonly store: Store
  read(id: string): Promise<KeyRow>
  readMany(ids: readonly string[]): Promise<readonly KeyRow[]>
  /**
   * Compares and swaps the row, again until nobody else was faster; unchanged when there is nothing to change.
   * Resolves to the row that stands then.
   */
  swap(
    id: string,
    change: (row: KeyRow) => KeyRowContent | undefined,
    signal?: AbortSignal,
  ): Promise<KeyRow>
  /**
   * @throws {@link erased} when a fence stands before the row
   * @throws {@link decryption_failed} when the controller never made that fence
   * @throws {@link key_unreadable} when the row is none that is known here
   */
  add(id: string, entries: readonly RingEntry[], signal?: AbortSignal): Promise<KeyRow>
  /** Takes keys out that no document lists. */
  remove(id: string, names: readonly KeyName[]): Promise<void>
}

/** What key rows need. */
export interface KeyRowsDeps {
  readonly keyStore: Store
  readonly keyspace: Keyspace
  readonly clock: Clock
  readonly controller: Pick<ControllerKey, 'open'>
}

const ATTEMPTS = 64

/** The rows of a key store. */
export function createKeyRows(deps: KeyRowsDeps): KeyRows {
  const { keyStore, keyspace } = deps
  // Callers of one process would else wait for each other by the clock.
  const turns = createTurns()
  const swap: KeyRows['swap'] = (id, change, signal) =>
    turns(id, () => swapRow(deps, { id, signal }, change))
  return {
    store: keyStore,
    read: (id) => readRow(deps, id),
    readMany: async (ids) => {
      const rows = ids.length === 0 ? [] : await keyStore.read(ids.map(keyspace.person))
      return rows.map(readKeyRow)
    },
    swap,
    add: (id, entries, signal) => {
      const change = (row: KeyRow): KeyRowContent | undefined => {
        requireOpenRow(deps, id, row)
        const added = entries.filter((entry) => !has(row.entries, entry))
        return added.length === 0
          ? undefined
          : { fence: undefined, entries: [...row.entries, ...added] }
      }
      return swap(id, change, signal)
    },
    remove: async (id, names) => {
      await swap(id, ({ fence, entries }) => {
        const kept = entries.filter((entry) => !has(names, entry))
        return kept.length === entries.length ? undefined : { fence, entries: kept }
      })
    },
  }
}

/**
 * Refuses a row that nobody works with: behind a fence, or none that is known here.
 *
 * @throws {@link erased} · @throws {@link decryption_failed} · @throws {@link key_unreadable}
 */
export function requireOpenRow(
  { controller, keyspace }: Pick<KeyRowsDeps, 'controller' | 'keyspace'>,
  id: string,
  { fence, isMalformed }: KeyRow,
): void {
  if (isMalformed) throw new PrivityError('key_unreadable', { what: 'ring' })
  if (fence === undefined) return
  // Whoever can write to the store must not be able to erase somebody by a mark.
  controller.open(keyspace.person(id), fence)
  throw new PrivityError('erased', { kind: 'subject' })
}

async function readRow({ keyStore, keyspace }: KeyRowsDeps, id: string): Promise<KeyRow> {
  const [bytes] = await keyStore.read([keyspace.person(id)])
  return readKeyRow(bytes)
}

/** A store that is silent is not waited for again and again: each commit may take as long as patience does. */
async function swapRow(
  deps: KeyRowsDeps,
  { id, signal }: { readonly id: string; readonly signal: AbortSignal | undefined },
  change: (row: KeyRow) => KeyRowContent | undefined,
): Promise<KeyRow> {
  const deadline = deps.clock.now() + PATIENCE
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted()
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
      if (!mayPass || attempt === ATTEMPTS || deps.clock.now() >= deadline) throw error
      await pause(deps.clock, backoff(attempt), signal)
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
