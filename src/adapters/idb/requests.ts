import { equalBytes } from '../../base/bytes.ts'
import { PrivityError } from '../../base/errors.ts'
import type { Batch, Key, Row, ScanOptions } from '../../storage/store.ts'
import { toStoreError } from './errors.ts'
import { ROWS } from './session.ts'

/** Greater than every character of a key: what follows all keys that begin alike. */
const PAST = '\x7f'

type Reject = (error: unknown) => void

/** The values of one key or more. */
export function readRows(
  transaction: IDBTransaction,
  keys: readonly Key[],
): Promise<readonly (Uint8Array | undefined)[]> {
  return new Promise((resolve, reject) => {
    const rows = rowsOf(transaction, reject)
    const requests = keys.map((key) => rows.get(key))
    whenAnswered(requests, reject, () => resolve(requests.map(valueIn)))
  })
}

/** One page of rows. */
export function scanRows(
  transaction: IDBTransaction,
  prefix: Key,
  { after, limit }: ScanOptions,
): Promise<readonly Row[]> {
  return new Promise((resolve, reject) => {
    const rows = rowsOf(transaction, reject)
    // The empty key, before all others, is no row.
    const open = after !== undefined || prefix === ''
    const range = IDBKeyRange.bound(after ?? prefix, prefix + PAST, open, true)
    const keys = rows.getAllKeys(range, limit)
    const values: IDBRequest<unknown[]> = rows.getAll(range, limit)
    whenAnswered([keys, values], reject, () =>
      resolve(values.result.map((value, at) => [String(keys.result[at]), bytesOf(value)])),
    )
  })
}

/** Compares, then writes, in one transaction; resolves when the browser says that it is complete. */
export function commitBatch(transaction: IDBTransaction, batch: Batch): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = false
    transaction.oncomplete = () => resolve()
    transaction.onabort = () =>
      reject(toStoreError(transaction.error, sent ? 'commit' : 'before-commit'))
    attempt(giveUp, () => {
      const rows = transaction.objectStore(ROWS)
      const found = batch.checks.map((check) => request(rows, check))
      // Nothing is awaited from here on: a transaction without requests commits.
      whenAnswered(found, giveUp, () => {
        if (!batch.checks.every(([, expected], at) => holds(found[at], expected))) throw conflict()
        write(rows, batch)
        sent = true
        // Spares the browser the wait for further requests; it is implied where it is missing.
        transaction.commit?.()
      })
    })

    function giveUp(error: unknown): void {
      try {
        transaction.abort()
        reject(toStoreError(error, 'before-commit'))
      } catch {
        // It is committing, or over: the events above say how it ends.
      }
    }
  })
}

/** The same batch in bytes that nobody else has. */
export function copyOf({ checks, put, del }: Batch): Batch {
  return {
    checks: checks.map(([key, value]) => [key, value === null ? null : new Uint8Array(value)]),
    put: put.map(([key, value]) => [key, new Uint8Array(value)]),
    del: [...del],
  }
}

/** The store of the rows; from now on the end of the transaction, which others may share, rejects. */
function rowsOf(transaction: IDBTransaction, reject: Reject): IDBObjectStore {
  transaction.addEventListener('abort', () => reject(transaction.error))
  return transaction.objectStore(ROWS)
}

/** Runs once all are answered, in which case the last one is answered last. */
function whenAnswered(requests: readonly IDBRequest[], fail: Reject, then: () => void): void {
  const last = requests.at(-1)
  if (last === undefined) attempt(fail, then)
  else last.onsuccess = () => attempt(fail, then)
}

// What an event handler throws would reach the app's own `error` events, and nobody who waits.
function attempt(fail: Reject, run: () => void): void {
  try {
    run()
  } catch (error) {
    fail(error)
  }
}

function request(rows: IDBObjectStore, [key, expected]: Batch['checks'][number]): IDBRequest {
  return expected === null ? rows.getKey(key) : rows.get(key)
}

function holds(found: IDBRequest | undefined, expected: Uint8Array | null): boolean {
  const result: unknown = found?.result
  if (expected === null || result === undefined) return expected === null && result === undefined
  return equalBytes(bytesOf(result), expected)
}

function write(rows: IDBObjectStore, { put, del }: Batch): void {
  for (const [key, value] of put) rows.put(value.buffer, key)
  for (const key of del) rows.delete(key)
}

function valueIn({ result }: IDBRequest<unknown>): Uint8Array | undefined {
  return result === undefined ? undefined : bytesOf(result)
}

/** A row that is no buffer was not written by this adapter. */
function bytesOf(value: unknown): Uint8Array {
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  throw new PrivityError('store_corrupt', { reason: 'schema' })
}

function conflict(): PrivityError {
  return new PrivityError('write_conflict', { attempts: 1 })
}
