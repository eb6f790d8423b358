import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { equalBytes, utf8 } from '../../src/base/bytes.ts'
import { readCheckpoint } from '../../src/crypto/checkpoint.ts'
import { type Log, NODE_LEVELS } from '../../src/ledger/log.ts'
import type { LogHead } from '../../src/ledger/log-head.ts'
import { parseNote, verifyNote } from '../../src/crypto/note.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import { treeHash } from '../crypto/naive-tree.ts'
import { fixedKey } from '../support/fixed-key.ts'
import { fixedLog } from '../support/fixed-log.ts'

const ORIGIN = 'privity/00112233445566778899aabbccddeeff'
const { log: KEYS } = createKeyspace('0123456789abcdef')

function openLog(): Promise<Log> {
  return fixedLog(KEYS, ORIGIN)
}

function leavesOf(from: number, count: number): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, offset) => utf8(`leaf ${from + offset}`))
}

/** A log that is told in batches of these sizes, with the rows that each append gave. */
async function grow(
  log: Log,
  sizes: readonly number[],
): Promise<{ readonly head: LogHead; readonly rows: ReadonlyMap<string, Uint8Array> }> {
  const rows = new Map<string, Uint8Array>()
  let head = await log.head(undefined)
  for (const [index, size] of sizes.entries()) {
    const leaves = leavesOf(head.range.size, size)
    const appended = await log.append(head, { leaves, at: index, state: { batch: index } })
    for (const [key, value] of appended.put) {
      // Leaves and nodes are written once; only the head is replaced.
      if (key !== KEYS.head) expect(rows.has(key)).toBe(false)
      rows.set(key, value)
    }
    head = appended.head
  }
  return { head, rows }
}

/** Every row that a log of these leaves has beside its head, computed the slow way. */
function expectedRows(leaves: readonly Uint8Array[]): ReadonlyMap<string, Uint8Array> {
  const rows = new Map(leaves.map((leaf, index) => [KEYS.leaf(index), leaf]))
  for (let level = NODE_LEVELS; 2 ** level <= leaves.length; level += NODE_LEVELS) {
    const width = 2 ** level
    for (let index = 0; (index + 1) * width <= leaves.length; index += 1) {
      const subtree = leaves.slice(index * width, (index + 1) * width)
      rows.set(KEYS.node(level, index), treeHash(subtree))
    }
  }
  return rows
}

describe('a log', () => {
  test('has the rows and the root of RFC 6962, however it was told its leaves', async () => {
    const sizes = fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 9 })
    await fc.assert(
      fc.asyncProperty(sizes, async (batches) => {
        const { head, rows } = await grow(await openLog(), batches)
        const leaves = leavesOf(
          0,
          batches.reduce((sum, size) => sum + size, 0),
        )
        expect(head.range.size).toBe(leaves.length)
        const { text } = parseNote(head.note) ?? { text: '' }
        expect(readCheckpoint(text)).toEqual({
          origin: ORIGIN,
          size: leaves.length,
          root: treeHash(leaves),
        })
        const others = new Map([...rows].filter(([key]) => key !== KEYS.head))
        expect(others).toEqual(expectedRows(leaves))
      }),
      { numRuns: 150, seed: 20_261_121 },
    )
  })

  test('goes over every level that is stored', async () => {
    const { head, rows } = await grow(await openLog(), [255, 1, 3_839, 1, 5])
    const leaves = leavesOf(0, 4_101)
    expect(
      equalBytes(rows.get(KEYS.node(12, 0)) ?? new Uint8Array(0), treeHash(leaves.slice(0, 4_096))),
    ).toBe(true)
    expect(readCheckpoint(parseNote(head.note)?.text ?? '')?.root).toEqual(treeHash(leaves))
    expect([...rows.keys()].filter((key) => key.startsWith(KEYS.nodes))).toHaveLength(256 + 16 + 1)
  })

  test('signs the size that it has, under its own name', async () => {
    const { head } = await grow(await openLog(), [3])
    const parsed = parseNote(head.note)
    if (parsed === undefined) throw new TypeError('the note does not parse')
    const { publicKey } = await fixedKey(1)
    expect(await verifyNote(parsed, [{ name: ORIGIN, publicKey }])).toBe(true)
    expect(parsed.signatures.map(({ name }) => name)).toEqual([ORIGIN])
  })

  test('is read back by another instance, and goes on from there', async () => {
    const { rows } = await grow(await openLog(), [5, 20])
    const other = await openLog()
    const head = await other.head(rows.get(KEYS.head))
    expect(head).toMatchObject({ range: { size: 25 }, at: 1, state: { batch: 1 } })
    const appended = await other.append(head, { leaves: leavesOf(25, 10), at: 9, state: {} })
    const text = parseNote(appended.head.note)?.text ?? ''
    expect(readCheckpoint(text)?.root).toEqual(treeHash(leavesOf(0, 35)))
  })

  test('is empty where there is no head', async () => {
    expect(await (await openLog()).head(undefined)).toEqual({
      range: { size: 0, hashes: [] },
      generation: 0,
      note: '',
      at: 0,
      state: {},
    })
  })

  test('never goes back in time', async () => {
    const log = await openLog()
    const first = await log.append(await log.head(undefined), { leaves: [], at: 100, state: {} })
    const second = await log.append(first.head, { leaves: leavesOf(0, 1), at: 50, state: {} })
    expect(second.head.at).toBe(100)
  })

  test('keys its rows so that their order is that of their numbers', () => {
    const numbers = [0, 1, 15, 16, 255, 256, 65_536, 2 ** 32, 2 ** 40]
    const keys = numbers.map((index) => KEYS.leaf(index))
    expect(keys.toSorted()).toEqual(keys)
    expect(new Set(keys.map(({ length }) => length)).size).toBe(1)
  })
})
