import { lengthPrefixed, toHex, utf8 } from '../base/bytes.ts'
import { createCache } from '../base/cache.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import { Secret } from '../base/secret.ts'
import type { Clock } from '../base/time.ts'
import { randomBytes } from '../crypto/random.ts'
import { unwrapBytes, wrapBytes } from '../crypto/wrap.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Key, Row, Store } from '../storage/store.ts'
import { type ClassKey, createClassKey } from './class-key.ts'
import { type EpochClass, nameOfSlot, parseSlot } from './epoch-class.ts'
import type { EpochWatch } from './epoch-watch.ts'
import { type RingEntry, unwrapPersonKey, wrapPersonKey } from './key-ring.ts'
import type { KeyContext, KeyProvider } from './provider.ts'

/**
 * Keys of persons by access class. They are wrapped under one key per epoch and class, which the provider
 * unwraps once for everybody: a list of a thousand people costs one call.
 */
export interface PersonKeys {
  /** A new random key, and its entry for the ring; the generation tells it from others of its class. Default: 1. */
  create(
    personId: string,
    accessClass: number,
    generation?: number,
  ): { readonly entry: RingEntry; readonly key: ClassKey }
  /**
   * @throws {@link key_unavailable} when this process was not given the class
   * @throws {@link key_unreadable} when the entry was changed or moved
   */
  open(personId: string, entry: RingEntry): ClassKey
  /**
   * The same key, wrapped under the epoch in use.
   *
   * @throws {@link key_unavailable} · @throws {@link key_unreadable}
   */
  rewrap(personId: string, entry: RingEntry): RingEntry
  /** Overwrites what is kept of a key that was destroyed. */
  forget(personId: string, entry: RingEntry): void
  /** Lets go of a key that was destroyed, while others of the person may be in the middle of a read with it. */
  release(personId: string, entry: Pick<RingEntry, 'keyId'>): void
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
  /** Runs, and once more when keys of an epoch that was not met before could be fetched. */
  meet: EpochWatch['meet']
  /** Overwrites what is kept of an epoch that was destroyed. */
  drop(epoch: number): void
  /** Epoch that new keys are wrapped under. */
  readonly epoch: number
}

/** What person keys need. */
export interface PersonKeysDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly provider: KeyProvider
  readonly storeId: string
  readonly salt: Uint8Array
  readonly epochs: Pick<EpochWatch, 'epoch' | 'follow'>
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
  /** Epochs that a key was asked of, and had none here, or was refused a while ago. */
  readonly missed: Set<number>
  readonly loading: Map<number, Promise<void>>
  /** How many keys were fetched so far. */
  fetched: number
}

const KEY_LENGTH = 32
const FIRST = 1
const REFUSED_MS = 60_000
const PAGE = 1_000
const KEY_ID_LENGTH = 8
/** Keys in use are kept by id; the document that is read each time says whether they still count. */
const CACHE = { maxEntries: 16_384, maxAgeMs: 600_000 } as const

