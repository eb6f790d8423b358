import { PrivityError } from '../../base/errors.ts'
import { type BatchClient, type D1Client, isD1, type LibsqlClient } from './batch-client.ts'
import type { SqliteParameter } from './client.ts'

/** A statement and what it binds. */
export interface BatchStatement {
  readonly sql: string
  readonly args: readonly SqliteParameter[]
}

/** Rows of one statement, with cells by the names of their columns. */
export type BatchRows = readonly unknown[]

/** What the store needs of either client; errors are the client's own. */
export interface BatchSession {
  readonly name: string
  /** Runs the statements in one transaction, all or nothing, and gives the rows of each. */
  run(mode: 'read' | 'write', statements: readonly BatchStatement[]): Promise<readonly BatchRows[]>
}

/** Makes either client look the same. */
export function batchSession(client: BatchClient): BatchSession {
  return isD1(client) ? d1Session(client) : libsqlSession(client)
}

function d1Session(client: D1Client): BatchSession {
  return {
    name: 'D1',
    run: async (_, statements) => {
      const bound = statements.map(({ sql, args }) => client.prepare(sql).bind(...args))
      return (await client.batch(bound)).map(({ results }) => results)
    },
  }
}

function libsqlSession(client: LibsqlClient): BatchSession {
  return {
    name: `libSQL, protocol ${client.protocol}`,
    run: async (mode, statements) => {
      const sent = statements.map(({ sql, args }) => ({ sql, args: [...args] }))
      return (await client.batch(sent, mode)).map(({ rows }) => rows)
    },
  }
}

/** Bytes that nobody else holds: D1 gives them as a list of numbers, libSQL as an ArrayBuffer. */
export function bytesIn(cell: unknown): Uint8Array {
  if (Array.isArray(cell)) return Uint8Array.from(cell)
  if (cell instanceof ArrayBuffer) return new Uint8Array(cell.slice(0))
  if (cell instanceof Uint8Array) return new Uint8Array(cell)
  throw new PrivityError('store_corrupt', { reason: 'schema' })
}
