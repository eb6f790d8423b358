import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import {
  type ConsistencyInput,
  emptyRoot,
  foldHashes,
  growTree,
  type InclusionInput,
  leafHash,
  type NodeId,
  nodeHash,
  type Range,
  rootOf,
  type TreeNode,
  verifyConsistency,
  verifyInclusion,
} from '../../src/crypto/merkle.ts'
import { consistencyPath, inclusionPath } from '../../src/crypto/merkle-path.ts'
import { auditPath, consistencyProof, treeHash } from './naive-tree.ts'
import { hex } from './vectors.ts'

fc.configureGlobal({ seed: 20_261_121 })

const LARGEST = 70
const SIZES = Array.from({ length: LARGEST + 1 }, (_, size) => size)
const EMPTY: Range = { size: 0, hashes: [] }
const leaves = SIZES.map((index) => utf8(`leaf ${index}`))

/** Ranges of all sizes, and every perfect subtree that was ever completed, leaves included. */
function grow(): {
  readonly ranges: readonly Range[]
  readonly nodes: ReadonlyMap<string, TreeNode>
} {
  const ranges = [EMPTY]
  const nodes = new Map<string, TreeNode>()
  const tree = growTree()
  function keep(node: TreeNode): void {
    expect(nodes.has(keyOf(node)), 'a subtree is completed once').toBe(false)
    nodes.set(keyOf(node), node)
  }
  for (const [index, leaf] of leaves.slice(0, LARGEST).entries()) {
    const hash = leafHash(leaf)
    keep({ level: 0, index, hash })
    tree.append(hash, keep)
    ranges.push(tree.range())
  }
  return { ranges, nodes }
}

function keyOf({ level, index }: NodeId): string {
  return `${level}/${index}`
}

const { ranges, nodes } = grow()

function proofOf(path: readonly (readonly NodeId[])[]): readonly Uint8Array[] {
  return path.map((ids) => foldHashes(ids.map((id) => nodes.get(keyOf(id))?.hash ?? hex('00'))))
}

function rangeOf(size: number): Range {
  const range = ranges[size]
  if (range === undefined) throw new TypeError('no such size')
  return range
}

function inclusionOf(index: number, size: number): InclusionInput {
  return {
    leafHash: leafHash(leaves[index] ?? hex('')),
    index: BigInt(index),
    size: BigInt(size),
    proof: proofOf(inclusionPath(index, size)),
    root: rootOf(rangeOf(size)),
  }
}

function consistencyOf(size1: number, size2: number): ConsistencyInput {
  return {
    size1: BigInt(size1),
    size2: BigInt(size2),
    root1: rootOf(rangeOf(size1)),
    root2: rootOf(rangeOf(size2)),
    proof: proofOf(consistencyPath(size1, size2)),
  }
}

function flip(hash: Uint8Array, bit: number): Uint8Array {
  const flipped = Uint8Array.from(hash)
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return flipped
}

/** Every way to change one hash of a proof, to leave one out, to add one and to swap two. */
function spoiled(proof: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
  const stranger = leafHash(utf8('stranger'))
  const changed = proof.flatMap((hash, at) => [
    proof.with(at, flip(hash, (at * 37) % 256)),
    proof.toSpliced(at, 1),
    proof.toSpliced(at, 0, hash),
    proof.toSpliced(at, 0, stranger),
    proof.with(at, hash.subarray(1)),
    proof.with(at, Uint8Array.of(...hash, 0)),
  ])
  const swapped = proof.length > 1 ? [proof.toReversed()] : []
  return [...changed, ...swapped, [...proof, stranger], [...proof, hex('')]]
}

test('the hashes are those of RFC 6962', () => {
  expect(emptyRoot()).toEqual(
    hex('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'),
  )
  expect(leafHash(new Uint8Array(0))).toEqual(
    hex('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'),
  )
  expect(leafHash(hex('4c313233343536'))).toEqual(
    hex('395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56'),
  )
  expect(nodeHash(hex('4e313233'), hex('4e343536'))).toEqual(
    hex('aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb'),
  )
})

test.each(SIZES)('the root of %d leaves is that of the recursive definition', (size) => {
  expect(rootOf(rangeOf(size))).toEqual(treeHash(leaves.slice(0, size)))
})

