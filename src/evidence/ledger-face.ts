import * as z from 'zod/mini'
import { abortSignal } from '../base/abort-signal.ts'
import { callback } from '../base/callback.ts'
import { parseOptions } from '../base/parse-options.ts'
import type { Contradiction } from '../ledger/quarantine.ts'
import type { Verification, VerifyOptions } from '../ledger/verify-log.ts'
import { acceptStore } from './accept.ts'
import { type ExportDeps, exportEvidence } from './export.ts'
import type { ExportOptions } from './export-options.ts'
import { createLogFace, type LogFace } from './log-face.ts'
import { type PublicKeys, publicKeysOf } from './public-keys.ts'
import { type RotateDeps, rotateKeys } from './rotate-keys.ts'
import { verifyStore, type VerifyStoreDeps } from './verify-store.ts'

/** What an app and its auditors see of the log. */
export interface LedgerFace extends LogFace {
  /** For verifying without the app: receipts and certificates by JWKS, checkpoints by C2SP verifier keys. */
  readonly publicKeys: PublicKeys
  /** Every log of entries: the main one first, which this is, then those that share the people with each other. */
  readonly logs: readonly LogFace[]
  /**
   * Reads the whole log and recomputes what was signed; `deep` also holds every other row against what the
   * log committed to. Others may go on writing.
   */
  verify(options?: VerifyOptions): Promise<Verification>
  /**
   * Everything that an auditor needs to check the log without the app, as one tar archive for `verifyEvidence`:
   * blinded leaves, checkpoint and public keys, and only on demand what entries say. Page by page.
   *
   * @throws {@link not_found} · @throws {@link erased} for a person in `subjects`
   * @throws {@link ledger_inconsistent} when the log is not what was signed: such evidence is not finished
   */
  export(options?: ExportOptions): AsyncIterable<Uint8Array>
  /**
   * Puts new signing keys in use. Receipts, certificates and checkpoints of the old keys go on verifying with
   * `publicKeys`; their private halves are destroyed.
   *
   * @throws {@link write_conflict} when another process did the same meanwhile
   */
  rotateKeys(): Promise<void>
  /**
   * Why the store is neither read nor written: what its anchor remembers contradicts it. Undefined as long as
   * nothing does, and without an anchor.
   */
  readonly contradiction: Contradiction | undefined
  /**
   * Goes on, in spite of its anchor, with the store as it is, under a new origin; `anchored` is that of
   * `contradiction`. Takes effect for whoever opens the store from then on.
   *
   * @throws {@link invalid_transition} when there is nothing to accept
   * @throws {@link invalid_input} unless the checkpoint is what the anchor remembers, of this very log
   */
  accept(anchored: string): Promise<void>
}

/** What the face of the log needs. */
export type LedgerFaceDeps = VerifyStoreDeps & RotateDeps & ExportDeps

const verifyOptions = z.strictObject({
  deep: z.optional(z.boolean()),
  unmarked: z.optional(z.bigint()),
  signal: abortSignal,
  onProgress: callback<VerifyOptions['onProgress']>(),
})

/** The log as its owner shows it. */
export function createLedgerFace(deps: LedgerFaceDeps): LedgerFace {
  const { ledger, signing, origin } = deps
  const logs = ledger.shards.map((shard) => Object.freeze(createLogFace(deps, shard)))
  const { checkpoint, inclusion, consistency } = createLogFace(deps, ledger)
  return Object.freeze({
    get origin() {
      return ledger.log.origin
    },
    logs: Object.freeze(logs),
    checkpoint,
    inclusion,
    consistency,
    get publicKeys() {
      return publicKeysOf(signing, ledger, origin)
    },
    get contradiction() {
      return ledger.quarantine.contradiction
    },
    verify: async (options) => verifyStore(deps, parseOptions(verifyOptions, options)),
    export: (options) => exportEvidence(deps, options),
    rotateKeys: async () => {
      deps.check?.()
      await rotateKeys(deps)
    },
    accept: (anchored) => acceptStore(deps, anchored),
  } satisfies LedgerFace)
}
