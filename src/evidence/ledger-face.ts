import * as z from 'zod/mini'
import { readNoted } from '../audit/noted.ts'
import { writerLog } from '../audit/writer.ts'
import { parseInput } from '../base/parse.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { type Jwks, toJwk } from '../crypto/jose.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { toVerifierKey } from '../crypto/note.ts'
import { type Verification, verifyLog, type VerifyOptions } from '../ledger/verify-log.ts'
import type { Store } from '../storage/store.ts'
import type { Signing } from '../startup/open-root.ts'

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

/** What the face of the log needs. */
export interface LedgerFaceDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly controller: ControllerKey
  readonly ledger: Ledger
  readonly signing: Signing
}

const verifyOptions = z.strictObject({
  signal: z.optional(z.custom<AbortSignal>((value) => value instanceof AbortSignal)),
  onProgress: z.optional(
    z.custom<NonNullable<VerifyOptions['onProgress']>>((value) => typeof value === 'function'),
  ),
})

/** The log as its owner shows it. */
export async function createLedgerFace(deps: LedgerFaceDeps): Promise<LedgerFace> {
  const { ledger, signing } = deps
  const { origin } = ledger.log
  const jwk = await toJwk(signing.jws.publicKey)
  const verifierKey = toVerifierKey({ name: origin, publicKey: signing.note.publicKey })
  return Object.freeze({
    origin,
    publicKeys: Object.freeze({ jwks: { keys: [jwk] }, verifierKeys: [verifierKey] }),
    checkpoint: () => ledger.checkpoint(),
    verify: async (options?: unknown) => {
      const parsed = parseVerifyOptions(options)
      await ledger.drain()
      return verifyAll(deps, parsed)
    },
  })
}

/** The main log, and the access log of every writer there ever was. */
async function verifyAll(deps: LedgerFaceDeps, options: VerifyOptions): Promise<Verification> {
  const { store, keyspace, ledger, signing } = deps
  const { signal } = options
  const main = await verifyLog(store, ledger.log, options)
  const faults = [...main.faults]
  for (let writer = 0; ; writer += 1) {
    const log = writerLog({ keyspace, signer: signing.note, origin: ledger.log.origin }, writer)
    const [head, register] = await store.read([log.keys.head, keyspace.writerRegister(writer)])
    if (head === undefined && register === undefined) {
      return { ok: faults.length === 0, size: main.size, faults }
    }
    const accesses = await verifyLog(store, log, signal === undefined ? {} : { signal })
    const noted = BigInt(readNoted(deps, writer, register))
    faults.push(...accesses.faults)
    // The main log knows a longer one: accesses were taken out of it.
    if (accesses.size < noted)
      faults.push({ index: accesses.size, key: log.keys.head, kind: 'log_set_back' })
  }
}

function parseVerifyOptions(options: unknown): VerifyOptions {
  const { signal, onProgress } = parseInput(verifyOptions, options === undefined ? {} : options)
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  }
}
