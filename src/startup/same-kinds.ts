import { invalidInput, PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Store } from '../storage/store.ts'
import type { Root } from './open-root.ts'

/** What comparing a policy with the one before it needs. */
export interface SameKindsDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly root: Root
  readonly policy: CompiledPolicy
}

/**
 * Refuses a policy under which a person has many records of a type of which the newest one knows a single, or the other
 * way round: those that are stored stand where nothing would look for them, and nothing would ever erase them by date.
 *
 * @throws {@link invalid_input} `other_many` at the record type, which needs another name
 */
export async function requireSameKinds(
  { store, keyspace, root, policy }: SameKindsDeps,
  newest: string | undefined,
): Promise<void> {
  if (newest === undefined) return
  const key = keyspace.policy(newest)
  const [row] = await store.read([key])
  const before = row === undefined ? undefined : parseCanonical(root.controller.open(key, row))
  if (before === undefined) throw new PrivityError('store_corrupt', { reason: 'missing_row' })
  const { records = {} } = before as { readonly records?: Described }
  for (const { name, many } of policy.records.values()) {
    const known = Object.hasOwn(records, name) ? records[name] : undefined
    if (known !== undefined && (known.many === true) !== many)
      throw invalidInput(['policy', 'records', name], 'other_many')
  }
}

interface Described {
  readonly [record: string]: { readonly many?: boolean }
}
