import { fromBase64url, toBase64url } from '../base/bytes.ts'
import { canonicalBytes, type JsonObject } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { toJwk } from '../crypto/jose.ts'
import type { Jwks } from '../crypto/verify-jws.ts'
import { generateSigningKey, importSigningKey, type SigningKey } from '../crypto/signature.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { Signers } from '../ledger/signers.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Store } from '../storage/store.ts'

/** What signs: one key per kind of statement, so that none can pass for another. */
export interface SigningKeys extends Signers {
  /** Signs receipts and certificates. */
  readonly jws: Signer
  /** Cosigns checkpoints with the time. */
  readonly clock: Signer
  /** Public halves that are out of use, newest first; what they signed still verifies. */
  readonly retired: Retired
  /** Public keys of receipts and certificates (RFC 7517), newest first. */
  readonly jwks: Jwks
}

/** A key that signs, and its private half for libraries that want it. */
export interface Signer {
  readonly key: SigningKey
  /** PKCS #8. */
  readonly secret: Uint8Array
}

/** The row of the signing keys, opened. */
export interface SigningSecrets {
  /** PKCS #8, by kind. */
  readonly current: { readonly [K in Kind]: Uint8Array }
  /** Public keys, by kind, newest first. */
  readonly retired: Retired
}

type Retired = { readonly [K in Kind]: readonly Uint8Array[] }
type Kind = (typeof KINDS)[number]
type Signing = { readonly [K in Kind]: Signer } & Pick<SigningKeys, 'retired' | 'jwks'>

/** What opening needs. */
export interface SigningKeysDeps {
  readonly store: Pick<Store, 'read'>
  readonly keyspace: Keyspace
  readonly controller: Pick<ControllerKey, 'open'>
}

const VERSION = 1
const KINDS = ['note', 'jws', 'clock'] as const

/** Keys of a new store. */
export async function makeSigning(): Promise<SigningSecrets> {
  const made = await Promise.all(KINDS.map(() => generateSigningKey()))
  return {
    current: byKind((_, index) => made[index]?.secret ?? new Uint8Array(0)),
    retired: byKind(() => []),
  }
}

/** Keys that take over: of those in use, only the public halves are kept. */
export async function succeedSigning(keys: SigningKeys): Promise<SigningSecrets> {
  const { current } = await makeSigning()
  const used = { note: keys.current, jws: keys.jws.key, clock: keys.clock.key }
  return { current, retired: byKind((kind) => [used[kind].publicKey, ...keys.retired[kind]]) }
}

/** The signing keys of a store, as they are now and after every `refresh`. */
export async function openSigning(
  deps: SigningKeysDeps,
  secrets: SigningSecrets,
): Promise<SigningKeys> {
  let signing = await importSigning(secrets)
  return {
    get current() {
      return signing.note.key
    },
    get publicKeys() {
      return [signing.note.key.publicKey, ...signing.retired.note]
    },
    get jws() {
      return signing.jws
    },
    get clock() {
      return signing.clock
    },
    get retired() {
      return signing.retired
    },
    get jwks() {
      return signing.jwks
    },
    refresh: async () => {
      const [sealed] = await deps.store.read([deps.keyspace.signing])
      signing = await importSigning(openSecrets(deps, sealed))
    },
  }
}

/** The bytes of the row, before sealing. */
export function encodeSecrets({ current, retired }: SigningSecrets): Uint8Array {
  return canonicalBytes({
    v: VERSION,
    ...byKind((kind) => toBase64url(current[kind])),
    retired: byKind((kind) => retired[kind].map(toBase64url)),
  })
}

/** @throws {@link store_corrupt} when there are none, or some are missing */
export function openSecrets(
  { keyspace, controller }: Pick<SigningKeysDeps, 'keyspace' | 'controller'>,
  sealed: Uint8Array | undefined,
): SigningSecrets {
  if (sealed === undefined) throw new PrivityError('store_corrupt', { reason: 'missing_row' })
  const json = Object(parseCanonical(controller.open(keyspace.signing, sealed))) as JsonObject
  const { retired = {} } = json as { readonly retired?: JsonObject }
  return {
    current: byKind((kind) => bytesOf(json[kind])),
    retired: byKind((kind) => [retired[kind] ?? []].flat().map(bytesOf)),
  }
}

async function importSigning({ current, retired }: SigningSecrets): Promise<Signing> {
  const keys = await Promise.all(KINDS.map((kind) => importSigningKey(current[kind])))
  const [note, jws, clock] = keys
  if (note === undefined || jws === undefined || clock === undefined)
    throw new PrivityError('store_corrupt', { reason: 'signing_keys' })
  const signer = (kind: Kind, key: SigningKey): Signer => ({ key, secret: current[kind] })
  return {
    note: signer('note', note),
    jws: signer('jws', jws),
    clock: signer('clock', clock),
    retired,
    jwks: { keys: await Promise.all([jws.publicKey, ...retired.jws].map(toJwk)) },
  }
}

function bytesOf(value: unknown): Uint8Array {
  const bytes = typeof value === 'string' ? fromBase64url(value) : undefined
  if (bytes === undefined) throw new PrivityError('store_corrupt', { reason: 'signing_keys' })
  return bytes
}

function byKind<T>(of: (kind: Kind, index: number) => T): { readonly [K in Kind]: T } {
  return { note: of('note', 0), jws: of('jws', 1), clock: of('clock', 2) }
}
