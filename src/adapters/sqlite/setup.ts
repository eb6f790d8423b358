import { isPrivityError, PrivityError } from '../../base/errors.ts'
import type { DurabilityLevel, StoreInfo } from '../../storage/store.ts'
import { type SqliteClient, scalar } from './client.ts'
import { toStoreError } from './errors.ts'
import { COLUMNS, TABLE } from './statements.ts'
import { createTransact, type Transact } from './transaction.ts'

/** What the app decides about the database. */
export interface SetupOptions {
  /**
   * When a commit is flushed: with `'full'` before it is acknowledged, so that it survives loss of
   * power; with `'normal'` at the next checkpoint, so that it survives the death of the process
   * only. Default: `'full'`.
   */
  readonly synchronous?: 'full' | 'normal'
  /**
   * Says that no other connection has the file open, and takes an exclusive lock so that none can
   * while the store is open. Lets SQLite before 3.51.3 be used. Default: `false`.
   */
  readonly singleConnection?: boolean
}

/** An SQLite database that is ready, and what it was found to give. */
export interface Setup {
  readonly info: StoreInfo
  /** How long a call waits for a lock, in milliseconds. */
  readonly patience: number
  readonly transact: Transact
}

interface Facts {
  readonly version: string
  readonly ephemeral: boolean
  readonly journal: string
  readonly readOnly: boolean
}

/** STRICT tables and JSON functions are built in from here on. */
const OLDEST = '3.38.0'
/** Until here a checkpoint may corrupt a file in WAL mode that has two connections. */
const OLDEST_SHARED = '3.51.3'
/** A document of about 1 KB is read 2 to 3 times faster than with pages of 4 KiB. */
const PAGE_SIZE = 16_384
const BUSY_TIMEOUT_MS = 5_000
const SWITCH_ATTEMPTS = 20
/** SQLite's own default of 2 MB holds 125 such pages, and doubles the time of a read. */
const CACHE_KIB = 16_000

// Freed bytes are overwritten, functions in a manipulated schema are not run, and a damaged page is
// an error instead of wrong data.
const GUARDS = [
  { pragma: 'secure_delete', value: '1' },
  { pragma: 'trusted_schema', value: '0' },
  { pragma: 'cell_size_check', value: '1' },
] as const
// Has an effect on macOS only, where a plain flush leaves the data in the drive's cache.
const FLUSHES = [
  { pragma: 'fullfsync', value: '1' },
  { pragma: 'checkpoint_fullfsync', value: '1' },
] as const

/** What makes a table ours: a collation that ignores case, say, would join two keys into one. */
const SHAPE_QUERY = `
  SELECT wr || strict || ' '
    || (SELECT group_concat(name || ' ' || type || ' ' || pk)
          FROM pragma_table_info('privity_rows', 'main'))
    || (SELECT ' ' || coll
          FROM pragma_index_xinfo('sqlite_autoindex_privity_rows_1', 'main') LIMIT 1)
    FROM pragma_table_list WHERE schema = 'main' AND name = 'privity_rows'`
const SHAPE = '11 key TEXT 1,value BLOB 0 BINARY'

/** Sets what the contract rests on, reads it back, and creates the table; safe to repeat. */
export function setUp(client: SqliteClient, options: SetupOptions): Setup {
  // Before anything that reads the file: another process may be creating it.
  const patience = setPatience(client)
  const version = scalar(client, 'SELECT sqlite_version()')
  const ephemeral =
    scalar(client, "SELECT file FROM pragma_database_list WHERE name = 'main'") === ''
  const oldest = ephemeral || options.singleConnection === true ? OLDEST : OLDEST_SHARED
  if (!isAtLeast(version, oldest)) throw unavailable('version')
  // The page size is settled with the first page, and cannot change in WAL mode.
  if (scalar(client, 'PRAGMA page_count') === '0') client.exec(`PRAGMA page_size = ${PAGE_SIZE}`)
  growCache(client)
  for (const { pragma, value } of GUARDS) set(client, pragma, value)
  const transact = createTransact(client)
  const journal = setJournal(client, transact)
  setFlush(client, options)
  const readOnly = !createTable(client, transact)
  if (!ephemeral && !readOnly && journal !== 'wal') throw unavailable('journal_mode')
  if (options.singleConnection === true) lock(client, transact)
  const info = describe(client, { version, ephemeral, journal, readOnly }, options)
  return { info, patience, transact }
}

/** Gives up the exclusive lock of `singleConnection`. */
export function release(client: SqliteClient, transact: Transact): void {
  client.exec('PRAGMA locking_mode = NORMAL')
  // In WAL mode the lock is let go at the end of a write transaction, not of a read.
  transact(() => {})
}

