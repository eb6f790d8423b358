import { toBase64url } from '../base/bytes.ts'
import { sha256 } from '../crypto/hash.ts'
import type { SigningKey } from '../crypto/signature.ts'

/** The keys that sign checkpoints, of which the newest is in use. */
export interface Signers {
  /** Signs from now on. */
  readonly current: SigningKey
  /** Public halves of all keys that ever signed, newest first; 32 bytes each. */
  readonly publicKeys: readonly Uint8Array[]
  /** Looks again: another process may have changed the key. */
  refresh(): Promise<void>
}

/** Names a key in heads. */
export function keyIdOf(publicKey: Uint8Array): string {
  return toBase64url(sha256(publicKey).subarray(0, 8))
}
