import type { JsonObject } from '../base/canonical.ts'
import { toInstant } from '../base/time.ts'
import type { Controller } from '../policy/policy-type.ts'
import type { ScrubReport } from '../storage/store.ts'
import type { EpochDestruction } from './epoch-register.ts'

/** Who destroyed which epoch, of whose provider. */
export interface RecordFacts {
  readonly epoch: number
  readonly destruction: EpochDestruction
  readonly provider: string
  readonly controller: Controller
  /** Hash of the running policy. */
  readonly policy: string
  /** Names the log, whatever became of it since. */
  readonly origin: string
  /** Signed note of the log that holds the destruction. */
  readonly checkpoint: string
  readonly scrub: ScrubReport | undefined
  /** When all that it says had been done; milliseconds since 1970. */
  readonly completedAt: number
}

const SCHEMA = 'privity.key-destruction/1'
/** What no record can promise. */
const LIMITS = [
  'copies_of_the_provider_secret',
  'keys_in_memory_of_running_processes',
  'copies_made_after_rewrapping',
  'copies_already_read',
] as const

/** What is signed when an epoch is gone: the payload of a certificate. */
export function toDestructionRecord(facts: RecordFacts): JsonObject {
  const { epoch, destruction, provider, controller, policy, origin, checkpoint, scrub } = facts
  const { people, personKeys, storedKeys } = destruction.scanned
  return {
    schemaVersion: SCHEMA,
    certificateId: destruction.id,
    epoch,
    keyProvider: provider,
    controller: { ...controller },
    scope: 'epoch',
    destroyedAt: toInstant(destruction.at),
    // Copies of the store from before its keys were wrapped anew are unreadable from then on.
    effectiveAt: toInstant(destruction.effectiveAt),
    completedAt: toInstant(facts.completedAt),
    method: [
      {
        kind: 'cryptographic_erase',
        standard: 'NIST SP 800-88r2 §3.2',
        keyStrengthBits: 256,
        keyProvider: provider,
        keysDestroyed: destruction.rows,
      },
      { kind: 'physical_delete', rows: destruction.rows },
    ],
    verification: {
      method: 'full',
      people,
      personKeys,
      storedKeys,
      references: 0,
      unwrap: destruction.unwrap,
    },
    storage:
      scrub === undefined
        ? { scrubbed: false, cleared: [], remains: ['not_supported_by_the_store'] }
        : { scrubbed: true, cleared: scrub.cleared, remains: scrub.remains },
    limits: LIMITS,
    policy,
    log: { origin, checkpoint },
    result: 'completed',
  }
}