test('every completed subtree is perfect and has the hash of its leaves', () => {
  for (const { level, index, hash } of nodes.values()) {
    const span = leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)
    expect(span).toHaveLength(2 ** level)
    expect(hash).toEqual(treeHash(span))
  }
})

test('every perfect subtree is reported when its last leaf comes', () => {
  const tree = growTree()
  for (let size = 1; size <= LARGEST; size += 1) {
    const completed: NodeId[] = []
    tree.append(leafHash(leaves[size - 1] ?? hex('')), ({ level, index }) =>
      completed.push({ level, index }),
    )
    const expected: NodeId[] = []
    for (let level = 1; size % 2 ** level === 0; level += 1) {
      expected.push({ level, index: size / 2 ** level - 1 })
    }
    expect(completed).toEqual(expected)
  }
})

test('a tree that is gone on with from its edge is, leaf by leaf, the one that was never left', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 4 }), { maxLength: 300 }), (contents) => {
      const tree = growTree()
      let range = EMPTY
      for (const content of contents) {
        const [whole, resumed]: [TreeNode[], TreeNode[]] = [[], []]
        tree.append(leafHash(content), (node) => whole.push(node))
        const again = growTree(range.size, ...range.hashes)
        again.append(leafHash(content), (node) => resumed.push(node))
        range = again.range()
        expect(resumed).toEqual(whole)
        expect(tree.size).toBe(range.size)
      }
      expect(tree.range()).toEqual(range)
    }),
    { numRuns: 50 },
  )
})

test('appending leaves the earlier range as it was', () => {
  const before = rangeOf(7)
  const copy = structuredClone(before)
  growTree(before.size, ...before.hashes).append(leafHash(utf8('x')))
  expect(before).toEqual(copy)
})

test.each([
  [{ size: 3, hashes: [] }],
  [{ size: 0, hashes: [emptyRoot()] }],
  [{ size: 4, hashes: [emptyRoot(), emptyRoot()] }],
  [{ size: Number.NaN, hashes: [] }],
  [{ size: 0.5, hashes: [] }],
  [{ size: 2 ** 53, hashes: [emptyRoot()] }],
])('refuses a range whose hashes do not fit: %o', (range) => {
  const refusal = expect.objectContaining({ code: 'invalid_input' })
  expect(() => rootOf(range)).toThrow(refusal)
})

test('sizes beyond 32 bits are counted right', () => {
  const size = 2 ** 40 + 2 ** 33 + 1
  const [a, b, c] = ['a', 'b', 'c'].map((name) => leafHash(utf8(name)))
  if (!a || !b || !c) throw new TypeError('three hashes')
  const completed: TreeNode[] = []
  const tree = growTree(size, a, b, c)
  tree.append(a, (node) => completed.push(node))
  expect(tree.range()).toEqual({ size: size + 1, hashes: [a, b, nodeHash(c, a)] })
  expect(completed).toEqual([{ level: 1, index: 2 ** 39 + 2 ** 32, hash: nodeHash(c, a) }])
})

