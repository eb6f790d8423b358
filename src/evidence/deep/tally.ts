import { concatBytes, utf8 } from '../../base/bytes.ts'
import { sha256 } from '../../crypto/hash.ts'
import { randomBytes } from '../../crypto/random.ts'
import type { Key } from '../../storage/store.ts'

/**
 * Holds the keys that should be there against those that are, and keeps neither: every key is turned over
 * once for each side, so what both sides have leaves no trace.
 */
export interface Tally {
  turn(key: Key): void
  /** Whether any side had a key that the other had not. */
  readonly differs: boolean
  /** Whether this key may be one of them; of the others, one in thousands may be as well. */
  isSuspect(key: Key): boolean
}

const BUCKETS = 4_096
const DIGEST = 32
const SECRET_LENGTH = 32

/** Nothing on either side. Digests are keyed, so that nobody can choose keys that cancel each other out. */
export function createTally(): Tally {
  const secret = randomBytes(SECRET_LENGTH)
  const buckets = new Uint8Array(BUCKETS * DIGEST)
  const total = new Uint8Array(DIGEST)
  const digestOf = (key: Key): Uint8Array => sha256(concatBytes([secret, utf8(key)]))
  function isOdd(bucket: number): boolean {
    return buckets.subarray(bucket * DIGEST, (bucket + 1) * DIGEST).some((byte) => byte !== 0)
  }
  return {
    turn: (key) => {
      const digest = digestOf(key)
      const start = bucketOf(digest) * DIGEST
      for (let at = 0; at < DIGEST; at += 1) {
        const byte = digest[at] ?? 0
        buckets[start + at] = (buckets[start + at] ?? 0) ^ byte
        total[at] = (total[at] ?? 0) ^ byte
      }
    },
    get differs() {
      return total.some((byte) => byte !== 0)
    },
    isSuspect: (key) => isOdd(bucketOf(digestOf(key))),
  }
}

function bucketOf(digest: Uint8Array): number {
  return (((digest[0] ?? 0) << 8) | (digest[1] ?? 0)) % BUCKETS
}
