/** What Privity binds to a statement, always by position. */
export type SqliteParameter = string | number | Uint8Array

/** The part of a prepared statement that Privity uses. */
export interface SqliteStatement {
  /** The first row as an object, `undefined` or `null` when there is none. */
  get(...parameters: SqliteParameter[]): unknown
  /** Every row. */
  all(...parameters: SqliteParameter[]): readonly unknown[]
  /** Runs it for what it changes. */
  run(...parameters: SqliteParameter[]): unknown
  /** node:sqlite, where rows may come as arrays. */
  setReturnArrays?(enabled: boolean): void
}

/**
 * The part of an SQLite connection that Privity uses, so that no driver is imported. A `Database`
 * of better-sqlite3, a `DatabaseSync` of node:sqlite and a `Database` of bun:sqlite all have it.
 */
export interface SqliteClient {
  /** A statement to be run many times. */
  prepare(sql: string): SqliteStatement
  /** Runs one statement without rows, or several. */
  exec(sql: string): unknown
  /** better-sqlite3 and bun:sqlite. */
  readonly inTransaction?: boolean
  /** node:sqlite. */
  readonly isTransaction?: boolean
  /** `false` once closed: better-sqlite3. */
  readonly open?: unknown
  /** `false` once closed: node:sqlite. */
  readonly isOpen?: boolean
}

/** Whether this has the verbs of a connection. */
export function isClient(value: unknown): value is SqliteClient {
  if (typeof value !== 'object' || value === null) return false
  try {
    const { prepare, exec } = value as Partial<SqliteClient>
    return typeof prepare === 'function' && typeof exec === 'function'
  } catch {
    // An accessor or a proxy that throws.
    return false
  }
}

/** Whether somebody began a transaction on this connection; `undefined` when it does not tell. */
export function inTransaction(client: SqliteClient): boolean | undefined {
  try {
    return client.inTransaction ?? client.isTransaction
  } catch {
    // The getter of node:sqlite throws once the connection is closed.
    return undefined
  }
}

/** Tells a closed connection from one that refused something, where an error has no code. */
export function isClosed(client: SqliteClient): boolean {
  try {
    if (client.open === false || client.isOpen === false) return true
    client.prepare('SELECT 1').get()
    return false
  } catch {
    return true
  }
}

/** The only cell of the first row, as text; empty when there is no row. */
export function scalar(client: SqliteClient, sql: string): string {
  const row = client.prepare(sql).get()
  const cells = typeof row === 'object' && row !== null ? Object.values(row) : []
  return String(cells[0] ?? '')
}
