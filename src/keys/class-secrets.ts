import { lengthPrefixed, utf8 } from '../base/bytes.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import { Secret } from '../base/secret.ts'
import type { Clock } from '../base/time.ts'
import { randomBytes } from '../crypto/random.ts'
import { unwrapBytes, wrapBytes } from '../crypto/wrap.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Key, Row, Store } from '../storage/store.ts'
import { type EpochClass, nameOfSlot, parseSlot } from './epoch-class.ts'
import type { EpochWatch } from './epoch-watch.ts'
import type { KeyContext, KeyProvider } from './provider.ts'

/** One key per epoch and access class, which the provider unwraps once for everybody. */
export interface ClassSecrets {
  /**
   * Runs with the key of a class.
   *
   * @throws {@link key_unavailable} when this process was not given the class
   * @throws {@link key_unreadable} when the run answers nothing, since the key did not open what it should
   */
  use<T>(slot: EpochClass, run: (secret: Uint8Array) => T | undefined): T
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
}

/** What keys of classes need. */
export interface ClassSecretsDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly provider: KeyProvider
  readonly storeId: string
  readonly salt: Uint8Array
  readonly epochs: Pick<EpochWatch, 'follow'>
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

interface State extends ClassSecretsDeps {
  readonly secrets: Map<string, ClassSecret>
  /** Epochs that a key was asked of, and had none here, or was refused a while ago. */
  readonly missed: Set<number>
  readonly loading: Map<number, Promise<void>>
  /** How many keys were fetched so far. */
  fetched: number
}

const KEY_LENGTH = 32
const REFUSED_MS = 60_000
const PAGE = 1_000

/** Fetches, makes and keeps the keys of access classes. */
export function createClassSecrets(deps: ClassSecretsDeps): ClassSecrets {
  const state: State = {
    ...deps,
    secrets: new Map(),
    missed: new Set(),
    loading: new Map(),
    fetched: 0,
  }
  const { epochs, keyspace } = deps
  const meet: ClassSecrets['meet'] = (run) => runAgain(state, run)
  epochs.follow({ loadEpoch: (epoch) => loadEpoch(state, epoch), meet })
  return {
    use: (slot, run) => use(state, slot, run),
    load: (classes) => load(state, classes),
    loadAll: async () => load(state, await storedSlots(state, keyspace.classKeys)),
    wrap: (slot, label, key) =>
      use(state, slot, (kek) => wrapBytes(kek, key, associated(state, slot, label))),
    unwrap: (slot, label, wrapped) =>
      use(state, slot, (kek) => unwrapBytes(kek, wrapped, associated(state, slot, label))),
    mint: (classes) => mint(state, classes),
    meet,
    drop: (epoch) => drop(state, epoch),
  }
}

function use<T>(state: State, slot: EpochClass, run: (secret: Uint8Array) => T | undefined): T {
  const result = secretOf(state, slot).use(run)
  if (result === undefined)
    throw new PrivityError('key_unreadable', { what: nameOfClass(state, slot) })
  return result
}

function secretOf(state: State, slot: EpochClass): Secret {
  const secret = state.secrets.get(nameOfSlot(slot))
  if (secret instanceof Secret) return secret
  if (isMissing(state, slot)) state.missed.add(slot.epoch)
  throw new PrivityError(secret?.code ?? 'key_unavailable', { what: nameOfClass(state, slot) })
}

function isMissing({ secrets, clock }: State, slot: EpochClass): boolean {
  const secret = secrets.get(nameOfSlot(slot))
  return secret === undefined || (!(secret instanceof Secret) && secret.until <= clock.now())
}

function associated({ storeId }: State, slot: EpochClass, label: string): Uint8Array {
  return lengthPrefixed([
    utf8('privity/class/v1'),
    utf8(storeId),
    utf8(nameOfSlot(slot)),
    utf8(label),
  ])
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

async function load(state: State, classes: readonly EpochClass[]): Promise<void> {
  const missing = classes.filter((slot) => isMissing(state, slot))
  if (missing.length === 0) return
  await nameAll(state, missing)
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

/** Its name is part of what a class key is bound to: under a wrong one nobody could open it. */
async function nameAll({ names }: State, classes: readonly EpochClass[]): Promise<void> {
  if (classes.some(({ accessClass }) => names.nameOf(accessClass) === undefined))
    await names.refresh()
}

async function unwrap(state: State, slot: EpochClass, wrapped: Uint8Array): Promise<ClassSecret> {
  try {
    return Secret.of(await state.provider.unwrap(wrapped, contextOf(state, slot)))
  } catch (error) {
    const code = isPrivityError(error, 'key_unreadable') ? 'key_unreadable' : 'key_unavailable'
    return { code, until: state.clock.now() + REFUSED_MS }
  }
}

async function mint(state: State, classes: readonly EpochClass[]): Promise<readonly Row[]> {
  await nameAll(state, classes)
  return Promise.all(
    classes.map(async (slot): Promise<Row> => {
      const secret = randomBytes(KEY_LENGTH)
      const wrapped = await state.provider.wrap(secret, contextOf(state, slot))
      return [state.keyspace.classKey(slot.epoch, slot.accessClass), wrapped]
    }),
  )
}

function drop({ secrets }: State, epoch: number): void {
  for (const [name, secret] of secrets) {
    if (!name.startsWith(`${epoch}/`)) continue
    if (secret instanceof Secret) secret.wipe()
    secrets.delete(name)
  }
}

function contextOf(state: State, slot: EpochClass): KeyContext {
  const { storeId, salt } = state
  return { storeId, salt, epoch: slot.epoch, accessClass: nameOfClass(state, slot) }
}

function nameOfClass({ names }: State, { accessClass }: EpochClass): string {
  return names.nameOf(accessClass) ?? 'unknown'
}
