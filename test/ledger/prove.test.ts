import { describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { leafHash, verifyConsistency, verifyInclusion } from '../../src/crypto/merkle.ts'
import { type Log, NODE_LEVELS } from '../../src/ledger/log.ts'
import { consistencyProof, inclusionProof } from '../../src/ledger/prove.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import { treeHash } from '../crypto/naive-tree.ts'
import { fixedLog } from '../support/fixed-log.ts'

const LARGEST = 130
const { log: KEYS } = createKeyspace('0123456789abcdef')
const leaves = Array.from({ length: LARGEST }, (_, index) => utf8(`leaf ${index}`))
/** By size. */
const roots = Array.from({ length: LARGEST + 1 }, (_, size) => treeHash(leaves.slice(0, size)))

/** The rows of a log that was written in steps, and a count of what is read of them. */
interface Rows {
  readonly log: Log
  readonly rows: Map<string, Uint8Array>
  readonly asked: string[]
  read(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]>
}

async function logOf(size: number): Promise<Rows> {
  const log = await openLog()
  const appended = await log.append(await log.head(undefined), {
    leaves: leaves.slice(0, size),
    at: 1,
    state: {},
  })
  const rows = new Map(appended.put.map(([key, value]) => [key, value]))
  const asked: string[] = []
  async function read(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    asked.push(...keys)
    return keys.map((key) => rows.get(key)?.slice())
  }
  return { log, rows, asked, read }
}

function openLog(): Promise<Log> {
  return fixedLog(KEYS)
}

/** Against the naive tree: a verifier takes one proof only. */
function leads(index: number, size: number, proof: readonly Uint8Array[]): boolean {
  const leaf = leafHash(leaves[index] ?? new Uint8Array(0))
  const root = roots[size] ?? new Uint8Array(0)
  return verifyInclusion({ leafHash: leaf, index: BigInt(index), size: BigInt(size), proof, root })
}

function grew(size1: number, size2: number, proof: readonly Uint8Array[]): boolean {
  const [root1 = new Uint8Array(0), root2 = new Uint8Array(0)] = [roots[size1], roots[size2]]
  return verifyConsistency({ size1: BigInt(size1), size2: BigInt(size2), root1, root2, proof })
}

describe('an inclusion proof', () => {
  test('leads to the root of RFC 6962 from every leaf of every size up to 130', {
    timeout: 60_000,
  }, async () => {
    for (let size = 1; size <= LARGEST; size += 1) {
      const store = await logOf(size)
      for (let index = 0; index < size; index += 1) {
        const proof = await inclusionProof(store, store.log, { index, size })
        expect(leads(index, size, proof), `${index} of ${size}`).toBe(true)
      }
    }
  })

  test('leads to the root of an earlier size too, whatever the log has become', async () => {
    const store = await logOf(LARGEST)
    for (let size = 1; size < LARGEST; size += 1) {
      for (const index of [0, size >> 1, size - 1]) {
        const proof = await inclusionProof(store, store.log, { index, size })
        expect(leads(index, size, proof), `${index} of ${size}`).toBe(true)
      }
    }
  })

  test.for([
    [130, 131],
    [5, 5],
    [-1, 4],
    [0, 0],
    [0.5, 4],
    [0, 4.5],
    [Number.NaN, 4],
  ])('is refused for leaf %s of %s', async ([index = 0, size = 0]) => {
    const store = await logOf(LARGEST)
    await expect(inclusionProof(store, store.log, { index, size })).rejects.toMatchObject({
      code: 'invalid_input',
    })
  })

  test('is refused for a log that does not exist', async () => {
    const store = await logOf(0)
    store.rows.clear()
    await expect(inclusionProof(store, store.log, { index: 0, size: 1 })).rejects.toMatchObject({
      code: 'invalid_input',
    })
  })
})

describe('a consistency proof', () => {
  test('leads from every size up to 130 to every other', { timeout: 60_000 }, async () => {
    for (let size2 = 1; size2 <= LARGEST; size2 += 1) {
      const store = await logOf(size2)
      for (let size1 = 1; size1 <= size2; size1 += 1) {
        const proof = await consistencyProof(store, store.log, { size1, size2 })
        expect(grew(size1, size2, proof), `${size1} to ${size2}`).toBe(true)
      }
    }
  })

  test('leads to an earlier size too, whatever the log has become', async () => {
    const store = await logOf(LARGEST)
    for (let size2 = 1; size2 < LARGEST; size2 += 7) {
      for (let size1 = 1; size1 <= size2; size1 += 3) {
        const proof = await consistencyProof(store, store.log, { size1, size2 })
        expect(grew(size1, size2, proof), `${size1} to ${size2}`).toBe(true)
      }
    }
  })

  test('is empty from a log without leaves', async () => {
    const store = await logOf(9)
    expect(await consistencyProof(store, store.log, { size1: 0, size2: 9 })).toEqual([])
    expect(await consistencyProof(store, store.log, { size1: 0, size2: 0 })).toEqual([])
  })

  test.for([
    [0, 131],
    [1, 131],
    [6, 5],
    [-1, 4],
    [1.5, 4],
    [1, 4.5],
    [0, -1],
  ])('is refused from %s to %s', async ([size1 = 0, size2 = 0]) => {
    const store = await logOf(LARGEST)
    await expect(consistencyProof(store, store.log, { size1, size2 })).rejects.toMatchObject({
      code: 'invalid_input',
    })
  })
})

describe('a row that a proof needs', () => {
  const asks = [
    { title: 'of a leaf', index: 77, size: 130 },
    { title: 'of a leaf at an earlier size', index: 40, size: 99 },
  ]

  test.for(asks)('is missed and found changed, in a proof $title', async ({ index, size }) => {
    const store = await logOf(LARGEST)
    await inclusionProof(store, store.log, { index, size })
    const needed = store.asked.filter((key) => key !== KEYS.head)
    expect(needed.length).toBeGreaterThan(6)
    for (const key of needed) {
      await expectFound(store, key, () => inclusionProof(store, store.log, { index, size }))
    }
  })

  test('is missed and found changed, in a proof of consistency', async () => {
    for (const [size1, size2] of [
      [77, 130],
      [64, 99],
      [128, 128],
    ] as const) {
      const store = await logOf(LARGEST)
      await consistencyProof(store, store.log, { size1, size2 })
      for (const key of store.asked.filter((asked) => asked !== KEYS.head)) {
        await expectFound(store, key, () => consistencyProof(store, store.log, { size1, size2 }))
      }
    }
  })

  test('is one of few, however large the log', async () => {
    const log = await openLog()
    const many = Array.from({ length: 70_000 }, (_, index) => utf8(`leaf ${index}`))
    const { put } = await log.append(await log.head(undefined), { leaves: many, at: 1, state: {} })
    const rows = new Map(put)
    let asked = 0
    const store = {
      read: async (keys: readonly string[]) => {
        asked += keys.length
        return keys.map((key) => rows.get(key))
      },
    }
    expect(await inclusionProof(store, log, { index: 31_337, size: 70_000 })).toHaveLength(17)
    expect(asked).toBeLessThan(16 * Math.ceil(17 / NODE_LEVELS))
  })
})

async function expectFound(store: Rows, key: string, prove: () => Promise<unknown>): Promise<void> {
  const row = store.rows.get(key) ?? new Uint8Array(0)
  store.rows.delete(key)
  await expect(prove()).rejects.toMatchObject({
    code: 'ledger_inconsistent',
    details: { kind: key.startsWith(KEYS.leaves) ? 'leaf_missing' : 'node_missing' },
  })
  for (const wrong of [flip(row), row.slice(1), new Uint8Array(0)]) {
    store.rows.set(key, wrong)
    await expect(prove()).rejects.toMatchObject({
      code: 'ledger_inconsistent',
      details: { kind: 'root_mismatch' },
    })
  }
  store.rows.set(key, row)
}

function flip(row: Uint8Array): Uint8Array {
  return row.map((byte, index) => (index === 5 ? byte ^ 4 : byte))
}
