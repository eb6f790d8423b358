import type { Clock } from '../base/time.ts'
import { addCosignature } from '../crypto/note.ts'
import type { Shard } from '../ledger/shard.ts'
import type { SigningKeys } from '../startup/signing-keys.ts'
import type { Store } from '../storage/store.ts'
import { type Consistency, type Inclusion, proveConsistency, proveInclusion } from './proofs.ts'
import { clockOf } from './public-keys.ts'

/** One log of entries, as others may check it. */
export interface LogFace {
  /** Names the log in every checkpoint. */
  readonly origin: string
  /** Latest signed checkpoint, a C2SP signed note, cosigned with the time. */
  checkpoint(): Promise<string>
  /**
   * Shows that an entry is in the log, for `verifyInclusion`.
   *
   * @throws {@link invalid_input} unless the log has such an entry
   */
  inclusion(index: bigint): Promise<Inclusion>
  /**
   * Shows that the log only grew between two sizes, for `verifyConsistency`. Default of the second: as it is now.
   *
   * @throws {@link invalid_input} unless the log has both sizes, the smaller first
   */
  consistency(size1: bigint, size2?: bigint): Promise<Consistency>
}

/** What the face of a log needs. */
export interface LogFaceDeps {
  readonly store: Store
  readonly clock: Clock
  readonly signing: SigningKeys
  /** Of the main log, in its first generation. */
  readonly origin: string
}

/** A log as its owner shows it. */
export function createLogFace(deps: LogFaceDeps, shard: Shard): LogFace {
  const { store } = deps
  return {
    get origin() {
      return shard.log.origin
    },
    checkpoint: () => cosigned(deps, shard),
    inclusion: (index) => proveInclusion(shard, index),
    consistency: (size1, size2) => proveConsistency({ store, shard }, size1, size2),
  }
}

/** The log's own signature says nothing of time; a second key adds it. */
async function cosigned({ signing, clock, origin }: LogFaceDeps, shard: Shard): Promise<string> {
  const { note } = await shard.head()
  const seconds = Math.floor(clock.now() / 1_000)
  return addCosignature(note, { name: clockOf(origin), key: signing.clock.key, seconds })
}
