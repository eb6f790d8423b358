import type { JsonObject } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { randomBytes } from '../crypto/random.ts'
import { encodeStoredKey, type StoredKeySlot } from '../keys/stored-key.ts'
import type { Key } from '../storage/store.ts'
import type { PeopleDeps } from './people.ts'

/** Where a key of its own is, what it is bound to, and what the log is told when it is made. */
export interface EnsuredKey {
  readonly row: Key
  readonly slot: StoredKeySlot
  readonly event: JsonObject
}

const KEY_BYTES = 32

/**
 * Makes the key of a row unless there is one; resolves to the row as it is stored.
 *
 * @throws {@link write_conflict} when it was destroyed at once
 */
export async function ensureStoredKey(
  { ledger, clock, store, keys }: Pick<PeopleDeps, 'ledger' | 'clock' | 'store' | 'keys'>,
  { row, slot, event }: EnsuredKey,
): Promise<Uint8Array> {
  const fresh = randomBytes(KEY_BYTES)
  await ledger.submit<null>({
    reads: [row],
    build: (rows) => {
      // Another one was faster: its key is the key.
      if (rows.get(row) !== undefined) return { kind: 'done', value: null }
      const put = [[row, encodeStoredKey(keys, slot, fresh)] as const]
      const entry = { kind: 'controller', at: clock.now(), event, wraps: keys.epoch } as const
      return { kind: 'change', change: { put, del: [], entry }, value: null }
    },
  })
  fresh.fill(0)
  const [made] = await store.read([row])
  if (made === undefined) throw new PrivityError('write_conflict', { attempts: 1 })
  return made
}