describe('inclusion', () => {
  test('every leaf of every size is proven as RFC 6962 defines it', () => {
    for (const size of SIZES) {
      for (let index = 0; index < size; index += 1) {
        const claim = inclusionOf(index, size)
        expect(claim.proof).toEqual(auditPath(index, leaves.slice(0, size)))
        expect(verifyInclusion(claim), `${index} of ${size}`).toBe(true)
      }
    }
  })

  test('every spoiled proof of every leaf of every size is refused', () => {
    for (const size of SIZES) {
      for (let index = 0; index < size; index += 1) {
        const claim = inclusionOf(index, size)
        for (const proof of spoiled(claim.proof)) {
          expect(verifyInclusion({ ...claim, proof }), `${index} of ${size}`).toBe(false)
        }
      }
    }
  })

  test('every bit of every hash counts', () => {
    const claim = inclusionOf(13, 27)
    for (let bit = 0; bit < 256; bit += 1) {
      expect(verifyInclusion({ ...claim, root: flip(claim.root, bit) })).toBe(false)
      expect(verifyInclusion({ ...claim, leafHash: flip(claim.leafHash, bit) })).toBe(false)
      for (const [at, hash] of claim.proof.entries()) {
        const proof = claim.proof.with(at, flip(hash, bit))
        expect(verifyInclusion({ ...claim, proof })).toBe(false)
      }
    }
  })

  test('no proof holds for another leaf, index or root', () => {
    for (const size of SIZES.slice(1, 34)) {
      for (let index = 0; index < size; index += 1) {
        const claim = inclusionOf(index, size)
        for (let other = 0; other < size; other += 1) {
          if (other === index) continue
          expect(verifyInclusion({ ...claim, index: BigInt(other) })).toBe(false)
          const leaf = leafHash(leaves[other] ?? hex(''))
          expect(verifyInclusion({ ...claim, leafHash: leaf })).toBe(false)
        }
        expect(verifyInclusion({ ...claim, root: rootOf(rangeOf(size + 1)) })).toBe(false)
      }
    }
  })

  test.each<[string, Partial<InclusionInput>]>([
    ['an index of the size', { index: 8n }],
    ['a negative index', { index: -1n }],
    ['an empty tree', { size: 0n, index: 0n }],
    ['a negative size', { size: -8n }],
    ['a size of too many bits', { size: 2n ** 64n }],
    ['a monstrous size', { size: 10n ** 10_000n }],
    ['a short root', { root: hex('00') }],
    ['a short leaf', { leafHash: hex('00') }],
    ['hashes that are no bytes', { proof: JSON.parse(`["${'x'.repeat(32)}"]`) }],
  ])('%s proves nothing', (_, change) => {
    expect(verifyInclusion({ ...inclusionOf(3, 8), ...change })).toBe(false)
  })

  test('a node cannot pass for a leaf', () => {
    const claim = inclusionOf(0, 8)
    const [first, ...rest] = claim.proof
    if (first === undefined) throw new TypeError('no proof')
    const forged = {
      ...claim,
      leafHash: nodeHash(claim.leafHash, first),
      size: 4n,
      proof: rest,
    }
    // The path fits: what keeps this apart is that leaves are hashed with another prefix.
    expect(verifyInclusion(forged)).toBe(true)
    const asLeaf = leafHash(Uint8Array.of(...claim.leafHash, ...first))
    expect(verifyInclusion({ ...forged, leafHash: asLeaf })).toBe(false)
  })

  test.each([
    [5, 5],
    [0, 0],
    [-1, 5],
    [1.5, 5],
    [0, Number.NaN],
    [0, 2 ** 53],
  ])('there is no path for leaf %d of %d', (index, size) => {
    expect(() => inclusionPath(index, size)).toThrow(
      expect.objectContaining({ code: 'invalid_input' }),
    )
  })
})

