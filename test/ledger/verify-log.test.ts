import { beforeAll, describe, expect, test } from 'vitest'
import { type MemoryData, memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { utf8 } from '../../src/base/bytes.ts'
import type { Log } from '../../src/ledger/log.ts'
import { type Fault, type Verification, verifyLog } from '../../src/ledger/verify-log.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import type { Store } from '../../src/storage/store.ts'
import { accessorsOf, ANNA, openAcme } from '../support/acme.ts'
import { fixedLog } from '../support/fixed-log.ts'
import { hookedStore, opened } from '../support/hooked-store.ts'
import { seeded } from '../support/seeded.ts'

const { log: KEYS } = createKeyspace('0123456789abcdef')
const SIZE = 1_000
const SLOW = 60_000

type RowMap = ReadonlyMap<string, Uint8Array>

/** The rows of a log of 1,000 entries, and of the same log when it had 900. */
let whole: RowMap
let earlier: RowMap

beforeAll(async () => {
  whole = await written(SIZE)
  earlier = await written(900)
})

async function openLog(): Promise<Log> {
  return fixedLog(KEYS)
}

async function written(size: number): Promise<RowMap> {
  const log = await openLog()
  const rows = new Map<string, Uint8Array>()
  let head = await log.head(undefined)
  while (head.range.size < size) {
    const count = Math.min(37, size - head.range.size)
    const leaves = Array.from({ length: count }, (_, offset) =>
      utf8(`{"b":"entry ${head.range.size + offset}","v":1}`),
    )
    const appended = await log.append(head, { leaves, at: 1, state: {} })
    for (const [key, value] of appended.put) rows.set(key, value)
    head = appended.head
  }
  return rows
}

function storeOf(rows: RowMap): { readonly data: MemoryData; readonly store: Store } {
  const data = memoryData()
  for (const [key, value] of rows) put(data, key, value.slice())
  return { data, store: memoryStore({ share: data }) }
}

function put(data: MemoryData, key: string, value: Uint8Array): void {
  if (!data.rows.has(key)) data.order.add(key)
  data.rows.set(key, value)
}

function remove(data: MemoryData, key: string): void {
  data.rows.delete(key)
  data.order.remove(key)
}

function get({ rows }: MemoryData, key: string): Uint8Array {
  const value = rows.get(key)
  if (value === undefined) throw new TypeError('a row that should be there is not')
  return value
}

async function verified(change: (data: MemoryData) => void, rows = whole): Promise<Verification> {
  const { data, store } = storeOf(rows)
  change(data)
  await store.open()
  return verifyLog(store, await openLog())
}

/** The stored nodes above a leaf, lowest first; none above the last few. */
function nodesAbove(index: number): readonly Fault[] {
  return [4, 8].flatMap((level): readonly Fault[] => {
    const node = Math.floor(index / 2 ** level)
    if ((node + 1) * 2 ** level > SIZE) return []
    return [
      {
        index: BigInt(node * 2 ** level),
        key: KEYS.node(level, node),
        kind: 'node_mismatch',
      },
    ]
  })
}

/** The perfect subtrees that 1,000 leaves make, by their first leaf. */
const SUBTREES: readonly number[] = [0, 512, 768, 896, 960, 992]

/** The subtree of the root that a leaf is in. */
function subtreeOf(index: number): Fault {
  const first = SUBTREES.findLast((start) => start <= index) ?? 0
  return { index: BigInt(first), key: KEYS.head, kind: 'root_mismatch' }
}

/** What a changed leaf looks like: every node above it, and its part of the root. */
function changedAt(...indexes: readonly number[]): readonly Fault[] {
  const faults = indexes.flatMap((index) => [...nodesAbove(index), subtreeOf(index)])
  return faults.filter(
    ({ key, index }, at) =>
      faults.findIndex((other) => other.key === key && other.index === index) === at,
  )
}

function expectFaults({ ok, size, faults }: Verification, wanted: readonly Fault[]): void {
  expect({ ok, size }).toEqual({ ok: false, size: BigInt(SIZE) })
  expect(new Set(faults)).toEqual(new Set(wanted))
}

describe('a log that nobody touched', () => {
  test('is found in order, in as many pages as it takes', async () => {
    expect(await verified(() => undefined)).toEqual({ ok: true, size: 1_000n, faults: [] })
    const large = await written(2_345)
    expect(await verified(() => undefined, large)).toEqual({ ok: true, size: 2_345n, faults: [] })
  })

  test('of no entries is in order', async () => {
    const log = await openLog()
    const { put: rows } = await log.append(await log.head(undefined), {
      leaves: [],
      at: 1,
      state: {},
    })
    expect(await verified(() => undefined, new Map(rows))).toEqual({
      ok: true,
      size: 0n,
      faults: [],
    })
  })

  test('tells how far it is, and stops when it is told to', async () => {
    const large = await written(2_345)
    const { store } = storeOf(large)
    await store.open()
    const seen: (readonly [bigint, bigint])[] = []
    await verifyLog(store, await openLog(), { onProgress: (done, of) => seen.push([done, of]) })
    expect(seen).toEqual([
      [1_000n, 2_345n],
      [2_000n, 2_345n],
      [2_345n, 2_345n],
    ])
    const abort = new AbortController()
    const options = { signal: abort.signal, onProgress: () => abort.abort('stop') }
    await expect(verifyLog(store, await openLog(), options)).rejects.toBe('stop')
  })

  test('may grow meanwhile', async () => {
    const { data, store } = storeOf(earlier)
    const growing = await opened(
      hookedStore(store, {
        read: async (_, next, nth) => {
          const values = await next()
          if (nth === 1) for (const [key, value] of whole) put(data, key, value)
          return values
        },
      }),
    )
    expect(await verifyLog(growing, await openLog())).toEqual({ ok: true, size: 900n, faults: [] })
  })
})

describe('of a log of 1,000 entries, verification finds', () => {
  const random = seeded(20_261_121)

  test('any bit of a leaf that was changed, and names the place', { timeout: SLOW }, async () => {
    for (let run = 0; run < 200; run += 1) {
      const index = random.below(SIZE)
      const bit = random.below(8 * get(storeOf(whole).data, KEYS.leaf(index)).length)
      const found = await verified((data) => {
        const leaf = get(data, KEYS.leaf(index))
        leaf[bit >> 3] = (leaf[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      })
      expectFaults(found, changedAt(index))
    }
  })

  test('any leaf that is gone, and names it', { timeout: SLOW }, async () => {
    for (const index of [0, 1, 499, 998, 999, ...random.list(60, SIZE)]) {
      const found = await verified((data) => remove(data, KEYS.leaf(index)))
      expectFaults(found, [{ index: BigInt(index), key: KEYS.leaf(index), kind: 'leaf_missing' }])
    }
  })

  test('leaves that changed places', { timeout: SLOW }, async () => {
    for (let run = 0; run < 60; run += 1) {
      const [one, other] = [random.below(SIZE), random.below(SIZE)]
      if (one === other) continue
      const found = await verified((data) => {
        const [a, b] = [get(data, KEYS.leaf(one)), get(data, KEYS.leaf(other))]
        put(data, KEYS.leaf(one), b)
        put(data, KEYS.leaf(other), a)
      })
      expectFaults(found, changedAt(one, other))
    }
  })

  test('a leaf that was copied over another, made empty, or made longer', {
    timeout: SLOW,
  }, async () => {
    for (let run = 0; run < 60; run += 1) {
      const [from, to] = [random.below(SIZE), random.below(SIZE)]
      if (from === to) continue
      const values = [
        (data: MemoryData) => get(data, KEYS.leaf(from)),
        () => new Uint8Array(0),
        (data: MemoryData) => Uint8Array.of(...get(data, KEYS.leaf(to)), 0),
      ]
      for (const value of values) {
        const found = await verified((data) => put(data, KEYS.leaf(to), value(data)))
        expectFaults(found, changedAt(to))
      }
    }
  })

  test('leaves that nobody signed, right behind the end or far', async () => {
    for (const index of [SIZE, SIZE + 1, SIZE + 5_000]) {
      const found = await verified((data) => put(data, KEYS.leaf(index), utf8('more')))
      expectFaults(found, [
        { index: BigInt(index), key: KEYS.leaf(index), kind: 'leaf_beyond_head' },
      ])
    }
  })

  test('rows among leaves and nodes that no log writes', async () => {
    const strays = [
      `${KEYS.leaves}!`,
      `${KEYS.leaves}00000000001`,
      `${KEYS.leaf(17)}0`,
      `${KEYS.leaves}00000000001G`,
      `${KEYS.leaves}~`,
      `${KEYS.nodes}!`,
      KEYS.node(0, 0),
      KEYS.node(2, 3),
      KEYS.node(4, 62),
      KEYS.node(8, 3),
      `${KEYS.node(4, 61)}/`,
      `${KEYS.nodes}~`,
    ]
    for (const key of strays) {
      const found = await verified((data) => put(data, key, new Uint8Array(32)))
      expectFaults(found, [{ key, kind: 'row_unexpected' }])
    }
  })

  test('each of several gaps', async () => {
    const found = await verified((data) => {
      for (const index of [3, 4, 5, 700, 999]) remove(data, KEYS.leaf(index))
    })
    expectFaults(
      found,
      [3, 700, 999].map((index) => ({
        index: BigInt(index),
        key: KEYS.leaf(index),
        kind: 'leaf_missing',
      })),
    )
  })

  test('a stored node that was changed or is gone, and names it', { timeout: SLOW }, async () => {
    const nodes = [...whole.keys()].filter((key) => key.startsWith(KEYS.nodes))
    expect(nodes).toHaveLength(62 + 3)
    for (const key of nodes) {
      const [level = 0, node = 0] = key
        .split('/')
        .slice(-2)
        .map((part) => Number.parseInt(part, 16))
      const index = BigInt(node * 2 ** level)
      const bit = random.below(256)
      const changed = await verified((data) => {
        const node = get(data, key)
        node[bit >> 3] = (node[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      })
      expectFaults(changed, [{ index, key, kind: 'node_mismatch' }])
      const gone = await verified((data) => remove(data, key))
      expectFaults(gone, [{ index, key, kind: 'node_missing' }])
      const cut = await verified((data) => put(data, key, get(data, key).subarray(0, 31)))
      expectFaults(cut, [{ index, key, kind: 'node_mismatch' }])
    }
  })

  test('an end that was cut off, and names the first leaf that is gone', async () => {
    for (const left of [0, 1, 15, 16, 512, 900, 999]) {
      const found = await verified((data) => {
        for (let index = left; index < SIZE; index += 1) remove(data, KEYS.leaf(index))
      })
      expectFaults(found, [{ index: BigInt(left), key: KEYS.leaf(left), kind: 'leaf_missing' }])
    }
  })

  test('an older head before newer leaves', async () => {
    const found = await verified((data) =>
      put(data, KEYS.head, get(storeOf(earlier).data, KEYS.head)),
    )
    const leaves = Array.from(
      { length: 100 },
      (_, offset): Fault => ({
        index: BigInt(900 + offset),
        key: KEYS.leaf(900 + offset),
        kind: 'leaf_beyond_head',
      }),
    )
    const nodes = [56, 57, 58, 59, 60, 61].map(
      (node): Fault => ({ key: KEYS.node(4, node), kind: 'row_unexpected' }),
    )
    expect(found).toEqual({ ok: false, size: 900n, faults: [...leaves, ...nodes] })
  })

  test('a head that is gone or is not what was signed', async () => {
    const missing = { ok: false, size: 0n, faults: [{ key: KEYS.head, kind: 'row_missing' }] }
    expect(await verified((data) => remove(data, KEYS.head))).toEqual(missing)
    expect(await verified(() => undefined, new Map())).toEqual(missing)
    const changed = await verified((data) => put(data, KEYS.head, utf8('{}')))
    expect(changed).toEqual({
      ok: false,
      size: 0n,
      faults: [{ key: KEYS.head, kind: 'head_invalid' }],
    })
  })

  test('everything at once, without filling the memory', async () => {
    const large = await written(17_000)
    const found = await verified((data) => {
      for (const key of large.keys())
        if (key.startsWith(KEYS.nodes)) put(data, key, new Uint8Array(32))
    }, large)
    expect(found.ok).toBe(false)
    expect(found.faults).toHaveLength(1_000)
  })
})

describe('the ledger of an app', () => {
  async function played(): Promise<MemoryData> {
    const data = memoryData()
    const acme = await openAcme(memoryStore({ share: data }))
    const { id } = await acme.subjects.register()
    const { support } = accessorsOf(acme)
    await support.contact.create(id, ANNA)
    for (let turn = 0; turn < 20; turn += 1) await support.contact.read(id)
    await acme.close()
    return data
  }

  test('is verified with the access logs of every writer', async () => {
    const data = await played()
    const leaves = [...data.rows.keys()].filter((key) => /\/(?:l|w\/0000)\/e\//.test(key))
    expect(leaves.length).toBeGreaterThan(20)
    for (const key of leaves) {
      const leaf = get(data, key).slice()
      put(data, key, Uint8Array.of(...leaf, 0x20))
      const acme = await openAcme(memoryStore({ share: data }))
      const { ok, faults } = await acme.ledger.verify()
      expect([key, ok, faults.length > 0]).toEqual([key, false, true])
      await acme.close()
      put(data, key, leaf)
    }
    const acme = await openAcme(memoryStore({ share: data }))
    expect(await acme.ledger.verify()).toMatchObject({ ok: true, faults: [] })
    await acme.close()
  })

  /** Runs `ledger.verify` on rows that somebody else worked on. */
  async function reverified(change: (data: MemoryData) => void): Promise<Verification> {
    const data = await played()
    change(data)
    const acme = await openAcme(memoryStore({ share: data }))
    const found = await acme.ledger.verify()
    await acme.close()
    return found
  }

  function accessRows({ rows }: MemoryData): readonly string[] {
    return [...rows.keys()].filter((key) => key.includes('/w/0000/'))
  }

  test('misses the head of an access log that is gone', async () => {
    const { ok, faults } = await reverified((data) => {
      for (const key of accessRows(data)) if (key.endsWith('/head')) remove(data, key)
    })
    expect([ok, faults.length > 0]).toEqual([false, true])
  })

  test('misses an access log that is gone as a whole', async () => {
    const { ok, faults } = await reverified((data) => {
      for (const key of accessRows(data)) remove(data, key)
    })
    expect([ok, faults.length > 0]).toEqual([false, true])
  })

  test('misses accesses when their log was set back to what it was before they were noted', async () => {
    const data = memoryData()
    const acme = await openAcme(memoryStore({ share: data }))
    const { id } = await acme.subjects.register()
    const { support } = accessorsOf(acme)
    await support.contact.create(id, ANNA)
    await support.contact.read(id)
    const before = new Map(accessRows(data).map((key) => [key, get(data, key).slice()]))
    for (let turn = 0; turn < 3; turn += 1) await support.contact.read(id)
    await acme.close()
    for (const key of accessRows(data)) {
      const value = before.get(key)
      if (value === undefined) remove(data, key)
      else put(data, key, value)
    }
    const again = await openAcme(memoryStore({ share: data }))
    const { ok, faults } = await again.ledger.verify()
    expect([ok, faults.length > 0]).toEqual([false, true])
    await again.close()
  })
})
