import type { CheckpointReason } from '../crypto/verify-checkpoint.ts'

/** Why a bundle of evidence is refused. */
export type EvidenceReason =
  | CheckpointReason
  | 'unreadable'
  | 'truncated'
  | 'not_an_archive'
  | 'unexpected_file'
  | 'checkpoint_not_signed'
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
   * not the files that an export writes; `checkpoint_not_signed`: an older checkpoint that the log's keys did not
   * sign; `rolled_back`, `forked`: not the log of the older checkpoint, as it is shorter, or has other entries;
   * `entry_missing`, `access_missing`: fewer than there must be; a `mismatch` is with what was signed.
   */
  readonly reason: EvidenceReason
  /**
   * The file that the verifier had before it, or had read last. Absent at the end of the archive, and where the
   * archive, the keys or the older checkpoint cannot be used at all.
   */
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
