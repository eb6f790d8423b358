/**
 * Keeps the app's root secret and wraps the keys that Privity makes: one random key per epoch and access
 * class, and the controller's own.
 *
 * What a provider returns from `wrap` is stored beside the data; the secret never is. A provider may
 * refuse single classes: a process that is not given `health` reads everything else.
 */
export interface KeyProvider {
  /** Names the kind and the place of the secret, never the secret: `local`, `aws-kms:arn…`. */
  readonly id: string
  /** When a destroyed person key is beyond recovery even for who holds an old copy of the store. */
  readonly irrecoverableBy: 'backup_expiry' | 'epoch_end'
  /**
   * Epoch that new keys are wrapped under, from 1 up; 1 for ever where epochs cannot die. It may change while a
   * process runs, since another one may rotate.
   */
  currentEpoch(): Promise<number>
  /** What is stored of a key: only `unwrap` in the same context gives it back. */
  wrap(key: Uint8Array, context: KeyContext): Promise<Uint8Array>
  /**
   * @throws {@link key_unreadable} when the secret does not open it, or the secret of its epoch was destroyed
   * @throws {@link key_unknown} when there never was such an epoch
   * @throws {@link key_unavailable} when this process may not have the class
   */
  unwrap(wrapped: Uint8Array, context: KeyContext): Promise<Uint8Array>
  /**
   * Makes a new epoch the current one and returns its number, which is higher than every earlier one. Absent
   * where epochs cannot die.
   */
  rotate?(): Promise<number>
  /**
   * Destroys the secret of an epoch; a repeated call gives the same answer. Absent where epochs cannot die.
   *
   * @throws {@link invalid_transition} for the current epoch
   * @throws {@link key_unknown} when there never was such an epoch
   */
  destroy?(epoch: number): Promise<Destruction>
}

/** When nobody can unwrap under a destroyed epoch any more, its provider included. */
export interface Destruction {
  /** Milliseconds since the epoch of 1970; in the future where a KMS has a waiting period. */
  readonly effectiveAt: number
}

/** What a wrapped key is bound to: pseudonymous ids only, since a KMS logs it in clear. */
export interface KeyContext {
  /** Random id of the store: keys of one open in no other. */
  readonly storeId: string
  /** Number of the secret that wraps, from 1. */
  readonly epoch: number
  /** `controller`, `core`, or the key of an access class. */
  readonly accessClass: string
  /** Random, 32 bytes, stored in clear with the store's id. */
  readonly salt: Uint8Array
}
