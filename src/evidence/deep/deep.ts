import { toBase64url } from '../../base/bytes.ts'
import { chunksOf } from '../../base/chunks-of.ts'
import { sha256 } from '../../crypto/hash.ts'
import type { ControllerKey } from '../../keys/controller-key.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { Shard } from '../../ledger/shard.ts'
import { type Fault, MAX_FAULTS, tell, type WatchOptions } from '../../ledger/verify-log.ts'
import type { Keyspace, LogKeys } from '../../storage/keyspace.ts'
import type { Key, Store } from '../../storage/store.ts'
import type { People } from '../../subjects/people.ts'
import { type Bits, createBits } from './bits.ts'

/** What deep verification needs. */
export interface DeepDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly controller: ControllerKey
  readonly ledger: Ledger
  readonly people: People
  /** Of the first generation of the main log. */
  readonly origin: string
}

/** One deep verification under way. */
export interface Deep extends DeepDeps {
  /** The main log first. */
  readonly logs: readonly [DeepLog, ...DeepLog[]]
  /** The log of the entries about a person. */
  of(personId: string): DeepLog
  readonly options: WatchOptions
  readonly faults: readonly Fault[]
  report(fault: Fault): void
  /** The body of a leaf is there, opens, and says what the leaf commits to. */
  account(log: DeepLog, index: number): void
  /** A key without the tenant's prefix, as bodies of entries name it. */
  nameOf(key: Key): string
  keyOf(name: string): Key
}

/** A log of entries, and how far it was verified before: what came later is not asked for. */
export interface DeepLog {
  readonly number: number
  readonly keys: LogKeys
  readonly size: number
  /** Leaves whose bodies were found. */
  readonly accounted: Bits
}

/** What is read at once; a store takes up to 10,000 keys. */
const KEYS = 5_000
const PROGRESS = 1_000

/** Nothing found yet, in logs of these sizes. */
export function startDeep(deps: DeepDeps, sizes: readonly number[], options: WatchOptions): Deep {
  const { ledger, keyspace } = deps
  const { prefix } = keyspace
  const logOf = ({ number, log }: Shard): DeepLog => {
    const size = sizes[number] ?? 0
    return { number, keys: log.keys, size, accounted: createBits(size) }
  }
  const [main, ...others] = ledger.shards
  const logs = [logOf(main), ...others.map(logOf)] as const
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const faults: Fault[] = []
  const named = new Set<string>()
  let told = 0
  return {
    ...deps,
    logs,
    of: (personId) => logs[ledger.of(personId).number] ?? logs[0],
    options,
    faults,
    report: (fault) => {
      const name = `${fault.kind} ${fault.index} ${fault.key}`
      if (faults.length === MAX_FAULTS || named.has(name)) return
      named.add(name)
      faults.push(fault)
    },
    account: ({ accounted }, index) => {
      accounted.add(index)
      const done = logs.reduce((sum, log) => sum + log.accounted.count, 0)
      if (done < told + PROGRESS) return
      told = done
      tell(options, done, total)
    },
    nameOf: (key) => key.slice(prefix.length),
    keyOf: (name) => `${prefix}${name}`,
  }
}

/** How bodies of entries commit to a row. */
export function digestOf(value: Uint8Array): string {
  return toBase64url(sha256(value))
}

/** Any number of rows; all of one moment as long as they are few. */
export async function readAll(
  { store, options }: Deep,
  keys: readonly Key[],
): Promise<readonly (Uint8Array | undefined)[]> {
  const values: (Uint8Array | undefined)[] = []
  for (const some of chunksOf(keys, KEYS)) {
    options.signal?.throwIfAborted()
    values.push(...(await store.read(some)))
  }
  return values
}
