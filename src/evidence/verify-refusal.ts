import type { CheckpointReason } from '../crypto/verify-checkpoint.ts'

/** Why a bundle of evidence is refused. */
export type EvidenceReason =
  | CheckpointReason
  | 'unreadable'
  | 'truncated'
  | 'not_an_archive'
  | 'unexpected_file'
  | 'rolled_back'
  | 'forked'
  | 'hash_mismatch'
  | 'body_missing'
  | 'body_mismatch'
  | 'entry_missing'
  | 'access_mismatch'
  | 'access_missing'

/** What was refused, and where. */
export interface Refusal {
  /**
   * A fixed word. `unreadable`: the stream failed; `truncated`, `not_an_archive`, `unexpected_file`, `malformed`:
   * not the files that an export writes; `rolled_back`, `forked`: not the log of the older checkpoint;
   * `entry_missing`, `access_missing`: fewer than the bundle says; a `mismatch` is with what was signed.
   */
  readonly reason: EvidenceReason
  /** The file that the verifier was at. */
  readonly file?: string
  /** The entry of the log. */
  readonly index?: bigint
}

/** Ends a verification from wherever it is; it never leaves `verifyEvidence`. */
export class RefusalError extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.reason)
    this.refusal = refusal
  }
}

/** An error that names the place where there is one. */
export function refuse(reason: EvidenceReason, place: Omit<Refusal, 'reason'> = {}): RefusalError {
  return new RefusalError({ reason, ...place })
}
