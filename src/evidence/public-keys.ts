import type { Jwks } from '../crypto/verify-jws.ts'
import { toVerifierKey } from '../crypto/note.ts'
import { type Ledger, shardOrigin } from '../ledger/ledger.ts'
import { originOf } from '../ledger/log-head.ts'
import type { SigningKeys } from '../startup/signing-keys.ts'

/** The public halves of the keys that sign, and of those that did: what they signed still verifies. */
export interface PublicKeys {
  /** Keys of receipts and certificates (RFC 7517), newest first. */
  readonly jwks: Jwks
  /** C2SP verifier keys: of the main log, newest first, of further logs, then those that cosign with the time. */
  readonly verifierKeys: readonly string[]
}

/** What a verifier has to be given, by a way that does not lead through the store. */
export function publicKeysOf(signing: SigningKeys, ledger: Ledger, origin: string): PublicKeys {
  const names = ledger.shards.flatMap(({ log, number }) =>
    Array.from({ length: log.generation + 1 }, (_, generation) =>
      originOf(shardOrigin(origin, number), log.generation - generation),
    ),
  )
  const clocks = [signing.clock.key.publicKey, ...signing.retired.clock]
  const verifierKeys = [
    ...names.flatMap((name) =>
      signing.publicKeys.map((publicKey) => toVerifierKey({ name, publicKey })),
    ),
    ...clocks.map((publicKey) =>
      toVerifierKey({ name: clockOf(origin), publicKey, algorithm: 'cosignature' }),
    ),
  ]
  return Object.freeze({ jwks: signing.jwks, verifierKeys: Object.freeze(verifierKeys) })
}

/** Signs under a name of its own: the time is not a statement of the log. */
export function clockOf(origin: string): string {
  return `${origin}/clock`
}
