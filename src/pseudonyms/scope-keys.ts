import { sameBytes, toHex } from '../base/bytes.ts'
import { createCache } from '../base/cache.ts'
import { PrivityError } from '../base/errors.ts'
import { Secret } from '../base/secret.ts'
import { decodeStoredKey, type StoredKeySlot } from '../keys/stored-key.ts'
import { CORE } from '../policy/catalogue.ts'
import type { Key } from '../storage/store.ts'
import { ensureStoredKey } from '../subjects/ensure-stored-key.ts'
import type { PeopleDeps } from '../subjects/people.ts'

/** One recipient, and what it has the data for. */
export interface PseudonymScope<P extends string = string, R extends string = string> {
  /** Name of who gets the pseudonyms, 1 to 256 characters, such as `mail-processor`. */
  readonly recipient: R
  /** What the recipient gets the pseudonym for. */
  readonly purpose: P
}

/** The keys of pseudonyms: one per scope, random, so that it can be destroyed. */
export interface ScopeKeys {
  /** Where the key of a scope is. */
  rowOf(scope: PseudonymScope): Key
  /**
   * Runs with the key of a row, which must not be kept; undefined when there is none.
   *
   * @throws {@link key_unavailable} · @throws {@link key_unreadable}
   */
  use<T>(
    row: Key,
    stored: Uint8Array | undefined,
    run: (key: Uint8Array) => T,
  ): Promise<T | undefined>
  /** The row of a scope, made if there is none. */
  ensure(scope: PseudonymScope): Promise<Uint8Array>
  /** @throws {@link not_found} when the scope has no key */
  destroy(scope: PseudonymScope): Promise<void>
}

interface Known {
  readonly stored: Uint8Array
  readonly secret: Secret
}

const TOKEN_BYTES = 16
const CACHE = { maxEntries: 1_024, maxAgeMs: 600_000 } as const

/** Keys are kept under the exact bytes of their rows, which are read each time: a destroyed one counts no more. */
export function createScopeKeys(deps: PeopleDeps): ScopeKeys {
  const { keyspace, controller, keys, clock } = deps
  const cache = createCache<Known>({ ...CACHE, clock, onEvict: ({ secret }) => secret.wipe() })
  const rowOf = ({ recipient, purpose }: PseudonymScope): Key =>
    keyspace.scopeKey(toHex(controller.scopeToken(recipient, purpose).subarray(0, TOKEN_BYTES)))
  function open(row: Key, stored: Uint8Array | undefined): Secret | undefined {
    const known = cache.get(row)
    if (known !== undefined && stored !== undefined && sameBytes(known.stored, stored))
      return known.secret
    cache.delete(row)
    if (stored === undefined) return undefined
    const key = decodeStoredKey(keys, slotOf(row), stored)
    const secret = Secret.of(key)
    key.fill(0)
    cache.set(row, { stored: stored.slice(), secret })
    return secret
  }
  return {
    rowOf,
    use: (row, stored, run) => keys.meet(() => open(row, stored)?.use(run)),
    ensure: (scope) => {
      const row = rowOf(scope)
      const event = { type: 'pseudonyms.key_made', ...named(scope) }
      return ensureStoredKey(deps, { row, slot: slotOf(row), event })
    },
    destroy: async (scope) => {
      const row = rowOf(scope)
      await destroy(deps, scope, row)
      cache.delete(row)
    },
  }
}

/** The name of the row without the tenant and the family: what the key is bound to. */
export function slotOf(row: Key): StoredKeySlot {
  return { accessClass: CORE, label: `pseudonym/${row.slice(row.lastIndexOf('/') + 1)}` }
}

async function destroy(
  { ledger, clock }: PeopleDeps,
  scope: PseudonymScope,
  row: Key,
): Promise<void> {
  const event = { type: 'pseudonyms.key_destroyed', ...named(scope) }
  await ledger.submit<null>({
    reads: [row],
    build: (rows) => {
      if (rows.get(row) === undefined) throw new PrivityError('not_found', { kind: 'pseudonym' })
      const entry = { kind: 'controller', at: clock.now(), event } as const
      return { kind: 'change', change: { put: [], del: [row], entry }, value: null }
    },
  })
}

function named({ recipient, purpose }: PseudonymScope): { recipient: string; purpose: string } {
  return { recipient, purpose }
}
