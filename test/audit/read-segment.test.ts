import { describe, expect, test } from 'vitest'
import { isLeafOf, openSegment, readSegment, readSegments } from '../../src/audit/read-segment.ts'
import { parseAccess } from '../../src/audit/segment.ts'
import { segmentProof } from '../../src/audit/segment-proof.ts'
import { utf8 } from '../../src/base/bytes.ts'
import { leafHash, verifyInclusion } from '../../src/crypto/merkle.ts'
import { collect, refusal } from '../support/acme.ts'
import { access, type Desk, openDesk } from '../support/audit-desk.ts'

/** Two segments: the first of three accesses, the second of one. */
async function openTwo(): Promise<Desk> {
  const desk = await openDesk()
  await desk.audit.record(access('zero'))
  await Promise.all(['a', 'b', 'c'].map((task) => desk.audit.record(access(task))))
  return desk
}

function rowOf({ data }: Desk, key: string): Uint8Array {
  const row = data.rows.get(key)
  if (row === undefined) throw new TypeError('the row is not there')
  return row
}

const PLACE = { writer: 0, index: 1 }
const INCONSISTENT = {
  code: 'ledger_inconsistent',
  details: { origin: 'privity/00112233445566778899aabbccddeeff/access/0', kind: 'segment' },
}

describe('a segment that is read', () => {
  test('gives its entries as they were hashed, each provable by itself', async () => {
    const { deps } = await openTwo()
    const { entries, root } = await readSegment(deps, PLACE)
    expect(entries.map((text) => parseAccess(text))).toMatchObject(
      ['a', 'b', 'c'].map((task) => access(task)),
    )
    for (const [position, text] of entries.entries()) {
      const proof = segmentProof(entries, position)
      const claim = { index: BigInt(position), size: BigInt(entries.length), proof, root }
      expect(verifyInclusion({ ...claim, leafHash: leafHash(utf8(text)) })).toBe(true)
    }
  })

  test('has the leaf of its own place, and of no other', async () => {
    const desk = await openTwo()
    const { root } = openSegment(desk, PLACE, rowOf(desk, desk.keyspace.segment(0, 1)))
    const leaf = rowOf(desk, desk.keyspace.writer(0).leaf(1))
    expect(isLeafOf(desk, leaf, { ...PLACE, root })).toBe(true)
    expect(isLeafOf(desk, leaf, { writer: 0, index: 0, root })).toBe(false)
    expect(isLeafOf(desk, leaf, { writer: 1, index: 1, root })).toBe(false)
    expect(isLeafOf(desk, leaf, { ...PLACE, root: new Uint8Array(32) })).toBe(false)
  })

  test('comes with others of one snapshot, in the order asked for', async () => {
    const { deps } = await openTwo()
    const segments = await collect(readSegments(deps, 0, [1, 0]))
    expect(segments.map(({ writer, index, entries }) => [writer, index, entries.length])).toEqual([
      [0, 1, 3],
      [0, 0, 1],
    ])
  })

  test('is refused when it, or its leaf, is missing', async () => {
    const desk = await openTwo()
    expect(await refusal(readSegment(desk.deps, { writer: 0, index: 2 }))).toEqual(INCONSISTENT)
    desk.data.rows.delete(desk.keyspace.writer(0).leaf(1))
    expect(await refusal(readSegment(desk.deps, PLACE))).toEqual(INCONSISTENT)
    expect(await refusal(collect(readSegments(desk.deps, 0, [0, 1])))).toEqual(INCONSISTENT)
  })

  test('is refused when its leaf commits to another', async () => {
    const desk = await openTwo()
    const leaves = desk.keyspace.writer(0)
    desk.data.rows.set(leaves.leaf(1), rowOf(desk, leaves.leaf(0)))
    expect(await refusal(readSegment(desk.deps, PLACE))).toEqual(INCONSISTENT)
  })

  test('is refused for every byte that was changed in it', async () => {
    const desk = await openTwo()
    const sealed = rowOf(desk, desk.keyspace.segment(0, 1))
    for (let at = 1; at < sealed.length; at += 7) {
      const changed = sealed.slice()
      changed[at] = (changed[at] ?? 0) ^ 0x10
      expect(await refusal(() => openSegment(desk, PLACE, changed))).toMatchObject({
        code: 'decryption_failed',
      })
    }
    expect(await refusal(() => openSegment(desk, { writer: 0, index: 0 }, sealed))).toMatchObject({
      code: 'decryption_failed',
    })
  })
})
