import { equalBytes } from '../base/bytes.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import type { Secret } from '../base/secret.ts'
import { afterConflicts } from '../base/tries.ts'
import type { EpochWatch } from '../keys/epoch-watch.ts'
import type { GuardedKeys } from '../keys/guarded-keys.ts'
import type { KeyContext } from '../keys/provider.ts'
import type { ControllerEntry } from '../ledger/entry.ts'
import { requireNamedRows } from '../ledger/named-rows.ts'
import { type Catalogue, decodeCatalogue } from '../policy/catalogue.ts'
import type { Built } from '../storage/participant.ts'
import type { Key, Row } from '../storage/store.ts'
import type { People } from '../subjects/people.ts'
import { type EpochRecord, openRegister, sealRegister, withRecord } from './epoch-register.ts'

/** What changing epochs needs. */
export interface RotationDeps {
  readonly people: People
  readonly provider: GuardedKeys
  readonly epochs: EpochWatch
  readonly controllerSecret: Secret
  /** Random, stored in clear with the store's id; part of what every wrapped key is bound to. */
  readonly salt: Uint8Array
}

const ATTEMPTS = 10

/**
 * Puts a new epoch in use: one that the provider has already and the store has not, else a new one. From then on
 * nobody wraps a key under an older one; what is wrapped under it stays readable.
 *
 * @throws {@link not_supported} by a provider without epochs
 * @throws {@link key_unavailable} when the provider does not wrap every class for this process
 * @throws {@link key_unknown} · @throws {@link key_unreadable} when it has not the secret of the epoch in use
 */
export async function rotateEpoch(deps: RotationDeps): Promise<number> {
  const { provider, epochs } = deps
  await opensInUse(deps)
  const before = epochs.epoch
  const latest = await provider.currentEpoch()
  const next = latest > epochs.epoch ? latest : await provider.rotate()
  // Its secrets were put back after it was asked: the number is that of another secret, or of none.
  if (next <= before) throw new PrivityError('key_unavailable', { what: 'controller' })
  return useEpoch(deps, next)
}

/**
 * Refuses while the provider does not open what it wrapped under the epoch in use. An older copy of its secrets may
 * have been put back beneath this process: what is wrapped under the epochs that it has is then the last way back.
 *
 * @throws {@link key_unknown} · @throws {@link key_unreadable} · @throws {@link key_unavailable}
 * @throws {@link store_corrupt} when nothing is there that it wrapped
 */
export async function requireInUse(deps: RotationDeps): Promise<void> {
  if (await opensInUse(deps)) return
  throw new PrivityError('store_corrupt', { reason: 'missing_row' })
}

/** Goes on with an epoch that the provider has and the store has not, as far as this process may. */
export async function followProvider(deps: RotationDeps, latest: number): Promise<void> {
  if (latest <= deps.epochs.epoch) return
  try {
    await useEpoch(deps, latest)
  } catch (error) {
    // A process that is not given every class leaves it to one that is.
    if (!isPrivityError(error, 'key_unavailable')) throw error
  }
}

/** What the main log says of the epoch: another process may have gone on. */
export async function learnEpoch({ people, epochs }: RotationDeps): Promise<void> {
  const { ledger } = people.deps
  ledger.quarantine.check()
  const { state } = await ledger.head()
  await epochs.advance(Number(state['epoch'] ?? 0))
}

/** False when nothing is there to be opened; of an epoch that dies meanwhile, another process put a later one in use. */
async function opensInUse(deps: RotationDeps): Promise<boolean> {
  await learnEpoch(deps)
  const { epoch } = deps.epochs
  const outcome = await outcomeOf(opens(deps, epoch))
  if (outcome === true) return true
  await learnEpoch(deps)
  if (deps.epochs.epoch > epoch) return opensInUse(deps)
  if (outcome === false) return false
  throw outcome.error
}

async function outcomeOf(
  running: Promise<boolean>,
): Promise<boolean | { readonly error: unknown }> {
  try {
    return await running
  } catch (error) {
    return { error }
  }
}

async function opens(deps: RotationDeps, epoch: number): Promise<boolean> {
  const { people, provider, controllerSecret } = deps
  const { store, keyspace } = people.deps
  const [wrapped] = await store.read([keyspace.controllerKey(epoch)])
  if (wrapped === undefined) return false
  const context = contextOf(deps, epoch)
  const key = await provider.unwrap(wrapped, context)
  const isSame = controllerSecret.use((secret) => equalBytes(secret, key))
  key.fill(0)
  if (isSame) return true
  throw new PrivityError('key_unreadable', { what: context.accessClass })
}

/** Wraps every class key of an epoch, and the controller's, in the commit that puts it in use. */
async function useEpoch(deps: RotationDeps, next: number): Promise<number> {
  const { epochs, people } = deps
  // Two providers that went on apart give the same number to secrets that differ.
  if (!(await takeIntoUse(deps, next))) await opensInUse(deps)
  await people.deps.ledger.adopt()
  return epochs.epoch
}

