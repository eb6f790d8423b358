import { sameBytes, toHex, utf8 } from '../base/bytes.ts'
import { canonicalBytes } from '../base/canonical.ts'
import { Secret } from '../base/secret.ts'
import { hmacSha256 } from '../crypto/hash.ts'
import { requireNamedRows } from '../ledger/named-rows.ts'
import { decodeStoredKey, type StoredKeySlot } from '../keys/stored-key.ts'
import { CORE } from '../policy/catalogue.ts'
import type { Rows } from '../storage/participant.ts'
import type { Key, Row } from '../storage/store.ts'
import { ensureStoredKey } from './ensure-stored-key.ts'
import type { PeopleDeps } from './people.ts'
import { sameRow } from '../storage/same-row.ts'

/**
 * Remembers of the app's own ids which were of people who are erased, so that a list that is imported again brings
 * nobody back unnoticed. What is kept is an HMAC under a key of its own: whoever has every other key of the store
 * learns nothing from it, and destroying that one key forgets all of them.
 */
export interface Suppression {
  /** Where it is remembered of an id; the key is made if there is none. Undefined where nothing is remembered. */
  tokenOf(externalId: string): Promise<string | undefined>
  /** Makes the key if there is none, so that every later copy of the store has it. */
  prepare(): Promise<void>
  /** What a registration has to look at; undefined where nothing is remembered. */
  lookAt(externalId: string): Promise<SuppressionLook | undefined>
}

/** Rows that say whether an id is suppressed. */
export interface SuppressionLook {
  readonly reads: readonly Key[]
  /** `unknown`: the key was made since, look again. */
  verdict(rows: Pick<Rows, 'get'>): 'suppressed' | 'free' | 'unknown'
}

/** What remembering needs. */
export type SuppressionDeps = Pick<
  PeopleDeps,
  'store' | 'keyspace' | 'clock' | 'ledger' | 'keys' | 'controller'
>

interface Known {
  readonly stored: Uint8Array
  readonly secret: Secret
}

const GENERATION = 1
const TOKEN_BYTES = 16
const LABEL = utf8('privity/suppression/v1\0')

/** Remembers nothing. */
export const NO_SUPPRESSION: Suppression = {
  tokenOf: async () => undefined,
  prepare: async () => undefined,
  lookAt: async () => undefined,
}

/** Suppression by the key of this store. */
export function createSuppression(deps: SuppressionDeps): Suppression {
  const row = deps.keyspace.suppressionKey(GENERATION)
  let known: Known | undefined
  async function open(stored: Uint8Array): Promise<Secret> {
    if (known !== undefined && sameBytes(known.stored, stored)) return known.secret
    const key = await deps.keys.meet(() => decodeStoredKey(deps.keys, slotOf(row), stored))
    known = { stored: stored.slice(), secret: Secret.of(key) }
    key.fill(0)
    return known.secret
  }
  return {
    tokenOf: async (externalId) => tokenUnder(await open(await ensureKey(deps, row)), externalId),
    prepare: async () => {
      await ensureKey(deps, row)
    },
    lookAt: async (externalId) => {
      const [stored, head] = await deps.store.read([row, deps.keyspace.log.head])
      // Without the key, nothing would be remembered of anybody.
      if (stored === undefined)
        requireNamedRows(deps.keyspace, await deps.ledger.log.head(head), [[row, stored]])
      const token = stored === undefined ? undefined : tokenUnder(await open(stored), externalId)
      const place = token === undefined ? [] : [deps.keyspace.suppressed(GENERATION, token)]
      return {
        reads: [row, ...place],
        verdict: (rows) => {
          if (!sameRow(rows.get(row), stored)) return 'unknown'
          return place.some((key) => rows.get(key) !== undefined) ? 'suppressed' : 'free'
        },
      }
    },
  }
}

/** The key of that row. */
export function suppressedKeys(
  { keyspace }: Pick<PeopleDeps, 'keyspace'>,
  { suppress }: { readonly suppress?: string },
): readonly Key[] {
  return suppress === undefined ? [] : [keyspace.suppressed(GENERATION, suppress)]
}

/** The row that remembers, for the batch that destroys the keys of a person. */
export function suppressing(
  { keyspace, controller }: Pick<PeopleDeps, 'keyspace' | 'controller'>,
  { suppress }: { readonly suppress?: string },
  at: number,
): readonly Row[] {
  if (suppress === undefined) return []
  const key = keyspace.suppressed(GENERATION, suppress)
  return [[key, controller.seal(key, canonicalBytes({ v: 1, at }))]]
}

/** The name of the row without the tenant: what the key is bound to. */
export function slotOf(row: Key): StoredKeySlot {
  return { accessClass: CORE, label: `suppression/${row.slice(row.lastIndexOf('/') + 1)}` }
}

function tokenUnder(secret: Secret, externalId: string): string {
  return secret.use((key) =>
    toHex(hmacSha256(key, LABEL, utf8(externalId)).subarray(0, TOKEN_BYTES)),
  )
}

async function ensureKey(deps: SuppressionDeps, row: Key): Promise<Uint8Array> {
  const [stored] = await deps.store.read([row])
  const event = { type: 'suppression.key_made' }
  return stored ?? ensureStoredKey(deps, { row, slot: slotOf(row), event })
}
