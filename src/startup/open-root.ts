import { fromHex, toHex } from '../base/bytes.ts'
import { canonicalBytes, type JsonObject } from '../base/canonical.ts'
import { invalidInput, PrivityError } from '../base/errors.ts'
import { randomId } from '../base/id.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { Secret } from '../base/secret.ts'
import type { Clock } from '../base/time.ts'
import { randomBytes } from '../crypto/random.ts'
import { type ControllerKey, createControllerKey } from '../keys/controller-key.ts'
import { type EpochWatch, watchEpochs } from '../keys/epoch-watch.ts'
import type { KeyContext, KeyProvider } from '../keys/provider.ts'
import { NO_NOTICES, sealRegister } from '../notices/notice-book.ts'
import { createLedger, type Ledger } from '../ledger/ledger.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Anchor } from '../storage/anchor.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Key, Row, Store } from '../storage/store.ts'
import { claimKeyStore, requireKeyStore } from './claim-key-store.ts'
import { isShardCount } from './shard-count.ts'
import {
  encodeSecrets,
  makeSigning,
  openSecrets,
  openSigning,
  type SigningKeys,
  type SigningSecrets,
} from './signing-keys.ts'

/** What everything else stands on: the store's id, the controller's key, the keys that sign, and the log. */
export interface Root {
  readonly storeId: string
  readonly salt: Uint8Array
  /** The epoch of the provider that the store has in use, as far as this process knows. */
  readonly epochs: EpochWatch
  readonly controller: ControllerKey
  /** The same, as the provider wraps it: for another epoch. */
  readonly controllerSecret: Secret
  readonly signing: SigningKeys
  /** Name of the log in its first generation. */
  readonly origin: string
  readonly ledger: Ledger
}

/** What opening a root needs. */
export interface RootDeps {
  readonly store: Store
  /** Where the keys of people are; fixed when the store is made. Default: with the people. */
  readonly keyStore?: Store | undefined
  readonly keyspace: Keyspace
  readonly provider: KeyProvider
  readonly clock: Clock
  readonly anchor?: Anchor | undefined
  /** How many logs share the people; fixed when the store is made. Default: as it was made, or one. */
  readonly shards?: number | undefined
}

interface Secrets {
  readonly storeId: string
  readonly hasKeyStore: boolean
  readonly salt: Uint8Array
  readonly shards: number
  /** The provider may be at a later one, which nobody has put in use here yet. */
  readonly epoch: number
  readonly controllerSecret: Uint8Array
  readonly signing: SigningSecrets
}

const VERSION = 1
const SALT_LENGTH = 32
const KEY_LENGTH = 32
const PAGE = 1_000
const ATTEMPTS = 10

/**
 * Opens the store of a tenant, or makes a new one; of two processes that do so at once, one makes it.
 *
 * @throws {@link key_unreadable} when the secret is another one
 * @throws {@link ledger_inconsistent} when the head of the log is not what was signed
 */
export async function openRoot(deps: RootDeps): Promise<Root> {
  const anchored = await deps.anchor?.read()
  const found = await readSecrets(deps)
  if (found !== undefined) return toVerifiedRoot(deps, found)
  // An anchor remembers a log, and there is none: making a new one would hide that it is gone.
  if (anchored !== undefined)
    throw new PrivityError('ledger_inconsistent', { origin: '', kind: 'anchor_ahead', anchored })
  const made = await makeSecrets(deps)
  const root = await toRoot(deps, made)
  const isMine = await storeSecrets(deps, root, made)
  if (isMine) {
    await requireKeyStore({ keyStore: deps.keyStore, keyspace: deps.keyspace }, made)
    return root
  }
  const others = await readSecrets(deps)
  if (others === undefined) throw new PrivityError('store_corrupt', { reason: 'missing_row' })
  return toVerifiedRoot(deps, others)
}

/** The head is read back and recomputed: its edge must give the root that its note signs. */
async function toVerifiedRoot(deps: RootDeps, secrets: Secrets): Promise<Root> {
  const root = await toRoot(deps, secrets)
  const { state } = await root.ledger.head()
  // Whoever takes the newest key row away does not set back what the head says.
  await root.epochs.advance(Number(state['epoch'] ?? 0))
  return root
}

async function toRoot(
  { store, keyspace, clock, anchor, shards: wanted }: RootDeps,
  secrets: Secrets,
): Promise<Root> {
  const { storeId, salt, shards } = secrets
  if (wanted !== undefined && wanted !== shards)
    throw invalidInput(['shards'], 'differs_from_store')
  const controller = createControllerKey(secrets.controllerSecret, storeId)
  const signing = await openSigning({ store, keyspace, controller }, secrets.signing)
  const origin = `privity/${storeId}`
  const rows = { store, keyspace, clock, controller }
  const epochs = watchEpochs(secrets.epoch)
  const ledger = createLedger({ ...rows, signers: signing, origin, anchor, shards, epochs })
  const controllerSecret = Secret.of(secrets.controllerSecret)
  return { storeId, salt, epochs, controller, controllerSecret, ledger, signing, origin }
}

