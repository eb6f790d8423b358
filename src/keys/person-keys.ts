import { lengthPrefixed, toHex, utf8 } from '../base/bytes.ts'
import { createCache } from '../base/cache.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import { Secret } from '../base/secret.ts'
import type { Clock } from '../base/time.ts'
import { randomBytes } from '../crypto/random.ts'
import { unwrapBytes, wrapBytes } from '../crypto/wrap.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Row, Store } from '../storage/store.ts'
import { type ClassKey, createClassKey } from './class-key.ts'
import { type RingEntry, unwrapPersonKey, wrapPersonKey } from './key-ring.ts'
import type { KeyContext, KeyProvider } from './provider.ts'

/**
 * Keys of persons by access class. They are wrapped under one key per epoch and class, which the provider
 * unwraps once for everybody: a list of a thousand people costs one call.
 */
export interface PersonKeys {
  /** A new random key, and its entry for the ring. */
  create(
    personId: string,
    accessClass: number,
  ): { readonly entry: RingEntry; readonly key: ClassKey }
  /**
   * @throws {@link key_unavailable} when this process was not given the class
   * @throws {@link key_unreadable} when the entry was changed or moved
   */
  open(personId: string, entry: RingEntry): ClassKey
  /** Overwrites what is kept of a key that was destroyed. */
  forget(personId: string, entry: RingEntry): void
  /** Fetches the keys of classes that were added by another process. */
  load(classes: readonly EpochClass[]): Promise<void>
  /** Fetches every key of a class that the store has, of all epochs. */
  loadAll(): Promise<void>
  /** Wraps a key that belongs to a class as a whole, such as that of a lookup. */
  wrap(slot: EpochClass, label: string, key: Uint8Array): Uint8Array
  /** @throws {@link key_unavailable} · @throws {@link key_unreadable} */
  unwrap(slot: EpochClass, label: string, wrapped: Uint8Array): Uint8Array
  /** Rows for keys of classes that have none yet, to be committed with the classes themselves. */
  mint(classes: readonly EpochClass[]): Promise<readonly Row[]>
  readonly epoch: number
}

/** An access class under one epoch of the provider. */
export interface EpochClass {
  readonly epoch: number
  readonly accessClass: number
}

/** What person keys need. */
export interface PersonKeysDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly provider: KeyProvider
  readonly storeId: string
  readonly salt: Uint8Array
  readonly epoch: number
  readonly clock: Clock
  /** Keys of the access classes in the catalogue, for the provider's context. */
  readonly names: ClassNames
}

/** Keys of access classes by number; those that another process added are fetched. */
export interface ClassNames {
  nameOf(accessClass: number): string | undefined
  refresh(): Promise<void>
}

type ClassSecret = Secret | Refusal

/** Why a class cannot be opened; asked again after a while, since a provider may have been down. */
interface Refusal {
  readonly code: 'key_unavailable' | 'key_unreadable'
  readonly until: number
}

interface State extends PersonKeysDeps {
  readonly secrets: Map<string, ClassSecret>
}

const KEY_LENGTH = 32
const REFUSED_MS = 60_000
const PAGE = 1_000
const KEY_ID_LENGTH = 8
/** Keys in use are kept by id; the document that is read each time says whether they still count. */
const CACHE = { maxEntries: 16_384, maxAgeMs: 600_000 } as const

/** Opens, makes and keeps the keys of persons. */
export function createPersonKeys(deps: PersonKeysDeps): PersonKeys {
  const state: State = { ...deps, secrets: new Map() }
  const cache = createCache<ClassKey>({ ...CACHE, clock: deps.clock })
  const { storeId, epoch } = deps
  return {
    epoch,
    create: (personId, accessClass) => {
      const secret = randomBytes(KEY_LENGTH)
      const keyId = randomBytes(KEY_ID_LENGTH)
      const slot = { storeId, personId, accessClass, generation: 1, epoch, keyId }
      const entry = secretOf(state, slot).use((kek) => wrapPersonKey(secret, kek, slot))
      const key = createClassKey(keyId, secret)
      secret.fill(0)
      return { entry, key }
    },
    open: (personId, entry) => {
      const name = cacheName(personId, entry)
      const known = cache.get(name)
      if (known !== undefined) return known
      const secret = secretOf(state, entry).use((kek) =>
        unwrapPersonKey(kek, { ...entry, storeId, personId }),
      )
      if (secret === undefined)
        throw new PrivityError('key_unreadable', {
          what: nameOfClass(deps.names, entry.accessClass),
        })
      const key = createClassKey(entry.keyId.slice(), secret)
      secret.fill(0)
      cache.set(name, key)
      return key
    },
    forget: (personId, entry) => {
      const name = cacheName(personId, entry)
      cache.get(name)?.wipe()
      cache.delete(name)
    },
    load: (classes) => load(state, classes),
    loadAll: async () => load(state, await storedSlots(state)),
    mint: (classes) => mint(state, classes),
    wrap: (slot, label, key) =>
      secretOf(state, slot).use((kek) => wrapBytes(kek, key, associated(state, slot, label))),
    unwrap: (slot, label, wrapped) => {
      const key = secretOf(state, slot).use((kek) =>
        unwrapBytes(kek, wrapped, associated(state, slot, label)),
      )
      if (key === undefined)
        throw new PrivityError('key_unreadable', {
          what: nameOfClass(deps.names, slot.accessClass),
        })
      return key
    },
  }
}

