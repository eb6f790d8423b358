import { describe, expect, test } from 'vitest'
import { verifyEvidence } from 'privity/verify'
import { treeHash } from '../crypto/naive-tree.ts'
import { collect } from '../support/acme.ts'
import { type BareLog, bareLog, leafOf } from '../support/evidence.ts'
import { join, readTar } from '../support/tar-files.ts'

async function exported(log: BareLog): Promise<Uint8Array> {
  return join(await collect(log.export()))
}

async function logOf(size: number): Promise<BareLog> {
  const log = await bareLog()
  await log.grow(size)
  return log
}

describe('a log of any size', () => {
  test.for([0, 1, 2, 255, 256, 257, 511, 512, 1_000])('verifies with %s leaves', async (size) => {
    const log = await logOf(size)
    const verdict = await verifyEvidence(await exported(log), { verifierKeys: log.keys })
    const leaves = Array.from({ length: size }, (_, index) => leafOf(index))
    expect(verdict).toMatchObject({
      ok: true,
      evidence: {
        logs: [{ size: BigInt(size), root: treeHash(leaves) }],
        subjects: [],
        controllerEntries: 0,
      },
    })
  })

  test('verifies over two levels of tiles', { timeout: 60_000 }, async () => {
    const log = await logOf(65_537)
    const bundle = await exported(log)
    expect(await verifyEvidence(bundle, { verifierKeys: log.keys })).toMatchObject({
      ok: true,
      evidence: { logs: [{ size: 65_537n }] },
    })
    const names = readTar(bundle).map(({ name }) => name)
    expect(names.slice(0, 7)).toEqual([
      'manifest',
      'checkpoint',
      'tile/2/000.p/1',
      'tile/0/256.p/1',
      'tile/1/000',
      'tile/0/000',
      'tile/entries/000',
    ])
    expect(names.at(-1)).toBe('tile/entries/256.p/1')
  })
})