describe('consistency', () => {
  test('every pair of sizes is proven as RFC 6962 defines it', () => {
    for (const size2 of SIZES) {
      for (let size1 = 1; size1 <= size2; size1 += 1) {
        const claim = consistencyOf(size1, size2)
        expect(claim.proof).toEqual(consistencyProof(size1, leaves.slice(0, size2)))
        expect(verifyConsistency(claim), `${size1} to ${size2}`).toBe(true)
      }
    }
  })

  test('every spoiled proof of every pair of sizes is refused', () => {
    for (const size2 of SIZES) {
      for (let size1 = 1; size1 <= size2; size1 += 1) {
        const claim = consistencyOf(size1, size2)
        for (const proof of spoiled(claim.proof)) {
          expect(verifyConsistency({ ...claim, proof }), `${size1} to ${size2}`).toBe(false)
        }
      }
    }
  })

  test('every bit of every hash counts', () => {
    for (const [size1, size2] of [
      [11, 27],
      [8, 27],
      [27, 27],
    ] as const) {
      const claim = consistencyOf(size1, size2)
      for (let bit = 0; bit < 256; bit += 1) {
        expect(verifyConsistency({ ...claim, root1: flip(claim.root1, bit) })).toBe(false)
        expect(verifyConsistency({ ...claim, root2: flip(claim.root2, bit) })).toBe(false)
        for (const [at, hash] of claim.proof.entries()) {
          const proof = claim.proof.with(at, flip(hash, bit))
          expect(verifyConsistency({ ...claim, proof })).toBe(false)
        }
      }
    }
  })

  test('a tree with one earlier leaf changed is not the same tree grown', () => {
    for (const [size1, size2] of [
      [1, 2],
      [4, 9],
      [6, 8],
      [33, 64],
    ] as const) {
      const changed = leaves.with(size1 - 1, utf8('changed')).slice(0, size2)
      const claim = {
        ...consistencyOf(size1, size2),
        root2: treeHash(changed),
        proof: consistencyProof(size1, changed),
      }
      expect(verifyConsistency(claim)).toBe(false)
    }
  })

  test('no proof holds between other sizes', () => {
    for (const size2 of SIZES.slice(1, 34)) {
      for (let size1 = 1; size1 < size2; size1 += 1) {
        const claim = consistencyOf(size1, size2)
        const other = size1 + 1 === size2 ? size1 - 1 : size1 + 1
        expect(verifyConsistency({ ...claim, size1: BigInt(other) })).toBe(false)
        expect(verifyConsistency({ ...claim, root1: rootOf(rangeOf(other)) })).toBe(false)
      }
    }
  })

  test('nothing is proven about the empty tree', () => {
    const claim = { size1: 0n, root1: emptyRoot(), proof: [] }
    expect(verifyConsistency({ ...claim, size2: 0n, root2: emptyRoot() })).toBe(false)
    expect(verifyConsistency({ ...claim, size2: 5n, root2: rootOf(rangeOf(5)) })).toBe(false)
  })

  test.each<[string, Partial<ConsistencyInput>]>([
    ['a tree that shrank', { size1: 9n }],
    ['a negative size', { size1: -1n }],
    ['a size of too many bits', { size2: 2n ** 64n }],
    ['a monstrous size', { size2: 10n ** 10_000n }],
    ['a short root', { root1: hex('00') }],
    ['equal sizes with different roots', { size1: 8n }],
    ['hashes that are no bytes', { proof: JSON.parse(`["${'x'.repeat(32)}"]`) }],
  ])('%s proves nothing', (_, change) => {
    expect(verifyConsistency({ ...consistencyOf(3, 8), ...change })).toBe(false)
  })

  test('equal sizes need equal roots and no hash at all', () => {
    const claim = consistencyOf(8, 8)
    expect(verifyConsistency(claim)).toBe(true)
    expect(verifyConsistency({ ...claim, proof: [claim.root1] })).toBe(false)
    expect(verifyConsistency({ ...claim, root2: rootOf(rangeOf(9)) })).toBe(false)
  })

  test.each([
    [0, 5],
    [6, 5],
    [-1, 5],
    [1.5, 5],
    [1, Number.NaN],
  ])('there is no path from %d to %d', (size1, size2) => {
    expect(() => consistencyPath(size1, size2)).toThrow(
      expect.objectContaining({ code: 'invalid_input' }),
    )
  })
})

test('paths of logs beyond 32 bits name perfect subtrees only', () => {
  const large = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
  fc.assert(
    fc.property(large, large, (a, b) => {
      const [small, big] = a < b ? [a, b] : [b, a]
      const paths = [consistencyPath(small, big), inclusionPath(small - 1, big)]
      for (const id of paths.flat(2)) {
        expect(Number.isSafeInteger(id.index)).toBe(true)
        expect((id.index + 1) * 2 ** id.level).toBeLessThanOrEqual(big)
      }
      expect(paths.every((path) => path.length <= 54)).toBe(true)
    }),
  )
})

test('a proof for any leaf and any earlier size of a random log holds', () => {
  const log = fc.array(fc.uint8Array({ maxLength: 8 }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(log, fc.nat(), (entries, pick) => {
      const index = pick % entries.length
      const root = treeHash(entries)
      const claim = { leafHash: leafHash(entries[index] ?? hex('')), root }
      const [at, size] = [BigInt(index), BigInt(entries.length)]
      const proof = auditPath(index, entries)
      expect(verifyInclusion({ ...claim, index: at, size, proof })).toBe(true)
      const growth = {
        size1: at + 1n,
        size2: size,
        root1: treeHash(entries.slice(0, index + 1)),
        root2: root,
        proof: consistencyProof(index + 1, entries),
      }
      expect(verifyConsistency(growth)).toBe(true)
    }),
  )
})
