import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import type { D1Client, D1Statement, LibsqlClient } from '../../src/adapters/sqlite/batch-client.ts'

/** A database that takes batches, as one of the services offers it. */
export interface BatchDriver {
  readonly name: 'D1' | 'libSQL'
  connect(path: string, access?: 'readOnly'): BatchConnection
}

export type BatchConnection = (D1Client | LibsqlClient) & {
  /** Stands for the end of the Worker, or of the client. */
  close(): void
}

/** What stands in for services that are not here: their documented interfaces, over files of SQLite. */
export const BATCH_DRIVERS: { readonly [D in BatchDriver['name']]: BatchDriver } = {
  D1: { name: 'D1', connect: connectD1 },
  libSQL: { name: 'libSQL', connect: connectLibsql },
}

interface Query {
  readonly sql: string
  readonly params: readonly unknown[]
}

// https://developers.cloudflare.com/d1/platform/limits/
const D1_PARAMETERS = 100
const D1_TEXT = 100_000
const D1_VALUE = 2_000_000

const RESULTS: { readonly [primary: number]: string } = {
  1: 'SQLITE_ERROR',
  5: 'SQLITE_BUSY',
  8: 'SQLITE_READONLY',
  10: 'SQLITE_IOERR',
  13: 'SQLITE_FULL',
  19: 'SQLITE_CONSTRAINT',
}

/** D1 as a Worker has it: parameters and results travel as JSON, errors as text. */
function connectD1(path: string, access?: 'readOnly'): BatchConnection {
  const database = openFile(path, access)
  function prepare(sql: string, params: readonly unknown[] = []): D1Statement & Query {
    return { sql, params, bind: (...given) => prepare(sql, given.map(toD1)) }
  }
  async function batch(
    statements: D1Statement[],
  ): Promise<readonly { readonly results: readonly unknown[] }[]> {
    const sent = JSON.stringify(statements)
    await arrival()
    const queries: readonly Query[] = JSON.parse(sent)
    const results = transact(
      database,
      'BEGIN IMMEDIATE',
      () => queries.map((query) => runD1(database, query)),
      (error) => new Error(`D1_ERROR: ${messageOf(error)}: ${nameOf(error)}`),
    )
    const received = JSON.stringify(results)
    await arrival()
    return JSON.parse(received)
  }
  return { prepare, batch, close: () => database.close() }
}

function runD1(
  database: DatabaseSync,
  { sql, params }: Query,
): { readonly success: true; readonly results: readonly unknown[] } {
  if (params.length > D1_PARAMETERS) throw new Error('too many SQL variables')
  if (Buffer.byteLength(sql) > D1_TEXT) throw new Error('statement too long')
  const bound = params.map((value) => (Array.isArray(value) ? Uint8Array.from(value) : value))
  if (bound.some((value) => Object(value).length > D1_VALUE))
    throw new Error('string or blob too big')
  const rows = database.prepare(sql).all(...(bound as SQLInputValue[]))
  return { success: true, results: rows.map((row) => mapCells(row, (cell) => [...cell])) }
}

/** As the binding converts and refuses what is bound. */
function toD1(value: unknown): unknown {
  if (value === null || typeof value === 'number' || typeof value === 'string') return value
  if (ArrayBuffer.isView(value)) return Array.from(value as Uint8Array)
  throw new Error(`D1_TYPE_ERROR: Type '${typeof value}' not supported for value '${value}'`)
}

/** A client of libSQL over a file. */
function connectLibsql(path: string, access?: 'readOnly'): BatchConnection {
  const database = openFile(path, access)
  const batch: LibsqlClient['batch'] = async (statements, mode) => {
    const sent = structuredClone(statements)
    await arrival()
    if (!database.isOpen) throw libsqlError('The client is closed', 'CLIENT_CLOSED')
    const begin = mode === 'write' ? 'BEGIN IMMEDIATE' : 'BEGIN'
    const results = transact(
      database,
      begin,
      () => sent.map(({ sql, args }) => ({ rows: runLibsql(database, sql, args) })),
      (error) => libsqlError(messageOf(error), nameOf(error)),
    )
    await arrival()
    return results
  }
  return {
    protocol: 'file',
    execute: async (sql) => (await batch([{ sql, args: [] }], 'write'))[0],
    batch,
    close: () => database.close(),
  }
}

function runLibsql(
  database: DatabaseSync,
  sql: string,
  args: readonly SQLInputValue[],
): readonly unknown[] {
  const rows = database.prepare(sql).all(...args)
  return rows.map((row) => mapCells(row, (cell) => cell.slice().buffer))
}

function libsqlError(message: string, code: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { name: 'LibsqlError', code })
}

function mapCells(row: object, toBytes: (cell: Uint8Array) => unknown): object {
  const cells = Object.entries(row).map(([name, cell]: readonly [string, unknown]) => [
    name,
    cell instanceof Uint8Array ? toBytes(cell) : cell,
  ])
  return Object.fromEntries(cells)
}

/** Each batch runs when it arrives, and its answer takes as long again. */
function arrival(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

function openFile(path: string, access?: 'readOnly'): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5_000, readOnly: access === 'readOnly' })
  if (access === undefined) database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
  return database
}

function transact<T>(
  database: DatabaseSync,
  begin: string,
  run: () => T,
  toError: (error: unknown) => Error,
): T {
  try {
    database.exec(begin)
    try {
      const result = run()
      database.exec('COMMIT')
      return result
    } finally {
      if (database.isTransaction) database.exec('ROLLBACK')
    }
  } catch (error) {
    throw toError(error)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function nameOf(error: unknown): string {
  const { errcode = 1 } = Object(error) as { readonly errcode?: number }
  return RESULTS[errcode & 0xff] ?? 'SQLITE_ERROR'
}
