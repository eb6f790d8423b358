import type { SqliteClient, SqliteStatement } from './client.ts'

/** Everything a store runs on its hot path, prepared once. */
export interface Statements {
  /** For one key, two, and so on. */
  readonly getFew: readonly SqliteStatement[]
  readonly getMany: SqliteStatement
  readonly scan: SqliteStatement
  readonly scanAfter: SqliteStatement
  readonly exists: SqliteStatement
  readonly equals: SqliteStatement
  readonly put: SqliteStatement
  readonly del: SqliteStatement
}

/** `main`, because a temporary table of the same name would win. */
export const TABLE = 'main.privity_rows'

/**
 * Columns of the table. Without a rowid a read goes down one tree instead of two; the value stands
 * last so that its overflow pages are not walked to reach the key.
 */
export const COLUMNS =
  '(key TEXT COLLATE BINARY NOT NULL PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID'

// Some drivers bind an empty array as NULL.
const BYTES = "ifnull(?, x'')"

/** A read of a person takes two keys, and the first of a search four. */
const FEW = 4

const SQL = {
  // One statement is one snapshot. CROSS JOIN keeps SQLite from walking the whole table instead.
  getMany: `SELECT k.key AS at, r.value AS value FROM json_each(?) AS k
    CROSS JOIN ${TABLE} AS r ON r.key = k.value`,
  // A bare LIMIT ? makes SQLite prepare the statement anew whenever something is bound: four times as slow.
  scan: `SELECT key, value FROM ${TABLE} WHERE key >= ? AND key < ? ORDER BY key LIMIT ? + 0`,
  scanAfter: `SELECT key, value FROM ${TABLE} WHERE key > ? AND key < ? ORDER BY key LIMIT ? + 0`,
  exists: `SELECT 1 AS found FROM ${TABLE} WHERE key = ?`,
  equals: `SELECT 1 AS found FROM ${TABLE} WHERE key = ? AND value = ${BYTES}`,
  put: `INSERT INTO ${TABLE} (key, value) VALUES (?, ${BYTES})
    ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
  del: `DELETE FROM ${TABLE} WHERE key = ?`,
} as const

/** Prepares all of them; the table must be there. */
export function prepareStatements(client: SqliteClient): Statements {
  return {
    getFew: Array.from({ length: FEW }, (_, at) => prepare(client, getFew(at + 1))),
    getMany: prepare(client, SQL.getMany),
    scan: prepare(client, SQL.scan),
    scanAfter: prepare(client, SQL.scanAfter),
    exists: prepare(client, SQL.exists),
    equals: prepare(client, SQL.equals),
    put: prepare(client, SQL.put),
    del: prepare(client, SQL.del),
  }
}

/** One row with a column for each key, which is faster than a row for each. */
function getFew(count: number): string {
  const columns = Array.from(
    { length: count },
    (_, at) => `(SELECT value FROM ${TABLE} WHERE key = ?) AS v${at}`,
  )
  return `SELECT ${columns.join(', ')}`
}

function prepare(client: SqliteClient, sql: string): SqliteStatement {
  const statement = client.prepare(sql)
  statement.setReturnArrays?.(false)
  return statement
}