/** Opens, makes and keeps the keys of persons. */
export function createPersonKeys(deps: PersonKeysDeps): PersonKeys {
  const state: State = {
    ...deps,
    secrets: new Map(),
    missed: new Set(),
    loading: new Map(),
    fetched: 0,
  }
  const cache = createCache<ClassKey>({ ...CACHE, clock: deps.clock })
  const { epochs } = deps
  const meet: PersonKeys['meet'] = (run) => runAgain(state, run)
  epochs.follow({ loadEpoch: (epoch) => loadEpoch(state, epoch), meet })
  return {
    get epoch() {
      return epochs.epoch
    },
    create: (personId, accessClass, generation = FIRST) =>
      create(state, { personId, accessClass, generation }),
    open: (personId, entry) => {
      const name = cacheName(personId, entry)
      const known = cache.get(name)
      if (known !== undefined) return known
      const secret = unwrapEntry(state, personId, entry)
      const key = createClassKey(entry.keyId.slice(), secret)
      secret.fill(0)
      cache.set(name, key)
      return key
    },
    rewrap: (personId, entry) => rewrap(state, personId, entry),
    meet,
    drop: (epoch) => drop(state, epoch),
    forget: (personId, entry) => {
      const name = cacheName(personId, entry)
      cache.get(name)?.wipe()
      cache.delete(name)
    },
    release: (personId, entry) => {
      cache.delete(cacheName(personId, entry))
    },
    load: (classes) => load(state, classes),
    loadAll: async () => load(state, await storedSlots(state, state.keyspace.classKeys)),
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

function cacheName(personId: string, { keyId }: Pick<RingEntry, 'keyId'>): string {
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

function create(
  state: State,
  made: { readonly personId: string; readonly accessClass: number; readonly generation: number },
): ReturnType<PersonKeys['create']> {
  const { storeId, epochs } = state
  const secret = randomBytes(KEY_LENGTH)
  const keyId = randomBytes(KEY_ID_LENGTH)
  const slot = { storeId, ...made, epoch: epochs.epoch, keyId }
  const entry = secretOf(state, slot).use((kek) => wrapPersonKey(secret, kek, slot))
  const key = createClassKey(keyId, secret)
  secret.fill(0)
  return { entry, key }
}

function unwrapEntry(state: State, personId: string, entry: RingEntry): Uint8Array {
  const { storeId, names } = state
  const owned = { ...entry, storeId, personId }
  const key = secretOf(state, entry).use((kek) => unwrapPersonKey(kek, owned))
  if (key !== undefined) return key
  throw new PrivityError('key_unreadable', { what: nameOfClass(names, entry.accessClass) })
}

function rewrap(state: State, personId: string, entry: RingEntry): RingEntry {
  const { storeId, epochs } = state
  const { accessClass, generation } = entry
  const keyId = entry.keyId.slice()
  const key = unwrapEntry(state, personId, entry)
  const slot = { storeId, personId, accessClass, generation, epoch: epochs.epoch, keyId }
  const rewrapped = secretOf(state, slot).use((kek) => wrapPersonKey(key, kek, slot))
  key.fill(0)
  return rewrapped
}

function drop({ secrets }: State, epoch: number): void {
  for (const [name, secret] of secrets) {
    if (!name.startsWith(`${epoch}/`)) continue
    if (secret instanceof Secret) secret.wipe()
    secrets.delete(name)
  }
}

function secretOf(state: State, slot: EpochClass): Secret {
  const { secrets, names, missed } = state
  const secret = secrets.get(nameOfSlot(slot))
  if (secret instanceof Secret) return secret
  if (isMissing(state, slot)) missed.add(slot.epoch)
  throw new PrivityError(secret?.code ?? 'key_unavailable', {
    what: nameOfClass(names, slot.accessClass),
  })
}

/** Another process may have gone on to an epoch that this one has not met. */
async function runAgain<T>(state: State, run: () => T | Promise<T>): Promise<T> {
  const before = state.fetched
  try {
    return await run()
  } catch (error) {
    if (!isPrivityError(error, 'key_unavailable')) throw error
    // Of several that miss the same in one batch, the first takes it; the others wait for what it fetches.
    const missed = new Set([...state.missed, ...state.loading.keys()])
    state.missed.clear()
    await Promise.all([...missed].map((epoch) => loadEpoch(state, epoch)))
    if (state.fetched === before) throw error
    return run()
  }
}

/** All classes at once, and for everybody who asks meanwhile. */
function loadEpoch(state: State, epoch: number): Promise<void> {
  const known = state.loading.get(epoch)
  if (known !== undefined) return known
  const loading = storedSlots(state, state.keyspace.epochKeys(epoch))
    .then((slots) => load(state, slots))
    .finally(() => state.loading.delete(epoch))
  state.loading.set(epoch, loading)
  return loading
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
      if (wrapped === undefined) return
      const secret = await unwrap(state, slot, wrapped)
      if (secret instanceof Secret) state.fetched += 1
      state.secrets.set(nameOfSlot(slot), secret)
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

async function storedSlots(
  { store, keyspace }: State,
  prefix: Key,
): Promise<readonly EpochClass[]> {
  const slots: EpochClass[] = []
  for await (const [key] of scanRows(store, prefix, { page: PAGE })) {
    slots.push(parseSlot(key.slice(keyspace.classKeys.length)))
  }
  return slots
}

function isMissing({ secrets, clock }: State, slot: EpochClass): boolean {
  const secret = secrets.get(nameOfSlot(slot))
  return secret === undefined || (!(secret instanceof Secret) && secret.until <= clock.now())
}

async function mint(state: State, classes: readonly EpochClass[]): Promise<readonly Row[]> {
  // Its name is part of what a class key is bound to: under a wrong one nobody could open it.
  if (classes.some(({ accessClass }) => state.names.nameOf(accessClass) === undefined))
    await state.names.refresh()
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

function nameOfClass(names: ClassNames, accessClass: number): string {
  return names.nameOf(accessClass) ?? 'unknown'
}
