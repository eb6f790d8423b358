import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createSegments, encodeSegmentLeaf } from '../../src/audit/segment.ts'
import { fromUtf8, utf8 } from '../../src/base/bytes.ts'
import { hmacSha256 } from '../../src/crypto/hash.ts'
import { createClassKey } from '../../src/keys/class-key.ts'
import {
  commitmentOf,
  createBody,
  encodeLeaf,
  LEAF_LENGTH,
  leafTag,
  parseLeaf,
  type PersonEntry,
  splitBody,
} from '../../src/ledger/entry.ts'
import { createLog } from '../../src/ledger/log.ts'
import type { Change } from '../../src/storage/participant.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import { fixedSigners } from '../support/fixed-log.ts'
import { withRandom } from '../support/fixed-random.ts'
import { type LedgerVectorFile, ledgerVectors } from '../support/ledger-vectors.ts'

const FILE: LedgerVectorFile = JSON.parse(
  readFileSync(new URL('../vectors/ledger-v1.json', import.meta.url), 'utf8'),
)

function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'))
}

const KEY = createClassKey(new Uint8Array(8), hex(FILE.keys.classSecret))
const CHANGE: Change<PersonEntry> = {
  put: FILE.body.put.map(([key, value]) => [key, utf8(value)]),
  del: FILE.body.del,
  entry: {
    kind: 'person',
    bodyKey: 'unused',
    sequence: FILE.body.place.sequence,
    at: FILE.body.at,
    event: FILE.body.event,
    replaces: utf8(FILE.body.replaces),
    tag: KEY.tag,
    seal: (body) => body,
  },
}

describe('the frozen vectors', () => {
  test('are those that were assembled without this library', () => {
    expect(FILE).toEqual(ledgerVectors())
  })

  test('are what a body is written as', async () => {
    const body = await withRandom(hex(FILE.keys.random), () => createBody(CHANGE, FILE.body.place))
    const { secret, body: json } = splitBody(body.bytes)
    expect(fromUtf8(json)).toBe(FILE.body.text)
    expect(secret).toEqual(hex(FILE.body.secret))
    expect(body.commitment).toEqual(hex(FILE.body.commitment))
    expect(commitmentOf(secret, json)).toEqual(body.commitment)
  })

  test('are what a leaf is written as', () => {
    const leaf = encodeLeaf(KEY.tag, FILE.leaf.sequence, hex(FILE.leaf.commitment))
    expect(fromUtf8(leaf)).toBe(FILE.leaf.text)
  })

  test('are what a segment and its leaf are written as', async () => {
    const { accesses, writer, index } = FILE.segment
    const [segment] = await withRandom(hex(FILE.keys.random), () => createSegments(accesses))
    if (segment === undefined) throw new Error('no segment')
    expect(fromUtf8(segment.bytes)).toBe(FILE.segment.text)
    expect(segment.root).toEqual(hex(FILE.segment.root))
    const leaf = encodeSegmentLeaf(KEY.tag, { writer, index, root: segment.root })
    expect(fromUtf8(leaf)).toBe(FILE.segment.leaf)
  })

  test('are what a head is written as', async () => {
    const { origin, leaves, at, state, text, note } = FILE.head
    const { log: keys } = createKeyspace('0123456789abcdef')
    const signers = await fixedSigners(FILE.keys.signingSeed)
    const log = createLog({ origin, keys, signers, mac: KEY.tag })
    const before = await log.head(undefined)
    const { head, put } = await log.append(before, { leaves: leaves.map(utf8), at, state })
    expect(head.note).toBe(note)
    expect(fromUtf8(put.find(([key]) => key === keys.head)?.[1] ?? new Uint8Array(0))).toBe(text)
  })
})

describe('a body', () => {
  test('commits to every byte of itself and of its secret', () => {
    const { bytes, commitment } = createBody(CHANGE, FILE.body.place)
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = bytes.slice()
      changed[at] = (changed[at] ?? 0) ^ 1
      const { secret, body } = splitBody(changed)
      expect(commitmentOf(secret, body)).not.toEqual(commitment)
    }
  })

  test('is committed to differently each time, so that nobody can guess it', () => {
    const [one, other] = [createBody(CHANGE, FILE.body.place), createBody(CHANGE, FILE.body.place)]
    expect(one.commitment).not.toEqual(other.commitment)
    expect(splitBody(one.bytes).body).toEqual(splitBody(other.bytes).body)
    expect(splitBody(one.bytes).secret).toHaveLength(32)
  })

  test('of a first operation replaces nothing', () => {
    const { entry, ...rest } = CHANGE
    const first = { ...rest, entry: { ...entry, replaces: undefined } }
    const json = fromUtf8(splitBody(createBody(first, FILE.body.place).bytes).body) ?? ''
    expect(JSON.parse(json).replaces).toBeNull()
  })

  test('about no person replaces nothing, and names its rows all the same', () => {
    const entry = { kind: 'controller', at: 5, event: { type: 'x' } } as const
    const body = createBody({ ...CHANGE, entry }, FILE.body.place)
    const json = JSON.parse(fromUtf8(splitBody(body.bytes).body) ?? '')
    expect(json).toMatchObject({ replaces: null, at: 5, event: { type: 'x' } })
    expect(json.rows).toEqual(JSON.parse(FILE.body.text).rows)
  })
})

describe('a leaf', () => {
  test('shows nothing of whom or what it is about', () => {
    const { commitment } = createBody(CHANGE, FILE.body.place)
    const text = fromUtf8(encodeLeaf(KEY.tag, 12, commitment)) ?? ''
    expect(Object.keys(JSON.parse(text))).toEqual(['b', 's', 'v'])
    expect(text).not.toContain('registered')
    expect(text).toHaveLength(FILE.leaf.text.length)
  })

  test('differs for every person and every operation', () => {
    const other = createClassKey(new Uint8Array(8), new Uint8Array(32).fill(1))
    const commitment = hex(FILE.leaf.commitment)
    const texts = [KEY, other].flatMap((key) =>
      [1, 2, 12].map((sequence) => fromUtf8(encodeLeaf(key.tag, sequence, commitment))),
    )
    expect(new Set(texts).size).toBe(6)
  })
})

describe('reading a leaf', () => {
  const tag = (message: Uint8Array): Uint8Array => hmacSha256(new Uint8Array(32), message)
  const leaf = encodeLeaf(tag, 3, new Uint8Array(32).fill(9))

  test('gives back its two digests', () => {
    expect(parseLeaf(leaf)).toEqual({
      s: leafTag(tag, 3),
      b: Buffer.alloc(32, 9).toString('base64url'),
    })
    expect(leaf).toHaveLength(LEAF_LENGTH)
  })

  test('takes one spelling only', () => {
    const text = new TextDecoder().decode(leaf)
    const others = [
      text.replace('"v":1', '"v":2'),
      text.replace('{"b"', '{ "b"'),
      text.replace(/.",/, 'B",'),
      text.replace(/..",/, '=",'),
      text.slice(1),
      `${text} `,
      '',
    ]
    for (const other of others)
      expect(parseLeaf(new TextEncoder().encode(other)), other).toBeUndefined()
  })
})
