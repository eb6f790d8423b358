import { type Jwks, toJwk } from '../crypto/jose.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { toVerifierKey } from '../ledger/note.ts'
import { type Verification, verifyLog, type VerifyOptions } from '../ledger/verify-log.ts'
import type { Store } from '../storage/store.ts'
import type { Signing } from './open-root.ts'

/** What an app and its auditors see of the log. */
export interface LedgerFace {
  /** Names this log in every checkpoint. */
  readonly origin: string
  /** For verifying without the app: receipts and certificates by JWKS, checkpoints by C2SP verifier keys. */
  readonly publicKeys: PublicKeys
  /** Latest signed checkpoint, a C2SP signed note. */
  checkpoint(): Promise<string>
  /** Reads the whole log and recomputes what was signed. */
  verify(options?: VerifyOptions): Promise<Verification>
}

/** The public halves of the keys that sign. */
export interface PublicKeys {
  readonly jwks: Jwks
  readonly verifierKeys: readonly string[]
}

/** The log as its owner shows it. */
export async function createLedgerFace({
  store,
  ledger,
  signing,
}: {
  readonly store: Store
  readonly ledger: Ledger
  readonly signing: Signing
}): Promise<LedgerFace> {
  const { origin } = ledger.log
  const jwk = await toJwk(signing.jws.publicKey)
  const verifierKey = toVerifierKey({ name: origin, publicKey: signing.note.publicKey })
  return Object.freeze({
    origin,
    publicKeys: Object.freeze({ jwks: { keys: [jwk] }, verifierKeys: [verifierKey] }),
    checkpoint: () => ledger.checkpoint(),
    verify: async (options?: VerifyOptions) => {
      await ledger.drain()
      return verifyLog(store, ledger.log, options)
    },
  })
}