async function makeSecrets({
  provider,
  keyStore,
  shards = 1,
  ...deps
}: RootDeps): Promise<Secrets> {
  return {
    epoch: await provider.currentEpoch(),
    storeId: await claimKeyStore({ ...deps, keyStore }, randomId()),
    hasKeyStore: keyStore !== undefined,
    salt: randomBytes(SALT_LENGTH),
    shards,
    controllerSecret: randomBytes(KEY_LENGTH),
    signing: await makeSigning(),
  }
}

/** False when another process was faster. */
async function storeSecrets(
  deps: RootDeps,
  { ledger, controller }: Root,
  secrets: Secrets,
): Promise<boolean> {
  const { keyspace, provider, clock } = deps
  const { epoch } = secrets
  const wrapped = await provider.wrap(secrets.controllerSecret, contextOf(secrets, epoch))
  const { storeId, salt, shards, hasKeyStore } = secrets
  const place = hasKeyStore ? { keyStore: true } : {}
  const signing = encodeSecrets(secrets.signing)
  const { value } = await ledger.submit<boolean>({
    reads: [
      keyspace.store,
      keyspace.controllerKey(epoch),
      keyspace.signing,
      keyspace.noticeRegister,
    ],
    build: (rows) => {
      const row = canonicalBytes({ v: VERSION, storeId, salt: toHex(salt), shards, ...place })
      const existing = rows.get(keyspace.store)
      if (existing !== undefined) return { kind: 'done', value: toHex(existing) === toHex(row) }
      const put: readonly (readonly [Key, Uint8Array])[] = [
        [keyspace.store, row],
        [keyspace.controllerKey(epoch), wrapped],
        [keyspace.signing, controller.seal(keyspace.signing, signing)],
        // From the start: one that is not there was taken away, and does not say that no consent is stale.
        [keyspace.noticeRegister, sealRegister({ keyspace, controller }, NO_NOTICES)],
      ]
      const event = { type: 'store.created', storeId }
      const entry = { kind: 'controller', at: clock.now(), event, rotates: epoch } as const
      return { kind: 'change', change: { put, del: [], entry }, value: true }
    },
  })
  return value
}

async function readSecrets({
  store,
  keyStore,
  keyspace,
  provider,
}: RootDeps): Promise<Secrets | undefined> {
  const [row, sealed] = await store.read([keyspace.store, keyspace.signing])
  if (row === undefined) return undefined
  const parsed = parseStoreRow(row)
  const { storeId, salt } = parsed
  await requireKeyStore({ keyStore, keyspace }, parsed)
  const { epoch, secret: controllerSecret } = await unwrapLatest(
    { store, keyspace, provider },
    { storeId, salt },
  )
  const controller = createControllerKey(controllerSecret, storeId)
  const signing = openSecrets({ keyspace, controller }, sealed)
  return { ...parsed, epoch, controllerSecret, signing }
}

/** Once more as long as another process put a newer one in its place: the older one may be destroyed by then. */
async function unwrapLatest(
  deps: Pick<RootDeps, 'store' | 'keyspace' | 'provider'>,
  of: Pick<Secrets, 'storeId' | 'salt'>,
): Promise<{ readonly epoch: number; readonly secret: Uint8Array }> {
  let latest = await latestControllerKey(deps)
  for (let attempt = 1; ; attempt += 1) {
    const [key, wrapped] = latest
    const epoch = Number.parseInt(key.slice(-8), 16)
    try {
      return { epoch, secret: await deps.provider.unwrap(wrapped, contextOf(of, epoch)) }
    } catch (error) {
      if (attempt === ATTEMPTS) throw error
      latest = await latestControllerKey(deps)
      if (latest[0] <= key) throw error
    }
  }
}

async function latestControllerKey({
  store,
  keyspace,
}: Pick<RootDeps, 'store' | 'keyspace'>): Promise<readonly [Key, Uint8Array]> {
  let latest: Row | undefined
  for await (const row of scanRows(store, keyspace.controllerKeys, { page: PAGE })) latest = row
  if (latest === undefined) throw new PrivityError('store_corrupt', { reason: 'missing_row' })
  return latest
}

function parseStoreRow(
  row: Uint8Array,
): Pick<Secrets, 'storeId' | 'salt' | 'shards' | 'hasKeyStore'> {
  const json = (parseCanonical(row) ?? {}) as JsonObject
  const { v, storeId, salt, shards, keyStore = false } = json
  const saltBytes = typeof salt === 'string' ? fromHex(salt) : undefined
  const isKnown = v === VERSION && typeof storeId === 'string' && isShardCount(shards)
  if (isKnown && saltBytes !== undefined && typeof keyStore === 'boolean')
    return { storeId, salt: saltBytes, shards, hasKeyStore: keyStore }
  throw new PrivityError('unsupported_format', {
    what: 'store',
    version: typeof v === 'number' ? v : 0,
  })
}

function contextOf(
  { storeId, salt }: Pick<Secrets, 'storeId' | 'salt'>,
  epoch: number,
): KeyContext {
  return { storeId, salt, epoch, accessClass: 'controller' }
}
