import {
  type ConsistencyInput,
  type InclusionInput,
  leafHash as hashOfLeaf,
  verifyConsistency as isConsistent,
  verifyInclusion as isIncluded,
} from './merkle.ts'

/**
 * The hash of a leaf's bytes (RFC 6962 section 2.1), with which its proof begins.
 *
 * @throws a `TypeError` for anything but bytes
 */
export function leafHash(bytes: Uint8Array): Uint8Array {
  if (bytes instanceof Uint8Array) return hashOfLeaf(bytes)
  throw new TypeError('a leaf is bytes')
}

/**
 * Tells whether the hashes lead from a leaf to the root of a tree of that size (RFC 6962 section 2.1.1). False, and
 * never an exception, for whatever has not the right shape: sizes and indexes are bigint, hashes 32 bytes.
 */
export function verifyInclusion(input: InclusionInput): boolean {
  return attempt(() => isIncluded(input))
}

/**
 * Tells whether the hashes show that the second tree is the first with leaves appended (RFC 6962 section 2.1.2).
 * False, and never an exception, for whatever has not the right shape; nothing is proven of a tree without leaves.
 */
export function verifyConsistency(input: ConsistencyInput): boolean {
  return attempt(() => isConsistent(input))
}

/** What a caller of JavaScript passes may throw when it is read. */
function attempt(verify: () => boolean): boolean {
  try {
    return verify()
  } catch {
    return false
  }
}
