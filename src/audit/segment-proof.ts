import { sha256OfText } from '../crypto/hash.ts'
import { inclusionPath } from '../crypto/merkle-path.ts'
import { emptyRoot, foldHashes, nodeHash } from '../crypto/merkle.ts'

/** The Merkle root (RFC 6962) over the entries of a segment, each given as its canonical JSON. */
export function segmentRoot(entries: readonly string[]): Uint8Array {
  return rootOf(leafHashes(entries))
}

/**
 * The hashes that lead from one entry of a segment to its root: evidence of this entry that shows nothing of
 * the others, since each of them is salted.
 *
 * @throws {@link invalid_input} unless there is an entry at the position
 */
export function segmentProof(entries: readonly string[], position: number): readonly Uint8Array[] {
  const path = inclusionPath(position, entries.length)
  const hashes = leafHashes(entries)
  return path.map((nodes) =>
    foldHashes(
      nodes.map(({ level, index }) => {
        const width = 2 ** level
        return rootOf(hashes.slice(index * width, (index + 1) * width))
      }),
    ),
  )
}

/** A leaf is hashed behind a zero byte (RFC 6962 section 2.1). */
function leafHashes(entries: readonly string[]): readonly Uint8Array[] {
  return entries.map((entry) => sha256OfText(`\0${entry}`))
}

/** Level by level; a hash without a right neighbour moves up as it is, as in RFC 6962 section 2.1. */
function rootOf(hashes: readonly Uint8Array[]): Uint8Array {
  let level = hashes
  while (level.length > 1) level = pairsOf(level)
  return level[0] ?? emptyRoot()
}

function pairsOf(level: readonly Uint8Array[]): readonly Uint8Array[] {
  const pairs: Uint8Array[] = []
  for (let at = 0; at < level.length; at += 2) {
    const [left, right] = [level[at], level[at + 1]]
    if (left !== undefined) pairs.push(right === undefined ? left : nodeHash(left, right))
  }
  return pairs
}
