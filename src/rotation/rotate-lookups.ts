import type { JsonObject } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import type { ControllerEntry } from '../ledger/entry.ts'
import type { Key, Row } from '../storage/store.ts'
import type { Slot } from '../vault/lookup-key-row.ts'
import type { Vault } from '../vault/vault.ts'

/** Lookup keys by what became of them. */
export interface DroppedLookupKeys {
  /** Keys that are destroyed. */
  readonly dropped: number
  /** Tokens were made under them, and are left. */
  readonly used: number
}

/**
 * Starts a new generation of every lookup key of the running policy: what is written from now on has its tokens
 * there, and searches ask every generation until the older ones are dropped. A reseal brings the rest over.
 *
 * @throws {@link policy_outdated} when another process writes under a newer policy
 */
export async function rotateLookups(vault: Vault): Promise<void> {
  const { lookups, people, policy } = vault
  await lookups.refresh()
  const { epoch } = people.deps.keys
  const put = currentNumbers(vault).map(lookups.mint)
  const entry = { type: 'lookups.rotated', keys: put.length, policy: policy.hash }
  if (put.length > 0) await commit(vault, { put, del: [], event: entry, wraps: epoch })
  await lookups.refresh()
}

/**
 * Destroys the lookup keys that nothing needs any more: of older generations, and of lookups that the running policy
 * does not have, once no row was made under them. Resolves to how many there were, and how many are still used.
 *
 * @throws {@link policy_outdated} when another process writes under a newer policy
 */
export async function dropLookupKeys(vault: Vault): Promise<DroppedLookupKeys> {
  const { lookups, people } = vault
  await lookups.refresh()
  const old = lookups.slots().filter((slot) => !isCurrent(vault, slot))
  const used = await Promise.all(old.map((slot) => isUsed(vault, slot)))
  const unused = old.filter((_, at) => used[at] === false)
  const del = unused.map(({ lookup, generation }) =>
    people.deps.keyspace.lookupKey(lookup, generation),
  )
  const event = { type: 'lookups.dropped', keys: del.length, policy: vault.policy.hash }
  if (del.length > 0) await commit(vault, { put: [], del, event, wraps: undefined })
  await lookups.refresh()
  return { dropped: del.length, used: old.length - del.length }
}

function currentNumbers({ policy, lookups }: Vault): readonly number[] {
  return [...policy.records.values()].flatMap((record) => record.lookups.map(lookups.numberOf))
}

function isCurrent(vault: Vault, { lookup, generation }: Slot): boolean {
  return currentNumbers(vault).includes(lookup) && generation === vault.lookups.newest(lookup)
}

async function isUsed({ people }: Vault, { lookup, generation }: Slot): Promise<boolean> {
  const { store, keyspace } = people.deps
  const rows = await Promise.all(
    [keyspace.tokensUnder, keyspace.claimsUnder].map((under) =>
      store.scan(under(lookup, generation), { limit: 1 }),
    ),
  )
  return rows.some((found) => found.length > 0)
}

interface KeyChange {
  readonly put: readonly Row[]
  readonly del: readonly Key[]
  readonly event: JsonObject
  readonly wraps: number | undefined
}

/** Refused when another process made the same keys, or wrote under a newer policy. */
async function commit(
  { people, policy }: Vault,
  { put, del, event, wraps }: KeyChange,
): Promise<void> {
  const { ledger } = people.deps
  await ledger.submit<null>({
    reads: [...put.map(([key]) => key), ...del],
    build: (rows) => {
      const isStale = wraps !== undefined && wraps !== people.deps.keys.epoch
      if (isStale || put.some(([key]) => rows.get(key) !== undefined))
        throw new PrivityError('write_conflict', { attempts: 1 })
      const entry: ControllerEntry = {
        kind: 'controller',
        at: people.now(),
        event,
        policy: policy.hash,
        ...(wraps === undefined ? {} : { wraps }),
      }
      return { kind: 'change', change: { put, del, entry }, value: null }
    },
  })
}
