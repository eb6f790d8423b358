import { readNoted } from '../audit/noted.ts'
import { writerLog } from '../audit/writer.ts'
import { ifOpens } from '../base/if-opens.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Log } from '../ledger/log.ts'
import { readNotedShard } from '../ledger/noted-shards.ts'
import {
  type Fault,
  type Verification,
  verifyLog,
  type VerifyOptions,
  type WatchOptions,
} from '../ledger/verify-log.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Key, Store } from '../storage/store.ts'
import type { People } from '../subjects/people.ts'
import { verifyDeep } from './deep/verify-deep.ts'

/** What verifying a store needs. */
export interface VerifyStoreDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly controller: ControllerKey
  readonly ledger: Ledger
  /** Of the first generation of the main log. */
  readonly origin: string
  /** Opens what is sealed for persons; absent while the store is in quarantine. */
  readonly people?: People | undefined
  /** Throws while the store is closed for another reason than what the anchor found. */
  readonly check?: (() => void) | undefined
}

/**
 * The main log, and the access log of every writer there ever was; if asked, every other row as well.
 *
 * @throws {@link ledger_inconsistent} · @throws {@link replay_required} when persons cannot be opened, because the
 *   store is in quarantine
 */
export async function verifyStore(
  deps: VerifyStoreDeps,
  { deep = false, ...options }: VerifyOptions,
): Promise<Verification> {
  const { ledger, people } = deps
  if (deep) requireOpen(deps)
  await ledger.drain()
  // Leaves count once: when their bodies were found, if these are looked for.
  const entries = await verifyEntries(deps, deep ? quietly(options) : options)
  const accesses = await verifyWriters(deps, options)
  const size = BigInt(entries.sizes.reduce((sum, leaves) => sum + leaves, 0))
  const faults = [...entries.faults, ...accesses.faults]
  const isHeadValid = !entries.faults.some(({ kind }) => kind === 'head_invalid')
  if (!deep || people === undefined || !isHeadValid)
    return { ok: faults.length === 0, size, faults }
  const found = await verifyDeep(
    { ...deps, people },
    { sizes: entries.sizes, writers: accesses.logs, faults },
    options,
  )
  return { ok: found.faults.length === 0, size, ...found }
}

function requireOpen({ ledger, check }: VerifyStoreDeps): void {
  ledger.quarantine.check()
  check?.()
}

function quietly({ signal }: WatchOptions): WatchOptions {
  return signal === undefined ? {} : { signal }
}

/** The logs of entries, the main one first. */
async function verifyEntries(
  deps: VerifyStoreDeps,
  options: WatchOptions,
): Promise<{ readonly sizes: readonly number[]; readonly faults: readonly Fault[] }> {
  const { store, keyspace, ledger } = deps
  const sizes: number[] = []
  const faults: Fault[] = []
  for (const { number, log } of ledger.shards) {
    const register = keyspace.shardRegister(number)
    // Read first: what is noted meanwhile is of a log that has grown meanwhile.
    const [sealed] = number === 0 ? [] : await store.read([register])
    const found = await verifyLog(store, log, after(sizes, options))
    sizes.push(Number(found.size))
    faults.push(...found.faults)
    // Undefined when the register was changed.
    const noted = ifOpens(() => readNotedShard(deps, number, sealed))
    faults.push(...shortfall({ log, size: found.size, register }, noted))
  }
  return { sizes, faults }
}

/** Counts on from the logs before. */
function after(sizes: readonly number[], { onProgress, ...rest }: WatchOptions): WatchOptions {
  if (onProgress === undefined) return rest
  const before = BigInt(sizes.reduce((sum, leaves) => sum + leaves, 0))
  return { ...rest, onProgress: (done, of) => onProgress(before + done, before + of) }
}

interface NotedLog {
  readonly log: Log
  readonly size: bigint
  readonly register: Key
}

/** The main log knows a longer one: entries were taken out of it. */
function shortfall({ log, size, register }: NotedLog, noted: number | undefined): readonly Fault[] {
  if (noted === undefined) return [{ key: register, kind: 'row_changed' }]
  return size < noted ? [{ index: size, key: log.keys.head, kind: 'log_set_back' }] : []
}

async function verifyWriters(
  deps: VerifyStoreDeps,
  options: WatchOptions,
): Promise<{ readonly logs: readonly Log[]; readonly faults: readonly Fault[] }> {
  const { store, keyspace } = deps
  const logs: Log[] = []
  const faults: Fault[] = []
  for (let writer = 0; ; writer += 1) {
    const log = writerLog(deps, writer)
    const [head, register] = await store.read([log.keys.head, keyspace.writerRegister(writer)])
    if (head === undefined && register === undefined) return { logs, faults }
    logs.push(log)
    const accesses = await verifyLog(store, log, quietly(options))
    const noted = ifOpens(() => readNoted(deps, writer, register))
    faults.push(...accesses.faults)
    const key = keyspace.writerRegister(writer)
    faults.push(...shortfall({ log, size: accesses.size, register: key }, noted))
  }
}
