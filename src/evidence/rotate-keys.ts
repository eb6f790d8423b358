import { equalBytes } from '../base/bytes.ts'
import type { JsonObject } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import type { Clock } from '../base/time.ts'
import { toVerifierKey } from '../crypto/note.ts'
import { importSigningKey, type SigningKey } from '../crypto/signature.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { Ledger } from '../ledger/ledger.ts'
import {
  encodeSecrets,
  openSecrets,
  type SigningKeys,
  succeedSigning,
} from '../startup/signing-keys.ts'
import type { Keyspace } from '../storage/keyspace.ts'

/** What changing the keys needs. */
export interface RotateDeps {
  readonly keyspace: Keyspace
  readonly controller: ControllerKey
  readonly clock: Clock
  readonly ledger: Ledger
  readonly signing: SigningKeys
}

/**
 * Puts new signing keys in use, of the log, of receipts and of the clock, and destroys the private halves of
 * the old. The checkpoint of the change is signed by the old key and the new, so that whoever trusts one may
 * come to trust the other.
 *
 * @throws {@link write_conflict} when another process changed them meanwhile
 */
export async function rotateKeys(deps: RotateDeps): Promise<void> {
  const { keyspace, controller, clock, ledger, signing } = deps
  const before = signing.current.publicKey
  const secrets = await succeedSigning(signing)
  const successor = await importSigningKey(secrets.current.note)
  const event = rotation(ledger, signing.current, successor)
  try {
    await ledger.submit<null>({
      reads: [keyspace.signing],
      build: (rows) => {
        const stored = openSecrets(deps, rows.get(keyspace.signing))
        // An earlier attempt, of unknown outcome, was applied.
        if (equalBytes(stored.current.note, secrets.current.note))
          return { kind: 'done', value: null }
        const outdated = stored.retired.note.some((retired) => equalBytes(retired, before))
        if (outdated) throw new PrivityError('write_conflict', { attempts: 1 })
        const row = controller.seal(keyspace.signing, encodeSecrets(secrets))
        const entry = { kind: 'controller', at: clock.now(), event, successor } as const
        return {
          kind: 'change',
          change: { put: [[keyspace.signing, row]], del: [], entry },
          value: null,
        }
      },
    })
  } finally {
    // What cannot be read now is read when a head names a key that is not known here.
    await signing.refresh().catch(() => undefined)
  }
  // A log that cannot be told now is told by whoever writes to it next.
  await ledger.adopt().catch(() => undefined)
}

function rotation({ log }: Ledger, from: SigningKey, to: SigningKey): JsonObject {
  const verifierKey = ({ publicKey }: SigningKey): string =>
    toVerifierKey({ name: log.origin, publicKey })
  return { type: 'ledger.key_rotated', from: verifierKey(from), to: verifierKey(to) }
}
