import { toBase64url, utf8 } from '../../base/bytes.ts'
import type { JsonObject } from '../../base/canonical.ts'
import { toInstant } from '../../base/time.ts'
import { sha256 } from '../../crypto/hash.ts'
import { signJws } from '../../crypto/jose.ts'
import type { CertificateDeps } from '../certificate.ts'
import { CERTIFICATE_TYPE } from '../verify-certificate.ts'
import type { Held } from './hold-against.ts'

/** What a replay did, and over which stretch of the journal. */
export interface Replayed extends Held {
  readonly replayId: string
  /** Erasures of whole people that were done again, by this call. */
  readonly replayed: number
  /** And erasures of parts. */
  readonly parts: number
  readonly startedAt: number
  readonly completedAt: number
  /** Signed note of the log that holds them. */
  readonly checkpoint: string
}

const SCHEMA = 'privity.replay/1'
const LIMITS = [
  'copies_outside_the_hooks',
  'copies_already_read',
  'backups_until_they_expire',
] as const

/** Signs that a store which was restored has every erasure of its journal again. */
export function signReplay(
  deps: Pick<CertificateDeps, 'key' | 'controller' | 'policy' | 'origin' | 'provider'>,
  replayed: Replayed,
): Promise<string> {
  return signJws({
    payload: toPayload(deps, replayed),
    typ: CERTIFICATE_TYPE,
    pkcs8: deps.key(),
  })
}

function toPayload(
  {
    controller,
    policy,
    origin,
    provider,
  }: Pick<CertificateDeps, 'controller' | 'policy' | 'origin' | 'provider'>,
  { from, to, of, pending, ...replay }: Replayed,
): JsonObject {
  return {
    schemaVersion: SCHEMA,
    certificateId: toBase64url(sha256(utf8(`${origin}/${replay.replayId}`)).subarray(0, 16)),
    replayId: replay.replayId,
    controller: { ...controller },
    reason: 'replay',
    startedAt: toInstant(replay.startedAt),
    completedAt: toInstant(replay.completedAt),
    journal: { from: from.seq + 1, to: to.seq, head: to.hash },
    // All of the stretch were looked at once more; those that are under way have a fence.
    verification: { method: 'full', erasures: of, underWay: pending, missing: 0 },
    irrecoverableBy: provider.irrecoverableBy,
    limits: LIMITS,
    policy,
    log: { origin, checkpoint: replay.checkpoint },
    result: 'completed',
    totals: { replayed: replay.replayed, parts: replay.parts },
  }
}
