import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Access,
  createSegments,
  encodeSegmentLeaf,
  parseAccess,
  type Segment,
} from '../../src/audit/segment.ts'
import { fromUtf8, utf8 } from '../../src/base/bytes.ts'
import { canonicalBytes } from '../../src/base/canonical.ts'
import { verifyInclusion } from '../../src/crypto/merkle.ts'
import { auditPath, treeHash } from '../crypto/naive-tree.ts'
import { access } from '../support/audit-desk.ts'

interface Entry {
  readonly salt: string
  readonly [name: string]: unknown
}

function entriesOf({ bytes }: { readonly bytes: Uint8Array }): readonly Entry[] {
  return JSON.parse(fromUtf8(bytes) ?? '')
}

function accesses(count: number): readonly Access[] {
  return Array.from({ length: count }, (_, index) =>
    access(`task ${index}`, { pseudonym: `person-${index % 7}`, head: index }),
  )
}

function createSegment(logged: readonly Access[]): Segment {
  const [segment, ...others] = createSegments(logged)
  if (segment === undefined || others.length > 0) throw new TypeError('it is not one segment')
  return segment
}

function leafHash(leaf: Uint8Array): Uint8Array {
  return treeHash([leaf])
}

describe('a segment', () => {
  test.for([1, 2, 3, 7, 8, 100, 255, 256])(
    'of %i accesses has the root of its salted entries',
    (count) => {
      const segment = createSegment(accesses(count))
      const entries = entriesOf(segment)
      expect(entries).toHaveLength(count)
      expect(segment.root).toEqual(treeHash(entries.map((entry) => canonicalBytes(entry))))
      expect(segment.bytes).toEqual(canonicalBytes(entries))
    },
  )

  test('keeps what was accessed, by whom, why and when, and nothing else', () => {
    const [full, bare] = entriesOf(
      createSegment([
        access('ticket-7', { action: 'refused', reasons: ['role', 'not_asked'] }),
        { ...access('x'), ...{ task: undefined } } as unknown as Access,
      ]),
    )
    expect(full).toEqual({
      v: 1,
      salt: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
      subject: 'q83vASNFZ4mrze8BI0VniQ',
      actor: 'staff:ida',
      roles: ['agent'],
      purpose: 'support',
      action: 'refused',
      record: 'contact',
      classes: [1],
      head: 3,
      at: 1_795_251_600_000,
      task: 'ticket-7',
      reasons: ['role', 'not_asked'],
    })
    expect(Object.keys(bare ?? {})).not.toContain('task')
    expect(Object.keys(bare ?? {})).not.toContain('reasons')
  })

  test('salts every entry by itself: the same access twice has nothing in common', () => {
    const segment = createSegment(Array.from({ length: 256 }, () => access('same')))
    const entries = entriesOf(segment)
    expect(new Set(entries.map(({ salt }) => salt)).size).toBe(256)
    const hashes = entries.map((entry) =>
      Buffer.from(leafHash(canonicalBytes(entry))).toString('hex'),
    )
    expect(new Set(hashes).size).toBe(256)
    const again = createSegment(Array.from({ length: 256 }, () => access('same')))
    expect(again.root).not.toEqual(segment.root)
  })

  test('proves one entry by its path, and shows of the others only hashes', () => {
    const segment = createSegment(accesses(13))
    const leaves = entriesOf(segment).map((entry) => canonicalBytes(entry))
    for (const [index, leaf] of leaves.entries()) {
      const proof = auditPath(index, leaves)
      const claim = { index: BigInt(index), size: 13n, proof, root: segment.root }
      expect(verifyInclusion({ ...claim, leafHash: leafHash(leaf) })).toBe(true)
      expect(proof.every((hash) => hash.length === 32)).toBe(true)
      const changed = utf8((fromUtf8(leaf) ?? '').replace('support', 'suppost'))
      expect(verifyInclusion({ ...claim, leafHash: leafHash(changed) })).toBe(false)
    }
  })

  test('hides what is not shown: who knows all of an entry but its salt cannot tell it', () => {
    const [secret, shown] = [access('of somebody else'), access('of mine')]
    const segment = createSegment([secret, shown])
    const leaves = entriesOf(segment).map((entry) => canonicalBytes(entry))
    const [sibling] = auditPath(1, leaves)
    const { salt: _, ...known } = entriesOf(segment)[0] ?? { salt: '' }
    const guesses = [known, { ...known, salt: '' }, { ...known, salt: 'A'.repeat(22) }]
    for (const guess of guesses) expect(leafHash(canonicalBytes(guess))).not.toEqual(sibling)
  })
})

