import { fromBase64url, fromHex, toBase64url, toHex } from '../base/bytes.ts'
import { canonicalBytes, type JsonObject, parseCanonical } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { randomId } from '../base/id.ts'
import type { Clock } from '../base/time.ts'
import { randomBytes } from '../crypto/random.ts'
import { generateSigningKey, importSigningKey, type SigningKey } from '../crypto/signature.ts'
import { type ControllerKey, createControllerKey } from '../keys/controller-key.ts'
import type { KeyContext, KeyProvider } from '../keys/provider.ts'
import { createLedger, type Ledger } from '../ledger/ledger.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Key, Store } from '../storage/store.ts'

/** What everything else stands on: the store's id, the controller's key, the keys that sign, and the log. */
export interface Root {
  readonly storeId: string
  readonly salt: Uint8Array
  readonly epoch: number
  readonly controller: ControllerKey
  readonly signing: Signing
  readonly ledger: Ledger
}

/** Notes and JWS are signed by different keys. */
export interface Signing {
  readonly note: SigningKey
  readonly jws: SigningKey
  readonly jwsSecret: Uint8Array
}

/** What opening a root needs. */
export interface RootDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly provider: KeyProvider
  readonly clock: Clock
}

interface Secrets {
  readonly storeId: string
  readonly salt: Uint8Array
  readonly controllerSecret: Uint8Array
  readonly noteSecret: Uint8Array
  readonly jwsSecret: Uint8Array
}

const VERSION = 1
const SALT_LENGTH = 32
const KEY_LENGTH = 32
const PAGE = 1_000

/**
 * Opens the store of a tenant, or makes a new one; of two processes that do so at once, one makes it.
 *
 * @throws {@link key_unreadable} when the secret is another one
 * @throws {@link ledger_inconsistent} when the head of the log is not what was signed
 */
export async function openRoot(deps: RootDeps): Promise<Root> {
  const epoch = await deps.provider.currentEpoch()
  const found = await readSecrets(deps)
  if (found !== undefined) return toVerifiedRoot(deps, found, epoch)
  const made = await makeSecrets()
  const root = await toRoot(deps, made, epoch)
  const isMine = await storeSecrets(deps, root, made)
  if (isMine) return root
  const others = await readSecrets(deps)
  if (others === undefined) throw new PrivityError('store_corrupt', { reason: 'missing_row' })
  return toVerifiedRoot(deps, others, epoch)
}

/** The head is read back and recomputed: its edge must give the root that its note signs. */
async function toVerifiedRoot(deps: RootDeps, secrets: Secrets, epoch: number): Promise<Root> {
  const root = await toRoot(deps, secrets, epoch)
  await root.ledger.checkpoint()
  return root
}

async function toRoot(
  { store, keyspace, clock }: RootDeps,
  secrets: Secrets,
  epoch: number,
): Promise<Root> {
  const { storeId, salt, jwsSecret } = secrets
  const controller = createControllerKey(secrets.controllerSecret, storeId)
  const note = await importSigningKey(secrets.noteSecret)
  const jws = await importSigningKey(jwsSecret)
  const origin = `privity/${storeId}`
  const ledger = createLedger({ store, keyspace, clock, controller, signer: note, origin })
  return { storeId, salt, epoch, controller, ledger, signing: { note, jws, jwsSecret } }
}

async function makeSecrets(): Promise<Secrets> {
  const [note, jws] = await Promise.all([generateSigningKey(), generateSigningKey()])
  return {
    storeId: randomId(),
    salt: randomBytes(SALT_LENGTH),
    controllerSecret: randomBytes(KEY_LENGTH),
    noteSecret: note.secret,
    jwsSecret: jws.secret,
  }
}

/** False when another process was faster. */
async function storeSecrets(
  deps: RootDeps,
  { ledger, controller, epoch }: Root,
  secrets: Secrets,
): Promise<boolean> {
  const { keyspace, provider, clock } = deps
  const wrapped = await provider.wrap(secrets.controllerSecret, contextOf(secrets, epoch))
  const { storeId, salt, noteSecret, jwsSecret } = secrets
  const signing = canonicalBytes({
    v: VERSION,
    note: toBase64url(noteSecret),
    jws: toBase64url(jwsSecret),
  })
  const { value } = await ledger.submit<boolean>({
    reads: [keyspace.store],
    build: (rows) => {
      const row = canonicalBytes({ v: VERSION, storeId, salt: toHex(salt) })
      const existing = rows.get(keyspace.store)
      if (existing !== undefined) return { kind: 'done', value: toHex(existing) === toHex(row) }
      const put: readonly (readonly [Key, Uint8Array])[] = [
        [keyspace.store, row],
        [keyspace.controllerKey(epoch), wrapped],
        [keyspace.signing, controller.seal(keyspace.signing, signing)],
      ]
      const event = { type: 'store.created', storeId }
      return {
        kind: 'change',
        change: { put, del: [], entry: { kind: 'controller', at: clock.now(), event } },
        value: true,
      }
    },
  })
  return value
}

async function readSecrets({ store, keyspace, provider }: RootDeps): Promise<Secrets | undefined> {
  const [row, sealed] = await store.read([keyspace.store, keyspace.signing])
  if (row === undefined) return undefined
  const { storeId, salt } = parseStoreRow(row)
  const [key, wrapped] = await latestControllerKey({ store, keyspace })
  const epoch = Number.parseInt(key.slice(-8), 16)
  const controllerSecret = await provider.unwrap(wrapped, contextOf({ storeId, salt }, epoch))
  if (sealed === undefined) throw new PrivityError('store_corrupt', { reason: 'missing_row' })
  const opened = createControllerKey(controllerSecret, storeId).open(keyspace.signing, sealed)
  const { note = '', jws = '' } = parseCanonical(opened) as {
    readonly note?: string
    readonly jws?: string
  }
  const noteSecret = fromBase64url(note)
  const jwsSecret = fromBase64url(jws)
  if (noteSecret === undefined || jwsSecret === undefined)
    throw new PrivityError('store_corrupt', { reason: 'signing_keys' })
  return { storeId, salt, controllerSecret, noteSecret, jwsSecret }
}

async function latestControllerKey({
  store,
  keyspace,
}: Pick<RootDeps, 'store' | 'keyspace'>): Promise<readonly [Key, Uint8Array]> {
  const prefix = keyspace.controllerKey(0).slice(0, -8)
  const rows = await store.scan(prefix, { limit: PAGE })
  const latest = rows.at(-1)
  if (latest === undefined) throw new PrivityError('store_corrupt', { reason: 'missing_row' })
  return latest
}

function parseStoreRow(row: Uint8Array): { readonly storeId: string; readonly salt: Uint8Array } {
  const json = (parseCanonical(row) ?? {}) as JsonObject
  const { v, storeId, salt } = json
  const saltBytes = typeof salt === 'string' ? fromHex(salt) : undefined
  if (v !== VERSION || typeof storeId !== 'string' || saltBytes === undefined) {
    throw new PrivityError('unsupported_format', {
      what: 'store',
      version: typeof v === 'number' ? v : 0,
    })
  }
  return { storeId, salt: saltBytes }
}

function contextOf(
  { storeId, salt }: Pick<Secrets, 'storeId' | 'salt'>,
  epoch: number,
): KeyContext {
  return { storeId, salt, epoch, accessClass: 'controller' }
}
