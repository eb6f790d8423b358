import { PrivityError } from '../base/errors.ts'
import type { Vault } from './vault.ts'

/**
 * Under an older policy everything may seem to be in its place, and nothing to have to stay.
 *
 * @throws {@link policy_outdated}
 */
export async function requireNewest({
  people,
  policy,
}: Pick<Vault, 'people' | 'policy'>): Promise<void> {
  const { ledger } = people.deps
  ledger.quarantine.check()
  const { state } = await ledger.head()
  const newest = String(state['policy'] ?? '')
  if (newest !== policy.hash) throw new PrivityError('policy_outdated', { newest })
}
