import { concatBytes, sameBytes } from '../base/bytes.ts'
import { invalidInput } from '../base/errors.ts'
import { sha256 } from './hash.ts'

/**
 * The right edge of a tree: the hashes of its largest perfect subtrees from left to right. It is
 * all that is needed to append a leaf or to tell the root.
 */
export interface Range {
  /** Number of leaves. */
  readonly size: number
  /** One hash for each bit set in `size`, the largest subtree first. */
  readonly hashes: readonly Uint8Array[]
}

/** A perfect subtree: the leaves `index * 2^level` to `(index + 1) * 2^level - 1`. */
export interface NodeId {
  readonly level: number
  readonly index: number
}

/** A perfect subtree and its hash. */
export interface TreeNode extends NodeId {
  readonly hash: Uint8Array
}

/** A tree that grows from left to right. */
export interface GrowingTree {
  readonly size: number
  /** Adds a leaf by its hash; `visit` is told every perfect subtree that is now full, smallest first. */
  append(leaf: Uint8Array, visit?: (node: TreeNode) => void): void
  /** As it is now. */
  range(): Range
}

/** A claim that a leaf is in a tree. */
export interface InclusionInput {
  /** Hash of the leaf, as `leafHash` gives it; 32 bytes. */
  readonly leafHash: Uint8Array
  /** Number of the leaf, from 0. */
  readonly index: bigint
  /** Leaves of the tree. */
  readonly size: bigint
  /** Hashes of 32 bytes, from the leaf upwards. */
  readonly proof: readonly Uint8Array[]
  /** Root of the tree, from a checkpoint that is trusted; 32 bytes. */
  readonly root: Uint8Array
}

/** A claim that a tree grew out of a smaller one by appending only. */
export interface ConsistencyInput {
  /** Leaves of the smaller tree. */
  readonly size1: bigint
  /** Leaves of the larger tree. */
  readonly size2: bigint
  /** Root of the smaller tree; 32 bytes. */
  readonly root1: Uint8Array
  /** Root of the larger tree; 32 bytes. */
  readonly root2: Uint8Array
  /** Hashes of 32 bytes, in the order of RFC 6962. */
  readonly proof: readonly Uint8Array[]
}

// RFC 6962 section 2.1: without it, and the zero byte before a leaf, a node could be passed off as a leaf.
const INNER = 1
const HASH_BYTES = 32
/** Written anew for every node: what is made only to be hashed takes longer to make than to hash. */
const PAIR = /* @__PURE__ */ new Uint8Array(1 + 2 * HASH_BYTES)
// A number of more bits, or a proof of more hashes, can only be an attempt to keep the verifier busy.
const MAX_SIZE = 2n ** 63n
const MAX_HASHES = 64

/** The hash of a leaf's bytes. */
export function leafHash(bytes: Uint8Array): Uint8Array {
  const prefixed = new Uint8Array(1 + bytes.length)
  prefixed.set(bytes, 1)
  return sha256(prefixed)
}

/** The hash of two neighbouring subtrees. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  // A stored hash that was cut is hashed as it is: the result is another one.
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES)
    return sha256(concatBytes([Uint8Array.of(INNER), left, right]))
  PAIR[0] = INNER
  PAIR.set(left, 1)
  PAIR.set(right, 1 + HASH_BYTES)
  return sha256(PAIR)
}

/** The root of the tree without leaves. */
export function emptyRoot(): Uint8Array {
  return sha256(new Uint8Array(0))
}

/**
 * Goes on with a tree of so many leaves, from the hashes of its right edge; without any, begins one.
 *
 * @example
 * ```ts
 * const tree = growTree()
 * tree.append(leafHash(utf8('first')))
 * const { size, hashes } = tree.range()
 * growTree(size, ...hashes).append(leafHash(utf8('second')))
 * ```
 */
export function growTree(size = 0, ...hashes: Uint8Array[]): GrowingTree {
  return {
    get size() {
      return size
    },
    append: (leaf, visit) => {
      let hash = leaf
      let index = size
      for (let level = 1; index % 2 === 1; level += 1) {
        hash = nodeHash(hashes.pop() ?? hash, hash)
        index = (index - 1) / 2
        visit?.({ level, index, hash })
      }
      hashes.push(hash)
      size += 1
    },
    range: () => ({ size, hashes: [...hashes] }),
  }
}

