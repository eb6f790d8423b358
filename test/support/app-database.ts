import { PGlite } from '@electric-sql/pglite'
import type { SqlClient } from 'privity/hooks'
import { isPgPool, type PostgresClient } from '../../src/adapters/postgres/client.ts'
import { CLIENTS, disconnect, sqlOf } from './postgres-clients.ts'
import { createFolder, DRIVERS } from './sqlite-drivers.ts'

/** A database of an app, with the client that the app opened. */
export interface AppDatabase {
  readonly client: SqlClient
  /** Runs statements as the app might, one after the other. */
  run(...statements: readonly string[]): Promise<void>
  /** The only cell of the only row. */
  cell(sql: string): Promise<unknown>
  dispose(): Promise<void>
}

export type DatabaseName = 'better-sqlite3' | 'node:sqlite' | 'PGlite' | 'pg' | 'postgres.js'

export const DATABASES: readonly DatabaseName[] = [
  'better-sqlite3',
  'node:sqlite',
  'PGlite',
  'pg',
  'postgres.js',
]

/** `url` is that of a PostgreSQL server. */
export async function openDatabase(name: DatabaseName, url: string): Promise<AppDatabase> {
  if (name === 'better-sqlite3' || name === 'node:sqlite') return sqliteDatabase(name)
  const client: PostgresClient = name === 'PGlite' ? new PGlite() : CLIENTS[name].connect(url)
  // As every app with a pool has to, or an idle connection that breaks ends the process.
  if (isPgPool(client)) client.on('error', () => undefined)
  await sqlOf(client, 'DROP SCHEMA public CASCADE')
  await sqlOf(client, 'CREATE SCHEMA public')
  return {
    client,
    run: async (...statements) => {
      for (const statement of statements) await sqlOf(client, statement)
    },
    cell: async (sql) => cellOf((await sqlOf(client, sql))[0]),
    dispose: () => disconnect(client),
  }
}

function sqliteDatabase(name: 'better-sqlite3' | 'node:sqlite'): AppDatabase {
  const folder = createFolder()
  const client = DRIVERS[name].connect(folder.file)
  client.exec('PRAGMA foreign_keys = ON')
  return {
    client,
    run: async (...statements) => {
      for (const statement of statements) client.exec(statement)
    },
    cell: async (sql) => cellOf(client.prepare(sql).get()),
    dispose: async () => {
      client.close()
      folder.remove()
    },
  }
}

/** postgres.js gives cells as bytes. */
function cellOf(row: unknown): unknown {
  const [cell = null] = Object.values(Object(row))
  if (cell instanceof Uint8Array) return Buffer.from(cell).toString()
  return typeof cell === 'bigint' || typeof cell === 'number' ? String(cell) : cell
}
