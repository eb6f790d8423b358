import type { JsonObject, JsonValue } from '../base/canonical.ts'
import { isJsonObject } from '../base/json-shape.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import type { WithdrawalEffect } from '../policy/legal-basis.ts'
import type { Purpose } from '../policy/purposes.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Store } from '../storage/store.ts'
import { withdrawalEffect } from './status.ts'

/** Where the policies of a store are kept, all that there ever were. */
export interface PolicyRows {
  readonly store: Pick<Store, 'scan'>
  readonly keyspace: Pick<Keyspace, 'policies'>
  readonly controller: Pick<ControllerKey, 'open'>
}

const PAGE = 100
const WEIGHT: { readonly [E in WithdrawalEffect]: number } = {
  recorded: 1,
  objected: 2,
  withdrawn: 3,
}

/**
 * A policy, and with it those purposes of some names that only others have: it dropped or renamed them, or is older
 * than they are. Nobody decided on a purpose of which the store knows nothing. Of several, the one from which a
 * withdrawal takes most.
 */
export async function withFormer(
  { store, keyspace, controller }: PolicyRows,
  policy: CompiledPolicy,
  names: readonly string[],
): Promise<CompiledPolicy> {
  const unknown = names.filter((name) => !policy.purposes.has(name))
  if (unknown.length === 0) return policy
  const purposes = new Map(policy.purposes)
  for await (const [key, sealed] of scanRows(store, keyspace.policies, { page: PAGE })) {
    const described = parseCanonical(controller.open(key, sealed))
    for (const name of unknown) {
      const found = purposeIn(described, name)
      if (found !== undefined) purposes.set(name, heavier(purposes.get(name), found))
    }
  }
  return { ...policy, purposes }
}

/** Of two accounts of a purpose, the one from which a withdrawal takes more. */
export function heavier(one: Purpose | undefined, other: Purpose): Purpose {
  if (one === undefined) return other
  return WEIGHT[withdrawalEffect(other)] > WEIGHT[withdrawalEffect(one)] ? other : one
}

/** Read from what this library stored: the shape is that of the policy. */
function purposeIn(described: JsonValue | undefined, name: string): Purpose | undefined {
  const { purposes } = isJsonObject(described) ? described : ({} as JsonObject)
  const found = isJsonObject(purposes) && Object.hasOwn(purposes, name) ? purposes[name] : undefined
  return isJsonObject(found) ? (found as unknown as Purpose) : undefined
}