/** False where another process did, or put a later one in use. */
async function takeIntoUse(deps: RotationDeps, next: number): Promise<boolean> {
  const { epochs } = deps
  try {
    // Another process registered classes meanwhile: they need keys as well.
    return await afterConflicts(ATTEMPTS, async () => {
      const { current, isOwn } = await tryUse(deps, next)
      await epochs.advance(current)
      return isOwn
    })
  } catch (error) {
    // Or it went further, and this one was destroyed before it was in use here.
    await learnEpoch(deps)
    if (epochs.epoch <= next) throw error
    return false
  }
}

interface Found {
  readonly catalogue: Uint8Array
  readonly rows: readonly Row[]
}

interface Used {
  readonly current: number
  /** False where another process had put it in use. */
  readonly isOwn: boolean
}

async function tryUse(deps: RotationDeps, next: number): Promise<Used> {
  const { people } = deps
  const { ledger, keyspace } = people.deps
  const { catalogue, rows } = await makeRows(deps, next)
  const { value } = await ledger.submit<Used>({
    reads: [keyspace.catalogue, keyspace.epochRegister, ...rows.map(([key]) => key)],
    build: (read) => {
      const stored = read.get(keyspace.catalogue)
      if (stored === undefined || !equalBytes(stored, catalogue))
        throw new PrivityError('write_conflict', { attempts: 1 })
      const known = openRegister(people.deps, read.get(keyspace.epochRegister))
      const current = Math.max(deps.epochs.epoch, ...known.filter(isCurrent).map(epochOf))
      const isKnown = current > next && known.some(({ epoch }) => epoch === next)
      if (current === next || isKnown) return { kind: 'done', value: { current, isOwn: false } }
      // What another process wrapped under this epoch is in use, perhaps.
      if (rows.some(([key]) => read.get(key) !== undefined))
        throw new PrivityError('write_conflict', { attempts: 1 })
      return use(deps, { known, current, next, rows })
    },
  })
  return value
}

interface Using {
  readonly known: readonly EpochRecord[]
  readonly current: number
  readonly next: number
  readonly rows: readonly Row[]
}

function use(
  deps: RotationDeps,
  { known, current, next, rows }: Using,
): Built<ControllerEntry, Used> {
  const { people, provider } = deps
  const at = people.now()
  const isOvertaken = current > next
  const before = known.find(({ epoch }) => epoch === current) ?? { since: 0 }
  const outOfUse: EpochRecord = {
    epoch: isOvertaken ? next : current,
    state: 'superseded',
    since: at,
  }
  const inUse: EpochRecord = isOvertaken
    ? { ...before, epoch: current, state: 'current' }
    : { epoch: next, state: 'current', since: at }
  const register = sealRegister(people.deps, withRecord(withRecord(known, outOfUse), inUse))
  const event = { type: 'keys.rotated', from: current, to: inUse.epoch, provider: provider.id }
  const entry: ControllerEntry = {
    kind: 'controller',
    at,
    event,
    ...(isOvertaken ? {} : { rotates: next }),
  }
  const put = [register, ...(isOvertaken ? [] : rows)]
  const value = { current: inUse.epoch, isOwn: !isOvertaken }
  return { kind: 'change', change: { put, del: [], entry }, value }
}

/** Never over what is there: somebody may have wrapped persons' keys under it. */
async function makeRows(deps: RotationDeps, epoch: number): Promise<Found> {
  const { people } = deps
  const { store, keyspace, controller, keys, ledger } = people.deps
  const [sealed, head] = await store.read([keyspace.catalogue, keyspace.log.head])
  requireNamedRows(keyspace, await ledger.log.head(head), [[keyspace.catalogue, sealed]])
  if (sealed === undefined) throw new PrivityError('store_corrupt', { reason: 'missing_row' })
  const { classes }: Catalogue = decodeCatalogue(controller.open(keyspace.catalogue, sealed))
  const slots = classes.map((_, accessClass) => ({ epoch, accessClass }))
  const wanted = [
    keyspace.controllerKey(epoch),
    ...slots.map(({ accessClass }) => keyspace.classKey(epoch, accessClass)),
  ]
  const [wrapped, ...stored] = await store.read(wanted)
  const minted = await keys.mint(slots.filter((_, at) => stored[at] === undefined))
  const rows = [...(wrapped === undefined ? [await wrapController(deps, epoch)] : []), ...minted]
  return { catalogue: sealed, rows }
}

async function wrapController(
  deps: RotationDeps,
  epoch: number,
): Promise<readonly [Key, Uint8Array]> {
  const { people, provider, controllerSecret } = deps
  const context = contextOf(deps, epoch)
  const wrapped = await controllerSecret.use((secret) => provider.wrap(secret, context))
  return [people.deps.keyspace.controllerKey(epoch), wrapped]
}

function contextOf({ people, salt }: RotationDeps, epoch: number): KeyContext {
  return { storeId: people.deps.storeId, salt, epoch, accessClass: 'controller' }
}

function isCurrent({ state }: EpochRecord): boolean {
  return state === 'current'
}

function epochOf({ epoch }: EpochRecord): number {
  return epoch
}
