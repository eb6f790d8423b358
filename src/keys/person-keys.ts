import { toHex } from '../base/bytes.ts'
import { createCache } from '../base/cache.ts'
import { randomBytes } from '../crypto/random.ts'
import { type ClassKey, createClassKey } from './class-key.ts'
import { type ClassSecrets, type ClassSecretsDeps, createClassSecrets } from './class-secrets.ts'
import type { EpochWatch } from './epoch-watch.ts'
import { type RingEntry, unwrapPersonKey, wrapPersonKey } from './key-ring.ts'

/**
 * Keys of persons by access class. They are wrapped under one key per epoch and class, which the provider
 * unwraps once for everybody: a list of a thousand people costs one call.
 */
export interface PersonKeys extends Omit<ClassSecrets, 'use'> {
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
  /** Epoch that new keys are wrapped under. */
  readonly epoch: number
}

/** What person keys need. */
export interface PersonKeysDeps extends ClassSecretsDeps {
  readonly epochs: Pick<EpochWatch, 'epoch' | 'follow'>
}

interface State extends Pick<PersonKeysDeps, 'storeId' | 'epochs'> {
  readonly secrets: ClassSecrets
}

const KEY_LENGTH = 32
const FIRST = 1
const KEY_ID_LENGTH = 8
/** Keys in use are kept by id; the document that is read each time says whether they still count. */
const CACHE = { maxEntries: 16_384, maxAgeMs: 600_000 } as const

/** Opens, makes and keeps the keys of persons. */
export function createPersonKeys(deps: PersonKeysDeps): PersonKeys {
  const { storeId, epochs, clock } = deps
  const { use, ...secrets } = createClassSecrets(deps)
  const state: State = { storeId, epochs, secrets: { ...secrets, use } }
  const cache = createCache<ClassKey>({ ...CACHE, clock })
  return {
    ...secrets,
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
    forget: (personId, entry) => {
      const name = cacheName(personId, entry)
      cache.get(name)?.wipe()
      cache.delete(name)
    },
    release: (personId, entry) => {
      cache.delete(cacheName(personId, entry))
    },
  }
}

function cacheName(personId: string, { keyId }: Pick<RingEntry, 'keyId'>): string {
  return `${personId}/${toHex(keyId)}`
}

function create(
  { storeId, epochs, secrets }: State,
  made: { readonly personId: string; readonly accessClass: number; readonly generation: number },
): ReturnType<PersonKeys['create']> {
  const secret = randomBytes(KEY_LENGTH)
  const keyId = randomBytes(KEY_ID_LENGTH)
  const slot = { storeId, ...made, epoch: epochs.epoch, keyId }
  const entry = secrets.use(slot, (kek) => wrapPersonKey(secret, kek, slot))
  const key = createClassKey(keyId, secret)
  secret.fill(0)
  return { entry, key }
}

function unwrapEntry({ storeId, secrets }: State, personId: string, entry: RingEntry): Uint8Array {
  const owned = { ...entry, storeId, personId }
  return secrets.use(entry, (kek) => unwrapPersonKey(kek, owned))
}

function rewrap(state: State, personId: string, entry: RingEntry): RingEntry {
  const { storeId, epochs, secrets } = state
  const { accessClass, generation } = entry
  const keyId = entry.keyId.slice()
  const key = unwrapEntry(state, personId, entry)
  const slot = { storeId, personId, accessClass, generation, epoch: epochs.epoch, keyId }
  const rewrapped = secrets.use(slot, (kek) => wrapPersonKey(key, kek, slot))
  key.fill(0)
  return rewrapped
}
