import { fromUtf8, toBase64url, utf8 } from '../base/bytes.ts'
import type { JsonObject } from '../base/canonical.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import { randomId } from '../base/id.ts'
import { sha256 } from '../crypto/hash.ts'
import type { ControllerEntry } from '../ledger/entry.ts'
import type { Controller } from '../policy/policy-type.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Key, Row } from '../storage/store.ts'
import { scrubStores } from '../subjects/scrub-stores.ts'
import { toDestructionRecord } from './destruction-record.ts'
import {
  type EpochDestruction,
  type EpochRecord,
  type EpochState,
  openRegister,
  readEpochs,
  type ScannedKeys,
  sealRegister,
  withRecord,
} from './epoch-register.ts'
import type { RewrapDeps } from './rewrap.ts'
import { learnEpoch, requireInUse } from './rotate.ts'
import { countSharing } from './sharing-tenants.ts'
import { scanUsage } from './usage.ts'
import type { WalkWatch } from './walk-people.ts'

/** What retiring an epoch needs. */
export interface RetireDeps extends RewrapDeps {
  readonly controllerOf: Controller
  /** Hash of the running policy. */
  readonly policy: string
  /** Of the main log, in its first generation. */
  readonly origin: string
  /** As a certificate, under the key of this store. */
  sign(payload: JsonObject): Promise<string>
}

/** An epoch on its way out. */
interface Retiring {
  readonly record: EpochRecord
  readonly scanned?: ScannedKeys
}

type StepRun = (deps: RetireDeps, open: Retiring, watch: WalkWatch) => Promise<Retiring>

/** What follows on each state. Every step may be run again after a crash at any point, by any process. */
const NEXT: { readonly [S in Exclude<EpochState, 'retired'>]: StepRun } = {
  current: refuse,
  superseded: begin,
  retiring: destroy,
  destroyed: certify,
}
const PAGE = 1_000
const GONE = ['key_unreadable', 'key_unknown'] as const

/**
 * Destroys an epoch that nothing needs any more; resolves to the record of it, a compact JWS.
 *
 * @throws {@link key_in_use} · @throws {@link not_found} for an epoch that there never was
 * @throws {@link not_supported} by a provider whose epochs cannot die, or go on opening after they did
 * @throws {@link key_unavailable} when the provider does not answer, before or after; it may be called again
 * @throws {@link key_unknown} · @throws {@link key_unreadable} when it has not the secret of the epoch in use
 */
export async function retireEpoch(
  deps: RetireDeps,
  epoch: number,
  watch: WalkWatch,
): Promise<string> {
  const { ledger } = deps.people.deps
  await learnEpoch(deps)
  // From here on no log takes a key that is wrapped under an older epoch: what is looked for cannot grow.
  await ledger.adopt()
  let open: Retiring = { record: await findEpoch(deps, epoch) }
  for (let { state } = open.record; state !== 'retired'; state = open.record.state) {
    watch.signal?.throwIfAborted()
    open = await NEXT[state](deps, open, watch)
  }
  return readCertificate(deps, open.record)
}

async function findEpoch(deps: RetireDeps, epoch: number): Promise<EpochRecord> {
  const known = await readEpochs(deps.people.deps, deps.epochs.epoch)
  const found = known.find((record) => record.epoch === epoch)
  if (found === undefined) throw new PrivityError('not_found', { kind: 'epoch' })
  return found
}

async function refuse(_: RetireDeps, { record: { epoch } }: Retiring): Promise<Retiring> {
  const nobody = { people: 0, erasing: 0, storedKeys: 0, unreadable: 0, tenants: 0 }
  throw new PrivityError('key_in_use', { epoch, current: true, ...nobody })
}

/** Says that it is about to be destroyed, once nothing needs it. */
async function begin(deps: RetireDeps, { record }: Retiring, watch: WalkWatch): Promise<Retiring> {
  await requireInUse(deps)
  const scanned = await requireUnused(deps, record.epoch, watch)
  const next: EpochRecord = { ...record, state: 'retiring', since: deps.people.now() }
  const event = { type: 'epoch.retiring', epoch: record.epoch }
  return { record: await change(deps, { from: record, next, event }), scanned }
}

async function destroy(
  deps: RetireDeps,
  { record, scanned }: Retiring,
  watch: WalkWatch,
): Promise<Retiring> {
  const { people, provider } = deps
  const { epoch } = record
  const seen = scanned ?? (await requireUnused(deps, epoch, watch))
  await requireInUse(deps)
  people.deps.ledger.quarantine.check()
  const { effectiveAt } = await provider.destroy(epoch)
  const unwrap = await tryUnwrap(deps, epoch)
  const at = people.now()
  if (unwrap === 'opened' && effectiveAt <= at)
    throw new PrivityError('not_supported', { what: 'keys.retire' })
  const rows = await keyRows(deps, epoch)
  const destruction: EpochDestruction = {
    id: randomId(),
    at,
    effectiveAt,
    unwrap,
    rows: rows.length,
    scanned: seen,
  }
  const next: EpochRecord = { epoch, state: 'destroyed', since: at, destruction }
  const event = { type: 'epoch.destroyed', epoch, effectiveAt, provider: provider.id }
  const del = rows.map(([key]) => key)
  const changed = await change(deps, { from: record, next, event, del })
  people.deps.keys.drop(epoch)
  return { record: changed }
}

