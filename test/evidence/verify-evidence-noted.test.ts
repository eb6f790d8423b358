import { expect, test } from 'vitest'
import { verifyEvidence } from 'privity/verify'
import { memoryStore } from '../../src/adapters/memory.ts'
import { toBase64url, utf8 } from '../../src/base/bytes.ts'
import { canonicalBytes } from '../../src/base/canonical.ts'
import { hmacSha256 } from '../../src/crypto/hash.ts'
import { signNote, toVerifierKey } from '../../src/crypto/note.ts'
import { exportLog } from '../../src/evidence/export-log.ts'
import { formatManifest } from '../../src/evidence/manifest.ts'
import { tarEnd, tarFile } from '../../src/evidence/tar.ts'
import { commitmentOf, encodeLeaf } from '../../src/ledger/entry.ts'
import type { LogHead } from '../../src/ledger/log-head.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import { collect } from '../support/acme.ts'
import { leafOf } from '../support/evidence.ts'
import { fixedKey } from '../support/fixed-key.ts'
import { FIXED_ORIGIN, fixedLog } from '../support/fixed-log.ts'

const { log: KEYS } = createKeyspace('0123456789abcdef')
const KEY = new Uint8Array(32).fill(3)
const SECRET = new Uint8Array(32).fill(4)

interface Made {
  readonly head: LogHead
  /** Its files, with the bodies that are disclosed, by index. */
  files(folder: string, bodies?: readonly object[]): Promise<readonly Uint8Array[]>
}

async function makeLog(origin: string, leaves: readonly Uint8Array[]): Promise<Made> {
  const log = await fixedLog(KEYS, origin)
  const { head, put } = await log.append(await log.head(undefined), { leaves, at: 1, state: {} })
  const store = memoryStore()
  await store.open()
  await store.commit({ checks: [], put, del: [] })
  const exported = { store, log, head, signal: undefined, onProgress: undefined }
  return {
    head,
    files: (folder, bodies = []) => {
      async function* bodiesOf() {
        for (const [index, body] of bodies.entries())
          yield { index, contents: canonicalBytes({ body, secret: toBase64url(SECRET) }) }
      }
      return collect(exportLog({ ...exported, folder }, { bodiesOf, close: async () => undefined }))
    },
  }
}

const SHARD = `${FIXED_ORIGIN}/shard/1`

/** A further log, and what the main log was told of it. */
async function judge(shard: Made, note: string): Promise<unknown> {
  const event = { type: 'shard.noted', shard: 1, note }
  const body = { v: 1, index: 0, sequence: 0, rows: [], event }
  const commitment = commitmentOf(SECRET, canonicalBytes(body))
  const leaf = encodeLeaf((message) => hmacSha256(KEY, message), 0, commitment)
  const main = await makeLog(FIXED_ORIGIN, [leaf])
  const text = formatManifest({
    origin: FIXED_ORIGIN,
    sizes: [1, shard.head.range.size],
    exportedAt: '2026-11-22T00:00:00.000Z',
    verifierKeys: [],
    jwks: { keys: [] },
    controllerKey: KEY,
    subjects: [],
  })
  const signer = await fixedKey(1)
  const files = [
    tarFile('manifest', utf8(await signNote(text, FIXED_ORIGIN, signer))),
    ...(await main.files('', [body])),
    ...(await shard.files('shard/1/')),
    tarEnd(),
  ]
  const { publicKey } = signer
  const verifierKeys = [toVerifierKey({ name: FIXED_ORIGIN, publicKey })]
  const verdict = await verifyEvidence(files, { verifierKeys })
  return verdict.ok ? 'ok' : [verdict.reason, verdict.file]
}

test('a further log contains what the main log knows of it', async () => {
  const leaves = [0, 1, 2, 3].map(leafOf)
  const noted = (await makeLog(SHARD, leaves.slice(0, 3))).head.note
  for (const size of [3, 4])
    expect(await judge(await makeLog(SHARD, leaves.slice(0, size)), noted)).toBe('ok')
  expect(await judge(await makeLog(SHARD, leaves.slice(0, 2)), noted)).toEqual([
    'rolled_back',
    'shard/1/checkpoint',
  ])
  const other = [leafOf(9), ...leaves.slice(1)]
  expect(await judge(await makeLog(SHARD, other), noted)).toEqual([
    'forked',
    'shard/1/tile/0/000.p/4',
  ])
})