/** Keeps a longer patience of the app. */
function setPatience(client: SqliteClient): number {
  const patience = Number(scalar(client, 'PRAGMA busy_timeout'))
  if (patience >= BUSY_TIMEOUT_MS) return patience
  client.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
  return BUSY_TIMEOUT_MS
}

/** Keeps a larger cache of the app; SQLite counts pages, or, below zero, KiB. */
function growCache(client: SqliteClient): void {
  const size = Number(scalar(client, 'PRAGMA cache_size'))
  const kib = size < 0 ? -size : (size * Number(scalar(client, 'PRAGMA page_size'))) / 1_024
  if (kib < CACHE_KIB) client.exec(`PRAGMA cache_size = -${CACHE_KIB}`)
}

/** Switches to WAL; two processes that create a file at once may stand in each other's way. */
function setJournal(client: SqliteClient, transact: Transact): string {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return scalar(client, 'PRAGMA journal_mode = WAL')
    } catch (error) {
      const reason = reasonOf(toStoreError({ client, phase: 'before-commit', error }))
      if (reason === 'read_only') return scalar(client, 'PRAGMA journal_mode')
      if (reason !== 'busy' || attempt === SWITCH_ATTEMPTS) throw error
      // The switch itself does not wait for locks, but a transaction does.
      transact(() => {})
    }
  }
}

function setFlush(client: SqliteClient, { synchronous = 'full' }: SetupOptions): void {
  if (synchronous === 'normal') {
    set(client, 'synchronous', '1')
    return
  }
  for (const { pragma, value } of FLUSHES) set(client, pragma, value)
  // EXTRA (3) is stronger still and stays.
  if (scalar(client, 'PRAGMA synchronous') !== '3') set(client, 'synchronous', '2')
}

// After WAL has been used once: a lock taken earlier could not be given up again.
function lock(client: SqliteClient, transact: Transact): void {
  if (scalar(client, 'PRAGMA locking_mode = EXCLUSIVE') !== 'exclusive') {
    throw unavailable('locking_mode')
  }
  try {
    // Takes it now, or finds that somebody else has the file open.
    transact(() => {})
  } catch (error) {
    client.exec('PRAGMA locking_mode = NORMAL')
    throw error
  }
}

/** Creates the table where it is missing; says whether the database can be written. */
function createTable(client: SqliteClient, transact: Transact): boolean {
  try {
    transact(() => {
      client.exec(`CREATE TABLE IF NOT EXISTS ${TABLE} ${COLUMNS}`)
      // A statement that writes, on no row: nothing else tells a read-only database for certain.
      client.exec(`DELETE FROM ${TABLE} WHERE key = ''`)
    })
  } catch (error) {
    if (reasonOf(error) !== 'read_only') throw error
    assertTable(client, 'read-only')
    return false
  }
  assertTable(client, 'writable')
  return true
}

function assertTable(client: SqliteClient, access: 'writable' | 'read-only'): void {
  const shape = scalar(client, SHAPE_QUERY)
  if (shape === SHAPE) return
  if (shape === '' && access === 'read-only') throw unavailable('read_only')
  throw new PrivityError('store_corrupt', { reason: 'schema' })
}

function describe(client: SqliteClient, facts: Facts, options: SetupOptions): StoreInfo {
  const synchronous = Number(scalar(client, 'PRAGMA synchronous'))
  const { version, journal, readOnly } = facts
  const detail = `SQLite ${version}, journal_mode ${journal}, synchronous ${synchronous}`
  return {
    durability: levelOf(facts, synchronous),
    shared: options.singleConnection !== true,
    detail: readOnly ? `${detail}, read-only` : detail,
  }
}

/** A store that acknowledges no commit promises nothing for one. */
function levelOf({ ephemeral, readOnly }: Facts, synchronous: number): DurabilityLevel {
  if (ephemeral || readOnly) return 'none'
  return synchronous >= 2 ? 'power-loss' : 'process-crash'
}

function set(client: SqliteClient, pragma: string, value: string): void {
  client.exec(`PRAGMA ${pragma} = ${value}`)
  if (scalar(client, `PRAGMA ${pragma}`) !== value) throw unavailable(pragma)
}

function isAtLeast(version: string, oldest: string): boolean {
  const found = version.split('.').map(Number)
  const wanted = oldest.split('.').map(Number)
  const at = wanted.findIndex((part, index) => part !== (found[index] ?? 0))
  return at < 0 || (found[at] ?? 0) > (wanted[at] ?? 0)
}

function reasonOf(error: unknown): string | undefined {
  return isPrivityError(error, 'store_unavailable') ? error.details.reason : undefined
}

function unavailable(reason: string): PrivityError {
  return new PrivityError('store_unavailable', { reason })
}
