import { invalidInput } from '../base/errors.ts'
import type { NodeId } from './merkle.ts'

/** The leaves from `start` up to and without `end`. */
export type Span = readonly [start: number, end: number]

/**
 * The nodes to prove that a leaf is in a tree: for each hash of the proof the perfect subtrees
 * that `foldHashes` makes it of, almost always one.
 *
 * @throws {@link invalid_input} unless the index is below the size.
 */
export function inclusionPath(index: number, size: number): readonly (readonly NodeId[])[] {
  if (!isCount(index) || !isCount(size) || index >= size) throw invalidInput(['index'], 'too_big')
  const siblings: Span[] = []
  let [start, end] = [0, size]
  while (end - start > 1) {
    const middle = start + splitOf(end - start)
    if (index < middle) {
      siblings.push([middle, end])
      end = middle
    } else {
      siblings.push([start, middle])
      start = middle
    }
  }
  return siblings.reverse().map(perfectNodes)
}

/**
 * The nodes to prove that the tree of `size2` leaves grew out of that of `size1`, in the form of
 * `inclusionPath`.
 *
 * @throws {@link invalid_input} unless `size1` is at least 1 and no more than `size2`.
 */
export function consistencyPath(size1: number, size2: number): readonly (readonly NodeId[])[] {
  if (!isCount(size1) || size1 === 0) throw invalidInput(['size1'], 'too_small')
  if (!isCount(size2) || size1 > size2) throw invalidInput(['size1'], 'too_big')
  const spans: Span[] = []
  let [start, end] = [0, size2]
  while (size1 < end) {
    const middle = start + splitOf(end - start)
    if (size1 <= middle) {
      spans.push([middle, end])
      end = middle
    } else {
      spans.push([start, middle])
      start = middle
    }
  }
  // The verifier knows the old root, so it is not told when the old tree is one subtree.
  if (start > 0) spans.push([start, end])
  return spans.reverse().map(perfectNodes)
}

/** The perfect subtrees that make up a span, the largest first: each begins where the one before it ends. */
export function perfectNodes([start, end]: Span): readonly NodeId[] {
  const nodes: NodeId[] = []
  for (let at = start; at < end; ) {
    let level = 0
    while (2 ** (level + 1) <= end - at) level += 1
    nodes.push({ level, index: at / 2 ** level })
    at += 2 ** level
  }
  return nodes
}

/** The largest power of two below a number of leaves (RFC 6962 section 2.1). */
function splitOf(leaves: number): number {
  let split = 1
  while (split * 2 < leaves) split *= 2
  return split
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
