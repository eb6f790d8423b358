import { type ErrorCode, PrivityError } from '../base/errors.ts'
import { assertBatch, assertKeys, assertScan } from '../storage/batch-rules.ts'
import type {
  Batch,
  Key,
  Row,
  ScanOptions,
  Store,
  StoreInfo,
  StoreLimits,
} from '../storage/store.ts'
import { connect, end } from './idb/connection.ts'
import { toStoreError } from './idb/errors.ts'
import { persistence } from './idb/persistence.ts'
import { commitBatch, copyOf, readRows, scanRows } from './idb/requests.ts'
import {
  beginReading,
  beginWriting,
  closed,
  createSession,
  drop,
  lasting,
  type Session,
} from './idb/session.ts'
import { type IdbStoreOptions, parseName, parseSettings } from './idb/settings.ts'

type Begin = (session: Session) => IDBTransaction | undefined

/** One opening of the store, from the first try on. */
interface Opening {
  readonly session: Session
  readonly info: Promise<StoreInfo>
}

const LIMITS: StoreLimits = Object.freeze({ maxOps: 10_000, maxBytes: 16_777_216 })
/** After these the next call connects anew. */
const BROKEN: ReadonlySet<ErrorCode> = new Set(['store_unavailable', 'outcome_unknown'])

/**
 * A store in an IndexedDB database of this name, for windows and workers. Every tab of the origin
 * may have it open. The store makes the database and has it to itself; a connection that another
 * tab or the browser ends is made again by the next call. Once the database was deleted, calls
 * reject with `store_closed` and the reason `deleted`, and `open` begins with an empty one.
 *
 * @example
 * ```ts
 * import { idbStore } from 'privity/idb'
 *
 * const store = idbStore('crm', { persist: true })
 * console.log(store.limits.maxOps) // 10000
 * ```
 *
 * @throws {@link invalid_input} for an empty name, and for options that do not exist.
 */
export function idbStore(name: string, options?: IdbStoreOptions): Store {
  const given = parseName(name)
  const settings = parseSettings(options)
  let opening: Opening | undefined
  let session: Session | undefined
  let reason = 'not_open'
  function opened(): Session {
    if (session !== undefined) return session
    throw new PrivityError('store_closed', { reason })
  }
  return {
    limits: LIMITS,
    open: async () => {
      if (opening === undefined || opening.session.ended !== undefined)
        opening = start(given, settings)
      const mine = opening
      const info = await mine.info
      if (opening === mine) session = mine.session
      return info
    },
    read: async (keys) => read(opened(), keys),
    scan: async (prefix, page) => scan(opened(), prefix, page),
    commit: async (batch) => commit(opened(), batch),
    close: async () => {
      const last = opening?.session
      opening = undefined
      session = undefined
      reason = 'closed'
      if (last !== undefined) await end(last)
    },
  }
}

function start(name: string, settings: Required<IdbStoreOptions>): Opening {
  const session = createSession(name)
  return { session, info: openSession(session, settings) }
}

async function openSession(
  session: Session,
  settings: Required<IdbStoreOptions>,
): Promise<StoreInfo> {
  try {
    const durability = await connect(session)
    const eviction = await persistence(settings)
    if (session.ended !== undefined) throw closed(session.ended)
    return {
      // Older browsers report nothing, and do not wait for the disk.
      durability: durability === 'strict' ? 'power-loss' : 'process-crash',
      shared: true,
      detail: `IndexedDB, durability ${durability ?? 'not reported'}, ${eviction}`,
    }
  } catch (error) {
    // The next call of open begins anew.
    session.ended ??= 'closed'
    throw error
  }
}

async function read(
  session: Session,
  keys: readonly Key[],
): Promise<readonly (Uint8Array | undefined)[]> {
  assertKeys(keys)
  if (keys.length === 0) return []
  const own = [...keys]
  return during(session, beginReading, (transaction) => readRows(transaction, own))
}

async function scan(session: Session, prefix: Key, page: ScanOptions): Promise<readonly Row[]> {
  assertScan(prefix, page)
  const own = { ...page }
  return during(session, beginReading, (transaction) => scanRows(transaction, prefix, own))
}

async function commit(session: Session, batch: Batch): Promise<void> {
  assertBatch(batch, LIMITS)
  if (batch.put.length + batch.del.length === 0) return
  const own = copyOf(batch)
  return during(session, beginWriting, (transaction) => commitBatch(transaction, own))
}

/** Runs requests in one transaction; what fails for no fault of theirs costs the connection. */
async function during<T>(
  session: Session,
  begin: Begin,
  run: (transaction: IDBTransaction) => Promise<T>,
): Promise<T> {
  const transaction = begin(session) ?? (await beginAnew(session, begin))
  try {
    return await lasting(session, transaction, run(transaction))
  } catch (error) {
    const failure = toStoreError(error, 'before-commit')
    if (BROKEN.has(failure.code)) drop(session, transaction.db)
    throw failure
  }
}

async function beginAnew(session: Session, begin: Begin): Promise<IDBTransaction> {
  await connect(session)
  const transaction = begin(session)
  if (transaction !== undefined) return transaction
  throw new PrivityError('store_unavailable', { reason: 'connection_lost' })
}
