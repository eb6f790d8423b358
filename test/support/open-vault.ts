import { createAudit } from '../../src/audit/audit.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import { toHex, utf8 } from '../../src/base/bytes.ts'
import { randomId } from '../../src/base/id.ts'
import { createCertificates } from '../../src/erasure/certificate.ts'
import { createErasure, type Erasure } from '../../src/erasure/erasure.ts'
import type { KeptOf } from '../../src/erasure/partial/look.ts'
import { guardKeys } from '../../src/keys/guarded-keys.ts'
import type { KeyProvider } from '../../src/keys/provider.ts'
import { createPermit } from '../../src/permit/permit.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { openRoot } from '../../src/startup/open-root.ts'
import { registerPolicy } from '../../src/startup/register-policy.ts'
import { createKeyspace, type Keyspace } from '../../src/storage/keyspace.ts'
import type { Store } from '../../src/storage/store.ts'
import { createKeyRows } from '../../src/subjects/key-rows.ts'
import { createPeople } from '../../src/subjects/people.ts'
import { NO_SUPPRESSION } from '../../src/subjects/suppression.ts'
import { openLayouts } from '../../src/vault/layouts.ts'
import { openLookups } from '../../src/vault/lookups.ts'
import type { Vault } from '../../src/vault/vault.ts'
import { eagerClock } from './acme.ts'

/** The rooms of an instance that an app does not see. */
export interface OpenVault {
  readonly vault: Vault
  readonly erasure: Erasure
  readonly keyspace: Keyspace
}

/** Opens a store as `createPrivity` does, without its face. */
export async function openVault(
  store: Store,
  {
    declared,
    keys: given,
    keyStore,
    keptOf = () => [],
  }: {
    readonly declared: object
    readonly keys: KeyProvider
    readonly keyStore?: Store | undefined
    readonly keptOf?: KeptOf
  },
): Promise<OpenVault> {
  await store.open()
  await keyStore?.open()
  const policy = compilePolicy(declared)
  const provider = guardKeys(given)
  const clock = eagerClock()
  const keyspace = createKeyspace(toHex(sha256(utf8(policy.controller.id))).slice(0, 16))
  const root = await openRoot({ store, keyStore, keyspace, provider, clock })
  const { controller, ledger, storeId, origin, signing } = root
  const rows = { store, keyspace, clock, controller, ledger }
  const { catalogue, keys } = await registerPolicy({ ...rows, provider, root, policy })
  const keyRows =
    keyStore === undefined ? undefined : createKeyRows({ keyStore, keyspace, controller, clock })
  const people = createPeople({ ...rows, keys, storeId, keyRows })
  const audit = createAudit({ ...rows, origin, instance: randomId(), mode: 'strict' })
  const permit = createPermit({ people, policy, relationship: undefined })
  const layouts = await openLayouts({ store, keyspace, controller, catalogue, policy })
  const lookups = await openLookups({ store, keyspace, keys, catalogue })
  const vault: Vault = { people, policy, permit, audit, layouts, lookups }
  const certificates = createCertificates({
    key: () => signing.jws.secret,
    controller: policy.controller,
    policy: policy.hash,
    origin,
    provider,
  })
  const suppression = NO_SUPPRESSION
  const erasure = createErasure({ vault, hooks: [], certificates, suppression, keptOf })
  return { vault, keyspace, erasure }
}
