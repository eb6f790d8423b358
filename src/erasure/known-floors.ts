import type { JsonObject } from '../base/canonical.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { requireNewest } from '../vault/require-newest.ts'
import type { Vault } from '../vault/vault.ts'

/**
 * Refuses an erasure under a policy that is no longer the newest where the newest keeps anything by law, or has
 * references: what has to stay would be destroyed, and what has to go would not be looked for. Where it does neither,
 * an erasure depends on no policy.
 *
 * @throws {@link policy_outdated}
 */
export function requireKnownFloors(vault: Vault): Promise<void> {
  return requireKnown(vault, (said) => said.floor !== undefined || said.refs !== undefined)
}

/** The same for references alone. @throws {@link policy_outdated} */
export function requireKnownReferences(vault: Vault): Promise<void> {
  return requireKnown(vault, ({ refs }) => refs !== undefined)
}

/** What a policy says of a record or of a field, as far as it matters here. */
interface Said {
  readonly floor?: unknown
  readonly refs?: unknown
}

async function requireKnown(vault: Vault, matters: (said: Said) => boolean): Promise<void> {
  try {
    await requireNewest(vault)
  } catch (error) {
    const isOutdated = isPrivityError(error, 'policy_outdated')
    if (!isOutdated || (await isSaid(vault, error.details.newest, matters))) throw error
  }
}

async function isSaid(
  { people }: Vault,
  hash: string,
  matters: (said: Said) => boolean,
): Promise<boolean> {
  const { store, keyspace, controller } = people.deps
  const key = keyspace.policy(hash)
  const [row] = await store.read([key])
  const policy = row === undefined ? undefined : parseCanonical(controller.open(key, row))
  if (policy === undefined) throw new PrivityError('store_corrupt', { reason: 'missing_row' })
  const { records } = policy as { readonly records?: JsonObject }
  return Object.values(records ?? {}).some((it) => {
    const record = it as Said & { readonly fields?: { readonly [name: string]: Said } }
    return matters(record) || Object.values(record.fields ?? {}).some(matters)
  })
}
