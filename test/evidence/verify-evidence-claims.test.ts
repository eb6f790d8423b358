import { describe, expect, test, vi } from 'vitest'
import { verifyEvidence } from 'privity/verify'
import { toBase64url, utf8 } from '../../src/base/bytes.ts'
import { canonicalBytes } from '../../src/base/canonical.ts'
import { hmacSha256 } from '../../src/crypto/hash.ts'
import { signNote, toVerifierKey } from '../../src/crypto/note.ts'
import { exportLog } from '../../src/evidence/export-log.ts'
import { formatManifest, type Manifest } from '../../src/evidence/manifest.ts'
import { tarEnd, tarFile } from '../../src/evidence/tar.ts'
import { memoryStore } from '../../src/adapters/memory.ts'
import { commitmentOf, encodeLeaf } from '../../src/ledger/entry.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import { collect } from '../support/acme.ts'
import { bareLog } from '../support/evidence.ts'
import { fixedKey } from '../support/fixed-key.ts'
import { FIXED_ORIGIN, fixedLog } from '../support/fixed-log.ts'

const { log: KEYS } = createKeyspace('0123456789abcdef')
const ID = 'a'.repeat(32)
const TAG_KEY = new Uint8Array(32).fill(3)
const SECRET = new Uint8Array(32).fill(4)

/** One entry of a log whose owner lies. */
interface Told {
  /** Sequence in the tag; of nobody, if absent. */
  readonly tag?: number
  readonly body?: object | undefined
}

function bodyOf(index: number, sequence: number, rows: unknown = [[`p/${ID}`, 'x']]): object {
  return { v: 1, index, sequence, rows }
}

/** What somebody can make who has all keys, signed as it should be. */
async function tell(
  entries: readonly Told[],
  claims: Partial<Manifest> = {},
): Promise<Uint8Array[]> {
  const signer = await fixedKey(1)
  const log = await fixedLog(KEYS)
  const leaves = entries.map(({ tag, body = {} }) =>
    encodeLeaf(
      (message) => (tag === undefined ? SECRET : hmacSha256(TAG_KEY, message)),
      tag ?? 0,
      commitmentOf(SECRET, canonicalBytes(body)),
    ),
  )
  const { head, put } = await log.append(await log.head(undefined), { leaves, at: 1, state: {} })
  const store = memoryStore()
  await store.open()
  await store.commit({ checks: [], put, del: [] })
  const text = formatManifest({
    origin: FIXED_ORIGIN,
    sizes: [entries.length],
    exportedAt: '2026-11-22T00:00:00.000Z',
    verifierKeys: [],
    jwks: { keys: [] },
    subjects: [{ id: ID, tagKey: TAG_KEY, segments: 0 }],
    ...claims,
  })
  async function* bodiesOf(first: number, parsed: readonly unknown[]) {
    for (const [at] of parsed.entries()) {
      const body = entries[first + at]?.body
      if (body === undefined) continue
      yield { index: first + at, contents: canonicalBytes({ body, secret: toBase64url(SECRET) }) }
    }
  }
  const exported = { store, log, head, folder: '', signal: undefined, onProgress: undefined }
  return [
    tarFile('manifest', utf8(await signNote(text, FIXED_ORIGIN, signer))),
    ...(await collect(exportLog(exported, { bodiesOf, close: async () => undefined }))),
    tarEnd(),
  ]
}

async function judge(entries: readonly Told[], claims: Partial<Manifest> = {}): Promise<unknown> {
  const { publicKey } = await fixedKey(1)
  const verifierKeys = [toVerifierKey({ name: FIXED_ORIGIN, publicKey })]
  const verdict = await verifyEvidence(await tell(entries, claims), { verifierKeys })
  return verdict.ok ? verdict.evidence.subjects : [verdict.reason, verdict.index]
}

const honest: readonly Told[] = [
  {},
  { tag: 1, body: bodyOf(1, 1) },
  {},
  { tag: 2, body: bodyOf(3, 2) },
]