describe('segments', () => {
  test('are canonical JSON, whatever the texts', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 12 })
    const logged: fc.Arbitrary<Access> = fc.record({
      pseudonym: text,
      actor: fc.record({ id: text, roles: fc.array(text, { maxLength: 3 }) }),
      purpose: text,
      action: fc.constantFrom('read', 'find', 'list', 'refused'),
      record: text,
      classes: fc.array(fc.nat(65_535), { maxLength: 4 }),
      head: fc.nat(),
      at: fc.nat(2 ** 50),
    })
    fc.assert(
      fc.property(fc.array(logged, { minLength: 1, maxLength: 5 }), (all) => {
        const segment = createSegment(all)
        const entries = entriesOf(segment)
        expect(segment.bytes).toEqual(canonicalBytes(entries))
        expect(segment.root).toEqual(treeHash(entries.map((entry) => canonicalBytes(entry))))
        const read = entries.map((entry) => parseAccess(JSON.stringify(entry)))
        expect(segment.accesses).toEqual(all)
        expect(read.map(({ salt: _, at: __, ...rest }) => rest)).toEqual(
          all.map(({ at: _, ...rest }) => rest),
        )
      }),
    )
  })

  test('hold 256 accesses at most, in order', () => {
    const segments = createSegments(accesses(600))
    expect(segments.map((segment) => segment.accesses.length)).toEqual([256, 256, 88])
    const tasks = segments.flatMap((segment) => segment.accesses.map(({ task }) => task))
    expect(tasks).toEqual(accesses(600).map(({ task }) => task))
    expect(createSegments([])).toEqual([])
  })

  test('fit into a row, however long the texts are', () => {
    const actor = { id: '\u20ac'.repeat(256), roles: ['\u20ac'.repeat(256), '\u0000'.repeat(256)] }
    const segments = createSegments(accesses(256).map((one) => ({ ...one, actor })))
    expect(segments.length).toBeGreaterThan(1)
    for (const { bytes } of segments) expect(bytes.length).toBeLessThan(512 * 1_024 - 64)
    expect(segments.flatMap((segment) => segment.accesses)).toHaveLength(256)
  })

  test('begin no earlier than the log ended, and never go back', () => {
    const times = [50, 40, 60, 10, 60, 70]
    const [segment] = createSegments(
      times.map((at) => access('x', { at })),
      55,
    )
    if (segment === undefined) throw new TypeError('there is no segment')
    expect(entriesOf(segment).map(({ at }) => at)).toEqual([55, 55, 60, 60, 60, 70])
    expect(segment.at).toBe(70)
  })
})

describe('the leaf of a segment', () => {
  const tag = (message: Uint8Array): Uint8Array => treeHash([message])
  const root = new Uint8Array(32).fill(1)

  test('commits to the root, the writer and the place', () => {
    const places = [
      { writer: 0, index: 0, root },
      { writer: 0, index: 1, root },
      { writer: 1, index: 0, root },
      { writer: 1, index: 11, root },
      { writer: 11, index: 1, root },
      { writer: 0, index: 0, root: new Uint8Array(32) },
    ]
    const leaves = places.map((place) => fromUtf8(encodeSegmentLeaf(tag, place)))
    expect(new Set(leaves).size).toBe(places.length)
    expect(JSON.parse(leaves[0] ?? '')).toEqual({
      v: 1,
      b: Buffer.from(root).toString('base64url'),
      s: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
    })
  })
})
