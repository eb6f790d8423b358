import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { exportStore, importStore, type Row, type Store } from 'privity'
import { memoryStore } from 'privity/memory'
import { toHex, utf8 } from '../../src/base/bytes.ts'
import { sha256 } from '../../src/crypto/hash.ts'

const PREFIX = `${toHex(sha256(utf8('acme'))).slice(0, 16)}/`
const ROWS = 60_000
const VALUE = 2_000
const MIB = 1_048_576

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** A store of more rows than there is memory for, made while they are read. */
function endlessStore(): Store {
  const own: Row = [`${PREFIX}k/store`, utf8('{"v":1}')]
  function rowAt(at: number): Row {
    return [`${PREFIX}p/${String(at).padStart(8, '0')}`, new Uint8Array(VALUE).fill(at)]
  }
  return {
    ...memoryStore(),
    read: async (keys) => keys.map((key) => (key === own[0] ? own[1] : undefined)),
    scan: async (_, { after, limit }) => {
      if (after === undefined) return [own]
      const next = after === own[0] ? 0 : Number(after.slice(-8)) + 1
      return Array.from({ length: Math.min(limit, ROWS - next) }, (_row, at) => rowAt(next + at))
    },
  }
}

/** Keeps the row that stands for the store, and counts the others. */
function countingStore(): { readonly store: Store; readonly rows: () => number } {
  const right = memoryStore()
  let rows = 0
  return {
    rows: () => rows,
    store: {
      ...right,
      commit: async (batch) => {
        const put = batch.put.filter(([key]) => key.endsWith('k/store'))
        rows += batch.put.length - put.length
        await right.commit({ ...batch, put })
      },
    },
  }
}

test('a store of any size moves through a memory of a fixed size', async () => {
  const { store, rows } = countingStore()
  const samples: number[] = []
  let sampled = 0
  function held(): number {
    // Buffers are swept beside the program: a second collection first waits until the one before has ended.
    collectGarbage()
    collectGarbage()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const onProgress = (moved: number): void => {
    if (moved - sampled < 5_000) return
    sampled = moved
    samples.push(held())
  }
  // The first page is shorter than it could be, so that it is not the last one.
  const source = { ...endlessStore() }
  const { scan } = source
  const whole: Store = {
    ...source,
    scan: async (prefix, page) => {
      const first = await scan(prefix, page)
      if (page.after !== undefined) return first
      const [own] = first
      const rest = await scan(prefix, { after: own?.[0], limit: page.limit - 1 })
      return [...first, ...rest]
    },
  }
  const totals = await importStore(store, exportStore(whole, { tenant: 'acme' }), {
    tenant: 'acme',
    onProgress,
  })
  expect([totals.rows, rows()]).toEqual([ROWS + 1, ROWS])
  expect(totals.bytes).toBeGreaterThan(100 * MIB)
  expect(samples.length).toBeGreaterThan(8)
  // From the first sample on: what the code itself takes, once it runs, is there by then.
  const [first = 0] = samples
  expect(Math.max(...samples) - first).toBeLessThan(16 * MIB)
}, 60_000)