describe('what a log says of a person', () => {
  test('is believed when every entry is there', async () => {
    expect(await judge(honest)).toEqual([{ id: ID, entries: 2, accesses: 0 }])
  })

  test.for([
    { title: 'a body is held back', at: 3, told: { tag: 2 }, reason: ['body_missing', 3n] },
    { title: 'the first is held back', at: 1, told: { tag: 1 }, reason: ['body_missing', 1n] },
    {
      title: 'an entry is skipped',
      at: 3,
      told: { tag: 3, body: bodyOf(3, 3) },
      reason: ['entry_missing', 3n],
    },
    {
      title: 'an entry is there twice',
      at: 3,
      told: { tag: 1, body: bodyOf(3, 1) },
      // The second leaf of a sequence has nobody's tag any more, and its body nobody to be about.
      reason: ['unexpected_file', undefined],
    },
    {
      title: 'a body is of another entry',
      at: 3,
      told: { tag: 2, body: bodyOf(1, 1) },
      reason: ['body_mismatch', 3n],
    },
    {
      title: 'a body is of a later format',
      at: 3,
      told: { tag: 2, body: { ...bodyOf(3, 2), v: 2 } },
      reason: ['body_mismatch', 3n],
    },
    {
      title: 'a body is about another person',
      at: 3,
      told: { tag: 2, body: bodyOf(3, 2, [['p/0', 'x']]) },
      reason: ['body_mismatch', 3n],
    },
    {
      title: 'a body names no rows',
      at: 3,
      told: { tag: 2, body: bodyOf(3, 2, null) },
      reason: ['body_mismatch', 3n],
    },
    {
      title: 'a body of somebody else is shown',
      at: 2,
      told: { body: bodyOf(2, 1) },
      // It stands where the next one of this person is looked for.
      reason: ['body_missing', 3n],
    },
  ])('is refused when $title', async ({ at, told, reason }) => {
    expect(await judge(honest.toSpliced(at, 1, told))).toEqual(reason)
  })

  test('is refused when there is nothing, or accesses are promised that are not there', async () => {
    expect(await judge([{}, {}])).toEqual(['entry_missing', undefined])
    const subject = { id: ID, tagKey: TAG_KEY, segments: 1 }
    expect(await judge(honest, { subjects: [subject] })).toEqual(['access_missing', undefined])
  })
})

describe('what a log says of its controller', () => {
  const entries: readonly Told[] = [0, 1, 2].map((at) => ({ tag: at, body: bodyOf(at, at) }))
  const claims = { subjects: [], controllerKey: TAG_KEY }

  test('is believed when every entry is there', async () => {
    expect(await judge(entries, claims)).toEqual([])
    expect(await judge(entries.toSpliced(1, 0, {}), claims)).toEqual(['body_mismatch', 2n])
  })

  test('is refused when one is held back, wherever it is, or none is shown', async () => {
    for (const at of [0, 1, 2])
      expect(await judge(entries.toSpliced(at, 1, { tag: at }), claims)).toEqual([
        'body_missing',
        BigInt(at),
      ])
    const skipped = [
      { tag: 0, body: bodyOf(0, 0) },
      { tag: 2, body: bodyOf(1, 2) },
    ]
    expect(await judge(skipped, claims)).toEqual(['entry_missing', 1n])
    const ofNobody = { subjects: [], controllerKey: new Uint8Array(32) }
    expect(await judge([{}, {}], ofNobody)).toEqual(['entry_missing', undefined])
    expect(await judge(entries, { subjects: [] })).toEqual(['unexpected_file', undefined])
  })

  test('is refused when the key is that of a person', async () => {
    expect(await judge(honest, claims)).toEqual(['entry_missing', 1n])
  })

  test('is refused with a size or a name that is not signed', async () => {
    expect(await judge(honest, { sizes: [3] })).toEqual(['malformed', undefined])
    expect(await judge(honest, { sizes: [4, 1] })).toEqual(['unexpected_file', undefined])
    expect(await judge(honest, { origin: 'other' })).toEqual(['unknown_key', undefined])
  })
})

describe('the cost of verifying', () => {
  test('grows with the log and no faster', async () => {
    const module = process.getBuiltinModule('node:crypto')
    const hash = vi.spyOn(module, 'hash')
    const counts: number[] = []
    for (const size of [2_560, 25_600]) {
      const log = await bareLog()
      await log.grow(size)
      const pieces = await collect(log.export())
      hash.mockClear()
      expect((await verifyEvidence(pieces, { verifierKeys: log.keys })).ok).toBe(true)
      counts.push(hash.mock.calls.length)
    }
    hash.mockRestore()
    const [few = 0, many = 0] = counts
    expect(few).toBeGreaterThan(2 * 2_560)
    expect(many).toBeLessThan(10.1 * few)
  })

  test('does not begin for a file that is longer than it can be', async () => {
    const header = tarFile('manifest', new Uint8Array(2_000_000)).slice(0, 512)
    let read = 0
    function* endless(): Generator<Uint8Array> {
      yield header
      for (;;) {
        read += 1
        yield new Uint8Array(65_536)
      }
    }
    expect(await verifyEvidence(endless(), { verifierKeys: [] })).toEqual({
      ok: false,
      reason: 'malformed',
      file: 'manifest',
    })
    expect(read).toBe(0)
  })
})
