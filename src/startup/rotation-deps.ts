import { signJws } from '../crypto/jose.ts'
import { destroyAgain } from '../erasure/take-up.ts'
import { CERTIFICATE_TYPE } from '../erasure/verify-certificate.ts'
import type { GuardedKeys } from '../keys/guarded-keys.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import type { KeysFaceDeps } from '../rotation/keys-face.ts'
import { storedKeyFamilies } from '../rotation/stored-keys.ts'
import type { Vault } from '../vault/vault.ts'
import type { Root } from './open-root.ts'

/** What rotation stands on besides a vault. */
export interface RotationParts {
  readonly root: Root
  readonly policy: CompiledPolicy
  readonly provider: GuardedKeys
}

/** What the face of the keys needs. */
export function rotationDeps(
  { provider, policy, root }: RotationParts,
  vault: Vault,
): KeysFaceDeps {
  const { epochs, controllerSecret, salt, origin, signing } = root
  const { people } = vault
  return {
    vault,
    people,
    provider,
    epochs,
    controllerSecret,
    salt,
    families: () => storedKeyFamilies(people.deps),
    destroyAgain: (id) => destroyAgain(people, id),
    controllerOf: policy.controller,
    policy: policy.hash,
    origin,
    sign: (payload) => signJws({ payload, typ: CERTIFICATE_TYPE, pkcs8: signing.jws.secret }),
  }
}