/**
 * The root of a range.
 *
 * @throws {@link invalid_input} if the hashes of the range do not fit its size.
 */
export function rootOf(range: Range): Uint8Array {
  assertRange(range)
  return foldHashes(range.hashes)
}

/** The hash over perfect subtrees that stand side by side, the largest first. */
export function foldHashes(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 0) return emptyRoot()
  return hashes.reduceRight((right, left) => nodeHash(left, right))
}

/**
 * Tells whether the proof leads from the leaf to the root; false, and never an exception, for
 * wrong shapes.
 */
export function verifyInclusion(input: InclusionInput): boolean {
  const { leafHash: leaf, index, size, root } = input
  const proof = hashesOf(input.proof)
  if (!isSize(index) || !isSize(size) || index >= size) return false
  if (!isHash(leaf) || !isHash(root) || proof === undefined) return false
  const lefts = leftsOf(index, size - 1n)
  if (lefts.length !== proof.length) return false
  let hash = leaf
  for (const [step, sibling] of proof.entries()) {
    hash = lefts[step] ? nodeHash(sibling, hash) : nodeHash(hash, sibling)
  }
  return sameBytes(hash, root)
}

/**
 * Tells whether the proof shows that the second tree is the first with leaves appended; false,
 * and never an exception, for wrong shapes. Nothing is proven about a tree without leaves.
 */
export function verifyConsistency(input: ConsistencyInput): boolean {
  const { size1, size2, root1, root2 } = input
  const proof = hashesOf(input.proof)
  if (!isSize(size1) || !isSize(size2) || size1 === 0n || size1 > size2) return false
  if (!isHash(root1) || !isHash(root2) || proof === undefined) return false
  if (size1 === size2) return proof.length === 0 && sameBytes(root1, root2)
  let [index, last] = [size1 - 1n, size2 - 1n]
  for (; isOdd(index); index >>= 1n) last >>= 1n
  // An index of 0 is left of an old tree that is one perfect subtree: its root is the start.
  const [start, ...rest] = index === 0n ? [root1, ...proof] : proof
  const lefts = leftsOf(index, last)
  if (start === undefined || lefts.length !== rest.length) return false
  let [old, grown] = [start, start]
  for (const [step, sibling] of rest.entries()) {
    const isLeft = lefts[step]
    if (isLeft) old = nodeHash(sibling, old)
    grown = isLeft ? nodeHash(sibling, grown) : nodeHash(grown, sibling)
  }
  return sameBytes(old, root1) && sameBytes(grown, root2)
}

/**
 * For each hash from a subtree up to the root whether it stands on the left (RFC 9162 sections 2.1.3.2 and
 * 2.1.4.2): a proof of any other length is wrong.
 */
function leftsOf(index: bigint, last: bigint): readonly boolean[] {
  const lefts: boolean[] = []
  let [at, end] = [index, last]
  while (end > 0n) {
    const isLeft = isOdd(at) || at === end
    lefts.push(isLeft)
    // On the right edge, levels without a sibling are passed over.
    for (; isLeft && !isOdd(at); at >>= 1n) end >>= 1n
    at >>= 1n
    end >>= 1n
  }
  return lefts
}

/** A copy: a list of an app may answer differently each time. */
function hashesOf(proof: unknown): readonly Uint8Array[] | undefined {
  if (!Array.isArray(proof) || proof.length > MAX_HASHES) return undefined
  const hashes: readonly unknown[] = [...proof]
  return hashes.every(isHash) ? hashes : undefined
}

function isSize(value: unknown): value is bigint {
  return typeof value === 'bigint' && value >= 0n && value <= MAX_SIZE
}

function isOdd(value: bigint): boolean {
  return value % 2n === 1n
}

function isHash(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === HASH_BYTES
}

function assertRange({ size, hashes }: Range): void {
  if (!Number.isSafeInteger(size) || hashes.length !== countOnes(size)) {
    throw invalidInput(['range'], 'invalid_length')
  }
}

// Sizes go beyond the 32 bits of the bitwise operators.
function countOnes(size: number): number {
  let ones = 0
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2
  return ones
}
