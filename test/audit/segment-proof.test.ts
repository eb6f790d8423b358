import { describe, expect, test } from 'vitest'
import { segmentProof, segmentRoot } from '../../src/audit/segment-proof.ts'
import { utf8 } from '../../src/base/bytes.ts'
import { leafHash, verifyInclusion } from '../../src/crypto/merkle.ts'
import { auditPath, treeHash } from '../crypto/naive-tree.ts'

const SIZES = [1, 2, 3, 4, 5, 7, 8, 13, 64, 100, 255, 256] as const

function entries(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => JSON.stringify({ at, text: 'é'.repeat(at % 5) }))
}

describe('the root of a segment', () => {
  test.for(SIZES)('of %i entries is that of the tree over their bytes', (count) => {
    expect(segmentRoot(entries(count))).toEqual(treeHash(entries(count).map(utf8)))
  })

  test('without entries is that of the empty tree', () => {
    expect(segmentRoot([])).toEqual(treeHash([]))
  })

  test('is over each entry by itself, whatever it holds', () => {
    for (const texts of [['a\0b'], ['a', '\0b'], ['a\0', 'b'], ['\0'], ['', '"\u20ac"']])
      expect(segmentRoot(texts)).toEqual(treeHash(texts.map(utf8)))
  })
})

describe('the proof of an entry', () => {
  test.for(SIZES)('leads to the root from every place among %i', (count) => {
    const all = entries(count)
    const leaves = all.map(utf8)
    const root = segmentRoot(all)
    for (const [position, leaf] of leaves.entries()) {
      const proof = segmentProof(all, position)
      expect(proof).toEqual(auditPath(position, leaves))
      const claim = { index: BigInt(position), size: BigInt(count), proof, root }
      expect(verifyInclusion({ ...claim, leafHash: leafHash(leaf) })).toBe(true)
      expect(verifyInclusion({ ...claim, leafHash: leafHash(utf8('another')) })).toBe(false)
    }
  })

  test('shows nothing of the others but hashes, and as few as there are levels', () => {
    const proof = segmentProof(entries(256), 77)
    expect(proof).toHaveLength(8)
    expect(proof.every(({ length }) => length === 32)).toBe(true)
  })

  test.for([-1, 3, 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'of an entry that is not there is refused: %d',
    (position) => {
      expect(() => segmentProof(entries(3), position)).toThrow(
        expect.objectContaining({ code: 'invalid_input' }),
      )
    },
  )
})
