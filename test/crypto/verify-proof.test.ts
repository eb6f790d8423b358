import { describe, expect, test } from 'vitest'
import { leafHash, verifyConsistency, verifyInclusion } from 'privity/verify'
import { auditPath, consistencyProof, treeHash } from './naive-tree.ts'

const leaves = Array.from({ length: 13 }, (_, index) => Uint8Array.of(index))
const hash = leafHash(Uint8Array.of(5))
const inclusion = {
  leafHash: hash,
  index: 5n,
  size: 13n,
  proof: auditPath(5, leaves),
  root: treeHash(leaves),
}
const consistency = {
  size1: 6n,
  size2: 13n,
  root1: treeHash(leaves.slice(0, 6)),
  root2: treeHash(leaves),
  proof: consistencyProof(6, leaves),
}
/** What no member of a claim can be. */
const WRONG: readonly unknown[] = [
  undefined,
  null,
  5,
  5.5,
  -1n,
  2n ** 70n,
  '5',
  true,
  Symbol('5'),
  {},
  [],
  [[]],
  [null],
  new Uint8Array(31),
  new Uint8Array(33),
  Array.from({ length: 1_000_000 }, () => hash),
  new Proxy([], {
    get: () => {
      throw new TypeError('no')
    },
  }),
]

describe.each([
  ['verifyInclusion', verifyInclusion, inclusion],
  ['verifyConsistency', verifyConsistency, consistency],
] as const)('%s', (_, verify, claim) => {
  const judge = verify as (claim: unknown) => boolean

  test('is true for what RFC 6962 proves', () => {
    expect(judge(claim)).toBe(true)
  })

  test('is false, and throws nothing, for every member of a wrong shape', () => {
    for (const name of Object.keys(claim)) {
      for (const wrong of WRONG) expect(judge({ ...claim, [name]: wrong }), name).toBe(false)
      const { [name as keyof typeof claim]: __, ...missing } = claim
      expect(judge(missing), name).toBe(false)
    }
    for (const wrong of WRONG) expect(judge(wrong)).toBe(false)
  })

  test('is false for sizes that are numbers', () => {
    const asNumbers = Object.fromEntries(
      Object.entries(claim).map(([name, value]) => [
        name,
        typeof value === 'bigint' ? Number(value) : value,
      ]),
    )
    expect(judge(asNumbers)).toBe(false)
  })
})

test('leafHash hashes bytes and nothing else', () => {
  expect(leafHash(Uint8Array.of(5))).toHaveLength(32)
  for (const wrong of ['5', [5], null, undefined, new ArrayBuffer(1)])
    expect(() => leafHash(wrong as never)).toThrow(TypeError)
})