/** Signs and stores the record. Of two processes that do so, one does. */
async function certify(deps: RetireDeps, { record }: Retiring): Promise<Retiring> {
  const { people, provider, controllerOf: controller, policy, origin } = deps
  const { epoch, destruction } = record
  if (destruction === undefined) throw new PrivityError('store_corrupt', { reason: 'epochs' })
  const { ledger, keyspace } = people.deps
  const scrub = await scrubStores(people.deps)
  const { note: checkpoint } = await ledger.head()
  const completedAt = people.now()
  const facts = { epoch, destruction, controller, policy, origin, checkpoint, scrub, completedAt }
  const certificate = await deps.sign(toDestructionRecord({ ...facts, provider: provider.id }))
  const key = keyspace.certificate(destruction.id)
  const put: readonly Row[] = [[key, people.deps.controller.seal(key, utf8(certificate))]]
  const certificateHash = toBase64url(sha256(utf8(certificate)))
  const event = { type: 'epoch.retired', epoch, certificateHash }
  const next: EpochRecord = { ...record, state: 'retired', since: completedAt }
  return { record: await change(deps, { from: record, next, event, put }) }
}

async function requireUnused(
  deps: RetireDeps,
  epoch: number,
  watch: WalkWatch,
): Promise<ScannedKeys> {
  const { families, people } = deps
  const asked = { epoch, current: deps.epochs.epoch }
  const { usage, scanned, behind } = await scanUsage({ ...people.deps, families }, asked, watch)
  const { current, erasing, storedKeys, unreadable } = usage
  // The log takes nothing that is wrapped under an epoch out of use; a key store does, from a process that began to
  // wrap before it was. Whoever may still come to this epoch keeps it.
  const persons = usage.people + (people.deps.keyRows === undefined ? 0 : behind)
  const tenants = await countSharing({ ...people.deps, provider: deps.provider }, epoch)
  if (persons + storedKeys + unreadable + tenants === 0) return scanned
  const details = { epoch, current, people: persons, erasing, storedKeys, unreadable, tenants }
  throw new PrivityError('key_in_use', details)
}

interface RegisterChange {
  readonly from: EpochRecord
  readonly next: EpochRecord
  readonly event: JsonObject
  readonly put?: readonly Row[]
  readonly del?: readonly Key[]
}

/** The state that the epoch is in afterwards: another process may have been faster, or further. */
async function change(
  { people, epochs }: RetireDeps,
  { from, next, event, put = [], del = [] }: RegisterChange,
): Promise<EpochRecord> {
  const { ledger, keyspace, clock } = people.deps
  const { value } = await ledger.submit<EpochRecord>({
    reads: [keyspace.epochRegister, ...put.map(([key]) => key), ...del],
    build: (rows) => {
      const known = openRegister(people.deps, rows.get(keyspace.epochRegister))
      const stored = known.find(({ epoch }) => epoch === from.epoch) ?? from
      // Never set back what the other one did, and never while the epoch is in use again.
      if (stored.state !== from.state) return { kind: 'done', value: stored }
      if (from.epoch >= epochs.epoch) throw new PrivityError('write_conflict', { attempts: 1 })
      const entry: ControllerEntry = { kind: 'controller', at: clock.now(), event }
      const register = sealRegister(people.deps, withRecord(known, next))
      return { kind: 'change', change: { put: [register, ...put], del, entry }, value: next }
    },
  })
  return value
}

/** The provider is asked once more: what it says is in the record. */
async function tryUnwrap(
  { people, provider, salt }: RetireDeps,
  epoch: number,
): Promise<EpochDestruction['unwrap']> {
  const { store, storeId, keyspace } = people.deps
  const [wrapped] = await store.read([keyspace.controllerKey(epoch)])
  if (wrapped === undefined) return 'key_unknown'
  try {
    const context = { storeId, salt, epoch, accessClass: 'controller' }
    const key = await provider.unwrap(wrapped, context)
    key.fill(0)
    return 'opened'
  } catch (error) {
    const verdict = GONE.find((code) => isPrivityError(error, code))
    // One that does not answer now has said nothing of the epoch; it is asked when this is gone on with.
    if (verdict === undefined) throw error
    return verdict
  }
}

async function keyRows({ people }: RetireDeps, epoch: number): Promise<readonly Row[]> {
  const { store, keyspace } = people.deps
  const controllerKey = keyspace.controllerKey(epoch)
  const [wrapped] = await store.read([controllerKey])
  const rows: Row[] = wrapped === undefined ? [] : [[controllerKey, wrapped]]
  for await (const row of scanRows(store, keyspace.epochKeys(epoch), { page: PAGE })) rows.push(row)
  return rows
}

async function readCertificate(
  { people }: RetireDeps,
  { destruction }: EpochRecord,
): Promise<string> {
  const { store, keyspace, controller } = people.deps
  const key = keyspace.certificate(destruction?.id ?? '')
  const [sealed] = await store.read([key])
  if (sealed === undefined) throw new PrivityError('store_corrupt', { reason: 'missing_row' })
  return fromUtf8(controller.open(key, sealed)) ?? ''
}
