import type { Clock } from '../base/time.ts'
import type { Anchor } from '../storage/anchor.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Store } from '../storage/store.ts'
import { adoptMain } from './adopt.ts'
import { type Anchoring, createAnchoring } from './anchoring.ts'
import type { RollbackProtection } from './entry.ts'
import { createLog } from './log.ts'
import { enterShards } from './noted-shards.ts'
import { createNoting, type Noting } from './noting.ts'
import { consistencyProof } from './prove.ts'
import { createQuarantine, type Quarantine } from './quarantine.ts'
import {
  createShard,
  type EntryController,
  type LedgerEpochs,
  type Shard,
  type ShardDeps,
} from './shard.ts'
import type { Signers } from './signers.ts'

/** The main log, and those that share the people with each other when one head is too hot for all of them. */
export interface Ledger extends Shard {
  /** The main log first; it has the people too when it is the only one. */
  readonly shards: readonly [Shard, ...Shard[]]
  /** The log of the entries about a person. */
  of(personId: string): Shard
  readonly quarantine: Quarantine
  readonly anchoring: Anchoring
  readonly signers: Signers
  /** Time of the last operation about a person, as far as this instance knows; milliseconds since the epoch. */
  lastAt(): number
  /** Tells every log what the main log says of policy and keys. */
  adopt(): Promise<void>
  /** Enters the checkpoints of all logs into the main log. */
  note(): Promise<void>
  /** The same, a last time. */
  close(): Promise<void>
}

/** What the ledger needs. */
export interface LedgerDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly clock: Clock
  readonly controller: EntryController
  readonly signers: Signers
  /** Of the main log, in its first generation. */
  readonly origin: string
  readonly anchor?: Anchor | undefined
  /** Follows the epochs that keys are wrapped under; absent where nobody wraps any. */
  readonly epochs?: LedgerEpochs | undefined
  /** How many logs share the people. Default: 1, the main log. */
  readonly shards?: number | undefined
}

/** The logs over a store. */
export function createLedger(deps: LedgerDeps): Ledger {
  const { store, signers } = deps
  const quarantine = createQuarantine()
  const log = logOf(deps, 0)
  const anchored = {
    head: () => main.head(),
    get origin() {
      return log.origin
    },
    get publicKeys() {
      return signers.publicKeys
    },
    prove: (size1: bigint, size2: bigint) =>
      consistencyProof(store, log, { size1: Number(size1), size2: Number(size2) }),
  }
  const anchoring = createAnchoring({ anchor: deps.anchor, quarantine, log: anchored })
  const main = createShard({
    ...deps,
    quarantine,
    log,
    number: 0,
    protect: (note, follows) => anchoring.protect(note, follows),
  })
  const logs = createOthers({ ...deps, quarantine }, main)
  const others = logs.map(({ shard }) => shard)
  const shards = [main, ...others] as const
  const note = (): Promise<void> => enterShards(deps, main, others)
  const drain = async (): Promise<void> => {
    await Promise.all(shards.map((shard) => shard.drain()))
  }
  return {
    ...main,
    shards,
    of: (personId) => others[numberOf(personId, others.length)] ?? main,
    quarantine,
    anchoring,
    signers,
    lastAt: () => Math.max(...shards.map((shard) => shard.log.lastAt())),
    adopt: () => adoptMain(deps, main, others),
    note,
    drain,
    close: async () => {
      for (const { noting } of logs) noting.stop()
      await drain()
      await note()
    },
  }
}

/** Name of a log in its first generation, after that of the main log. */
export function shardOrigin(origin: string, number: number): string {
  return number === 0 ? origin : `${origin}/shard/${number}`
}

interface NotedShard {
  readonly shard: Shard
  readonly noting: Noting
}

/** None when the main log is the only one. */
function createOthers(
  deps: LedgerDeps & Pick<ShardDeps, 'quarantine'>,
  main: Shard,
): readonly NotedShard[] {
  const { shards: count = 1 } = deps
  if (count === 1) return []
  return Array.from({ length: count }, (_, index) => {
    const number = index + 1
    const log = logOf(deps, number)
    const noting = createNoting(deps, () => enterShards(deps, main, [shard]))
    const protect = async (): Promise<RollbackProtection> => {
      noting.grew()
      // The anchor remembers the main log, which learns of this one later.
      return 'none'
    }
    const shard = createShard({ ...deps, log, number, protect })
    return { shard, noting }
  })
}

function logOf(
  { keyspace, signers, controller, origin }: LedgerDeps,
  number: number,
): ReturnType<typeof createLog> {
  return createLog({
    origin: shardOrigin(origin, number),
    keys: number === 0 ? keyspace.log : keyspace.shard(number),
    signers,
    mac: controller.tag,
  })
}

/** Ids are random: their first digits share people evenly. */
function numberOf(personId: string, count: number): number {
  return count === 0 ? 0 : Number.parseInt(personId.slice(0, 8), 16) % count
}
