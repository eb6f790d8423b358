import { invalidInput, PrivityError } from '../base/errors.ts'
import { assertBatch, assertKeys, assertScan } from '../storage/batch-rules.ts'
import type {
  Batch,
  Key,
  Row,
  ScanOptions,
  ScrubReport,
  Store,
  StoreLimits,
} from '../storage/store.ts'
import { type BatchClient, isD1, isLibsql } from './sqlite/batch-client.ts'
import { batchStore } from './sqlite/batch-store.ts'
import { isClient, type SqliteClient, type SqliteStatement } from './sqlite/client.ts'
import { toStoreError } from './sqlite/errors.ts'
import { parseSettings } from './sqlite/settings.ts'
import { type ScrubOptions, scrub } from './sqlite/scrub.ts'
import { release, type Setup, type SetupOptions, setUp } from './sqlite/setup.ts'
import { prepareStatements, type Statements } from './sqlite/statements.ts'
import { assertIdle } from './sqlite/transaction.ts'

/** Settings of a store in SQLite. */
export interface SqliteStoreOptions extends SetupOptions, ScrubOptions {}

interface Session extends Setup {
  readonly client: SqliteClient
  readonly options: SqliteStoreOptions
  readonly statements: Statements
}

const LIMITS: StoreLimits = Object.freeze({ maxOps: 10_000, maxBytes: 16_777_216 })
/** Greater than every character of a key: what follows all keys that begin alike. */
const PAST = '\x7f'

/**
 * A store in an SQLite database, in one table `privity_rows`, over a connection that the app opens
 * and closes. Give it a connection of its own: the settings that durability rests on belong to the
 * connection, a transaction of the app on it makes every call reject, and rows that the app leaves
 * half iterated hold its view of the database in the past. SQLite waits for locks in the calling
 * thread, five seconds or longer if the connection says so. The file belongs on a local disk, where
 * locks work, in a folder that only the app can read.
 *
 * @example
 * ```ts
 * import { DatabaseSync } from 'node:sqlite'
 * import { sqliteStore } from 'privity/sqlite'
 *
 * const store = sqliteStore(new DatabaseSync(':memory:'))
 * const { durability } = await store.open()
 * console.log(durability) // none
 * ```
 *
 * @throws {@link invalid_input} when the client cannot prepare and execute statements, and for options
 * that do not exist.
 */
export function sqliteStore(client: SqliteClient, options?: SqliteStoreOptions): Store
/**
 * The same table in Cloudflare D1, or in libSQL: a commit is one batch, whose checks make it fail as a whole.
 * Nothing is set on the connection, so there are no options, and nothing to scrub.
 *
 * @throws {@link invalid_input} for a session of D1, which may read from replicas that lag behind.
 */
export function sqliteStore(client: BatchClient): Store
export function sqliteStore(client: SqliteClient | BatchClient, options?: unknown): Store {
  const settings = parseSettings(options)
  if (isD1(client) || isLibsql(client)) return overBatches(client, settings)
  if (!isClient(client)) throw invalidInput(['client'], 'not_a_client')
  let session: Session | undefined
  let reason = 'not_open'
  function opened(): Session {
    if (session === undefined) throw new PrivityError('store_closed', { reason })
    return session
  }
  return {
    limits: LIMITS,
    open: async () => {
      session ??= openSession(client, settings)
      return session.info
    },
    read: async (keys) => read(opened(), keys),
    scan: async (prefix, page) => scan(opened(), prefix, page),
    commit: async (batch) => commit(opened(), batch),
    scrub: async () => scrubFiles(opened()),
    close: async () => {
      if (session !== undefined) closeSession(session)
      session = undefined
      reason = 'closed'
    },
  }
}

function overBatches(client: BatchClient, settings: SqliteStoreOptions): Store {
  const [given] = Object.keys(settings)
  if (given !== undefined) throw invalidInput(['options', given], 'not_a_setting')
  return batchStore(client)
}

