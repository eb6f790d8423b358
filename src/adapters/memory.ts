import { equalBytes } from '../base/bytes.ts'
import { invalidInput, PrivityError } from '../base/errors.ts'
import { membersOf } from '../base/members.ts'
import { assertBatch, assertKeys, assertScan } from '../storage/batch-rules.ts'
import type { Batch, Key, Row, ScanOptions, Store, StoreLimits } from '../storage/store.ts'
import { createKeyOrder, type KeyOrder } from './memory/key-order.ts'

/** Rows in memory that several stores may be opened on; only stores look inside. */
export interface MemoryData {
  /** Values by key. */
  readonly rows: Map<Key, Uint8Array>
  /** The keys in their order, as `scan` gives them. */
  readonly order: KeyOrder
}

/** Settings of a store in memory. */
export interface MemoryStoreOptions {
  /** Rows to share with other stores, as processes share a database. Default: rows of its own. */
  readonly share?: MemoryData
}

/** What stores may be opened on: a look-alike could break off in the middle of a batch. */
const made = new WeakSet<MemoryData>()
const LIMITS: StoreLimits = Object.freeze({ maxOps: 10_000, maxBytes: 16_777_216 })

/** Empty rows, for several stores to share. */
export function memoryData(): MemoryData {
  const data: MemoryData = { rows: new Map(), order: createKeyOrder() }
  made.add(data)
  return data
}

/**
 * A store that forgets everything when the process ends: for tests and for trying things out. It is
 * the reference for what every other adapter does.
 *
 * @example
 * ```ts
 * import { memoryStore } from 'privity/memory'
 *
 * const store = memoryStore()
 * const { durability } = await store.open()
 * console.log(durability) // none
 * ```
 *
 * @throws {@link invalid_input} for unknown options, and for rows that {@link memoryData} did not make.
 */
export function memoryStore(options?: MemoryStoreOptions): Store {
  const share = parseShare(options)
  const data = share ?? memoryData()
  let state: 'new' | 'open' | 'closed' = 'new'
  function opened(): MemoryData {
    if (state === 'open') return data
    throw new PrivityError('store_closed', { reason: state === 'new' ? 'not_open' : 'closed' })
  }
  return {
    limits: LIMITS,
    open: async () => {
      state = 'open'
      return { durability: 'none', shared: share !== undefined, detail: 'memory of this process' }
    },
    // No function below waits for anything: each sees, and changes, one moment.
    read: async (keys) => read(opened(), keys),
    scan: async (prefix, page) => scan(opened(), prefix, page),
    commit: async (batch) => commit(opened(), batch),
    close: async () => {
      state = 'closed'
    },
  }
}

function parseShare(options: unknown): MemoryData | undefined {
  if (options === undefined) return undefined
  const { share } = membersOf(options, ['share'], ['options'])
  if (share === undefined || isMade(share)) return share
  throw invalidInput(['options', 'share'], 'not_memory_data')
}

function isMade(share: unknown): share is MemoryData {
  return typeof share === 'object' && share !== null && made.has(share as MemoryData)
}

function read({ rows }: MemoryData, keys: readonly Key[]): readonly (Uint8Array | undefined)[] {
  assertKeys(keys)
  return keys.map((key) => copyOf(rows.get(key)))
}

function scan({ rows, order }: MemoryData, prefix: Key, page: ScanOptions): readonly Row[] {
  assertScan(prefix, page)
  const { after, limit } = page
  const found: Row[] = []
  for (const key of order.from(after ?? prefix)) {
    if (!key.startsWith(prefix)) break
    const value = key === after ? undefined : copyOf(rows.get(key))
    if (value !== undefined) found.push([key, value])
    if (found.length === limit) break
  }
  return found
}

function commit({ rows, order }: MemoryData, batch: Batch): void {
  assertBatch(batch, LIMITS)
  for (const [key, expected] of batch.checks) {
    if (!holds(rows.get(key), expected)) throw new PrivityError('write_conflict', { attempts: 1 })
  }
  // Copied before anything changes: what cannot be copied must not leave half a batch.
  const copies = batch.put.map(([key, value]) => [key, new Uint8Array(value)] as const)
  for (const [key, value] of copies) {
    if (!rows.has(key)) order.add(key)
    rows.set(key, value)
  }
  for (const key of batch.del) {
    if (rows.delete(key)) order.remove(key)
  }
}

function holds(actual: Uint8Array | undefined, expected: Uint8Array | null): boolean {
  if (actual === undefined || expected === null) return actual === undefined && expected === null
  return equalBytes(actual, expected)
}

function copyOf(value: Uint8Array | undefined): Uint8Array | undefined {
  return value === undefined ? undefined : new Uint8Array(value)
}