function cacheName(personId: string, { keyId }: RingEntry): string {
  return `${personId}/${toHex(keyId)}`
}

function associated({ storeId }: State, slot: EpochClass, label: string): Uint8Array {
  return lengthPrefixed([
    utf8('privity/class/v1'),
    utf8(storeId),
    utf8(nameOfSlot(slot)),
    utf8(label),
  ])
}

function secretOf({ secrets, names }: State, slot: EpochClass): Secret {
  const secret = secrets.get(nameOfSlot(slot))
  if (secret instanceof Secret) return secret
  throw new PrivityError(secret?.code ?? 'key_unavailable', {
    what: nameOfClass(names, slot.accessClass),
  })
}

async function load(state: State, classes: readonly EpochClass[]): Promise<void> {
  const missing = classes.filter((slot) => isMissing(state, slot))
  if (missing.length === 0) return
  if (missing.some(({ accessClass }) => state.names.nameOf(accessClass) === undefined))
    await state.names.refresh()
  const keys = missing.map(({ epoch, accessClass }) => state.keyspace.classKey(epoch, accessClass))
  const rows = await state.store.read(keys)
  await Promise.all(
    missing.map(async (slot, index) => {
      const wrapped = rows[index]
      if (wrapped !== undefined)
        state.secrets.set(nameOfSlot(slot), await unwrap(state, slot, wrapped))
    }),
  )
}

async function unwrap(state: State, slot: EpochClass, wrapped: Uint8Array): Promise<ClassSecret> {
  try {
    return Secret.of(await state.provider.unwrap(wrapped, contextOf(state, slot)))
  } catch (error) {
    const code = isPrivityError(error, 'key_unreadable') ? 'key_unreadable' : 'key_unavailable'
    return { code, until: state.clock.now() + REFUSED_MS }
  }
}

async function storedSlots({ store, keyspace }: State): Promise<readonly EpochClass[]> {
  const prefix = keyspace.classKeys
  const slots: EpochClass[] = []
  for await (const [key] of scanRows(store, prefix, { page: PAGE })) {
    slots.push(parseSlot(key.slice(prefix.length)))
  }
  return slots
}

function parseSlot(name: string): EpochClass {
  const [epoch = '', accessClass = ''] = name.split('/')
  return { epoch: Number.parseInt(epoch, 16), accessClass: Number.parseInt(accessClass, 16) }
}

function isMissing({ secrets, clock }: State, slot: EpochClass): boolean {
  const secret = secrets.get(nameOfSlot(slot))
  return secret === undefined || (!(secret instanceof Secret) && secret.until <= clock.now())
}

async function mint(state: State, classes: readonly EpochClass[]): Promise<readonly Row[]> {
  return Promise.all(
    classes.map(async (slot): Promise<Row> => {
      const secret = randomBytes(KEY_LENGTH)
      const wrapped = await state.provider.wrap(secret, contextOf(state, slot))
      return [state.keyspace.classKey(slot.epoch, slot.accessClass), wrapped]
    }),
  )
}

function contextOf(
  { storeId, salt, names }: State,
  { epoch, accessClass }: EpochClass,
): KeyContext {
  return { storeId, salt, epoch, accessClass: nameOfClass(names, accessClass) }
}

function nameOfSlot({ epoch, accessClass }: EpochClass): string {
  return `${epoch}/${accessClass}`
}

function nameOfClass(names: ClassNames, accessClass: number): string {
  return names.nameOf(accessClass) ?? 'unknown'
}