function openSession(client: SqliteClient, options: SqliteStoreOptions): Session {
  assertIdle(client)
  try {
    const setup = setUp(client, options)
    return { ...setup, client, options, statements: prepareStatements(client) }
  } catch (error) {
    throw toStoreError({ client, phase: 'before-commit', error })
  }
}

function closeSession({ client, options, transact }: Session): void {
  if (options.singleConnection !== true) return
  try {
    assertIdle(client)
    release(client, transact)
  } catch (error) {
    const failure = toStoreError({ client, phase: 'before-commit', error })
    // A closed connection holds no lock.
    if (failure.code !== 'store_closed') throw failure
  }
}

function read(
  { client, statements }: Session,
  keys: readonly Key[],
): readonly (Uint8Array | undefined)[] {
  assertKeys(keys)
  assertIdle(client)
  if (keys.length === 0) return []
  const few = statements.getFew[keys.length - 1]
  try {
    return few === undefined ? readMany(statements, keys) : readFew(few, keys)
  } catch (error) {
    throw toStoreError({ client, phase: 'before-commit', error })
  }
}

function readFew(
  statement: SqliteStatement,
  keys: readonly Key[],
): readonly (Uint8Array | undefined)[] {
  const row = statement.get(...keys)
  return keys.map((_, at) => {
    const cell = cellOf(row, `v${at}`)
    return cell === null ? undefined : bytesOf(cell)
  })
}

function readMany(
  { getMany }: Statements,
  keys: readonly Key[],
): readonly (Uint8Array | undefined)[] {
  const values: (Uint8Array | undefined)[] = keys.map(() => undefined)
  for (const row of getMany.all(JSON.stringify(keys))) {
    values[Number(cellOf(row, 'at'))] = bytesOf(cellOf(row, 'value'))
  }
  return values
}

function scan({ client, statements }: Session, prefix: Key, page: ScanOptions): readonly Row[] {
  assertScan(prefix, page)
  assertIdle(client)
  const { after, limit } = page
  try {
    const rows =
      after === undefined
        ? statements.scan.all(prefix, prefix + PAST, limit)
        : statements.scanAfter.all(after, prefix + PAST, limit)
    return rows.map((row) => [String(cellOf(row, 'key')), bytesOf(cellOf(row, 'value'))])
  } catch (error) {
    throw toStoreError({ client, phase: 'before-commit', error })
  }
}

function commit({ client, statements, transact }: Session, batch: Batch): void {
  assertBatch(batch, LIMITS)
  assertIdle(client)
  if (batch.put.length + batch.del.length > 0) transact(() => apply(statements, batch))
}

function apply(statements: Statements, { checks, put, del }: Batch): void {
  for (const [key, expected] of checks) {
    const holds =
      expected === null
        ? !isRow(statements.exists.get(key))
        : isRow(statements.equals.get(key, expected))
    if (!holds) throw new PrivityError('write_conflict', { attempts: 1 })
  }
  for (const [key, value] of put) statements.put.run(key, value)
  for (const key of del) statements.del.run(key)
}

function scrubFiles(session: Session): ScrubReport {
  assertIdle(session.client)
  try {
    return scrub(session)
  } catch (error) {
    throw toStoreError({ client: session.client, phase: 'before-commit', error })
  }
}

function isRow(row: unknown): row is object {
  return typeof row === 'object' && row !== null
}

function cellOf(row: unknown, column: string): unknown {
  return isRow(row) ? (row as { readonly [column: string]: unknown })[column] : undefined
}

/** Bytes that nobody else holds: a driver's own kind of array is unwrapped, a pool view copied. */
function bytesOf(cell: unknown): Uint8Array {
  if (!(cell instanceof Uint8Array)) throw new PrivityError('store_corrupt', { reason: 'schema' })
  if (cell.constructor === Uint8Array) return cell
  const { buffer, byteLength } = cell
  return buffer.byteLength === byteLength ? new Uint8Array(buffer) : new Uint8Array(cell)
}
