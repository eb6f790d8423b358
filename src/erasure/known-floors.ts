import type { JsonObject } from '../base/canonical.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { requireNewest } from '../vault/require-newest.ts'
import type { Vault } from '../vault/vault.ts'

/**
 * Refuses an erasure under a policy that is no longer the newest where the newest keeps anything by law: what has to
 * stay would be destroyed. Where it keeps nothing, an erasure depends on no policy.
 *
 * @throws {@link policy_outdated}
 */
export async function requireKnownFloors(vault: Vault): Promise<void> {
  try {
    await requireNewest(vault)
  } catch (error) {
    const isOutdated = isPrivityError(error, 'policy_outdated')
    if (!isOutdated || (await hasFloors(vault, error.details.newest))) throw error
  }
}

async function hasFloors({ people }: Vault, hash: string): Promise<boolean> {
  const { store, keyspace, controller } = people.deps
  const key = keyspace.policy(hash)
  const [row] = await store.read([key])
  const policy = row === undefined ? undefined : parseCanonical(controller.open(key, row))
  if (policy === undefined) throw new PrivityError('store_corrupt', { reason: 'missing_row' })
  const { records } = policy as { readonly records?: JsonObject }
  return Object.values(records ?? {}).some((record) => {
    const { floor, fields } = record as { readonly floor?: unknown; readonly fields?: JsonObject }
    return floor !== undefined || Object.values(fields ?? {}).some(keeps)
  })
}

function keeps(field: unknown): boolean {
  return (field as { readonly floor?: unknown }).floor !== undefined
}
