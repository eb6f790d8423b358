import { toBase64url, utf8 } from '../base/bytes.ts'
import type { JsonObject } from '../base/canonical.ts'
import { toInstant } from '../base/time.ts'
import { TOOL } from '../base/tool.ts'
import { sha256 } from '../crypto/hash.ts'
import { signJws } from '../crypto/jose.ts'
import type { KeyProvider } from '../keys/provider.ts'
import type { Controller } from '../policy/policy-type.ts'
import type { ScrubReport } from '../storage/store.ts'
import {
  CLEAR,
  cryptographicErase,
  exclusionsOf,
  hookMethod,
  leaveMethods,
  partOf,
  recipientOf,
} from './certificate-parts.ts'
import { type Destroyed, hooksOf, type Job, planOf } from './job.ts'
import { referenceMethods, referenceTotals } from './references/tell.ts'
import { CERTIFICATE_TYPE } from './verify-certificate.ts'

/** Signs what an erasure destroyed, and what remains where until when. */
export interface Certificates {
  sign(job: Job, proof: ErasureProof): Promise<string>
}

/** What was found when the erasure was verified. */
export interface ErasureProof {
  readonly completedAt: number
  readonly scrub: ScrubReport | undefined
  /** Signed note of the log that holds the destruction. */
  readonly checkpoint: string
}

/** What signing needs. */
export interface CertificateDeps {
  /** The key in use, as PKCS #8. */
  key(): Uint8Array
  readonly controller: Controller
  readonly policy: string
  /** Names the log, whatever became of it since. */
  readonly origin: string
  readonly provider: Pick<KeyProvider, 'id' | 'irrecoverableBy'>
}

const SCHEMA = 'privity.erasure/1'
const PROBED = ['rows', 'lookup_rows', 'keys', 'hooks'] as const
const NOTHING: Destroyed = { keys: 0, rows: 0, lookupRows: 0, sample: [] }
/** What no certificate can promise. */
const LIMITS = [
  'copies_outside_the_hooks',
  'copies_already_read',
  'backups_until_they_expire',
] as const

/** Certificates under the key of this store. */
export function createCertificates(deps: CertificateDeps): Certificates {
  return {
    sign: (job, proof) =>
      signJws({
        payload: toCertificate(deps, job, proof),
        typ: CERTIFICATE_TYPE,
        pkcs8: deps.key(),
      }),
  }
}

function toCertificate(
  { controller, policy, origin, provider }: CertificateDeps,
  job: Job,
  proof: ErasureProof,
): JsonObject {
  return {
    schemaVersion: SCHEMA,
    certificateId: toBase64url(sha256(utf8(`${origin}/${job.erasureId}`)).subarray(0, 16)),
    erasureId: job.erasureId,
    subject: { ref: job.subjectId },
    controller: { ...controller },
    tool: { ...TOOL },
    reason: job.reason,
    plannedAt: toInstant(job.plannedAt),
    startedAt: toInstant(job.startedAt ?? job.plannedAt),
    destroyedAt: toInstant(job.destroyedAt ?? proof.completedAt),
    completedAt: toInstant(proof.completedAt),
    planHash: planOf(job).hash,
    recipientsNotified: hooksOf(job).map(recipientOf),
    storage: storageOf(proof.scrub),
    irrecoverableBy: provider.irrecoverableBy,
    limits: limitsOf(job),
    policy,
    log: { origin, checkpoint: proof.checkpoint },
    ...(job.partial === undefined
      ? wholeOf(job, provider)
      : partOf({ ...job, partial: job.partial }, provider)),
  }
}

/** What only some erasures cannot promise. */
function limitsOf({ unreadable, cleared }: Job): readonly string[] {
  const holds = unreadable === undefined ? [] : ['holds_of_unreadable_people']
  const references = cleared === undefined ? [] : ['references_without_lookup_rows']
  return [...LIMITS, ...holds, ...references]
}

function wholeOf(job: Job, provider: CertificateDeps['provider']): JsonObject {
  const { destroyed = NOTHING, cleared } = job
  return {
    scope: 'all',
    ...exclusionsOf(cleared?.exclusions ?? []),
    method: [
      cryptographicErase(provider, destroyed.keys),
      { kind: 'physical_delete', ...CLEAR, rows: destroyed.rows },
      { kind: 'lookup_rows', ...CLEAR, rows: destroyed.lookupRows },
      ...leaveMethods(job),
      ...referenceMethods(job),
      ...hooksOf(job).map(hookMethod),
    ],
    verification: {
      method: 'full',
      probed: [...PROBED, ...(cleared === undefined ? [] : ['references'])],
      rows: destroyed.rows,
      hooks: job.hooks.length,
      // Nothing is left to try a copy with: the whole ring is gone.
      decryptProbes: 0,
      residual: 0,
      result: 'absent',
    },
    result: 'completed',
    // Said last and as numbers, so that a reader sees at once whether anything was there to destroy.
    totals: {
      keys: destroyed.keys,
      rows: destroyed.rows,
      lookupRows: destroyed.lookupRows,
      ...referenceTotals(job),
    },
  }
}

function storageOf(scrub: ScrubReport | undefined): JsonObject {
  if (scrub === undefined)
    return { scrubbed: false, cleared: [], remains: ['not_supported_by_the_store'] }
  return { scrubbed: true, cleared: scrub.cleared, remains: scrub.remains }
}
