import { chunksOf } from '../../base/chunks-of.ts'
import type { Batch, Key, ScanOptions } from '../../storage/store.ts'
import type { BatchStatement } from './batch-session.ts'
import type { SqliteParameter } from './client.ts'
import { COLUMNS } from './statements.ts'

const TABLE = 'privity_rows'
/** D1 binds so many to one statement. */
const MOST_PARAMETERS = 100
/** D1 binds texts of up to 2 MB; this many keys with the marks around them are 260 KB. */
const MOST_KEYS = 1_000
/** Greater than every character of a key: what follows all keys that begin alike. */
const PAST = '\x7f'
/** What the table is made by, and what SQLite then says that it was made by. */
const CREATE = `${TABLE} ${COLUMNS}`

/**
 * Nothing else writes NULL, so this text in an error says that a check did not hold. A constraint that is
 * violated is the one thing that makes either service roll a batch back.
 */
export const CHECK_FAILED: string = `NOT NULL constraint failed: ${TABLE}.value`

/** Creates the table where it is missing, and asks how it was made. */
export const SETUP: readonly BatchStatement[] = [
  { sql: `CREATE TABLE IF NOT EXISTS ${CREATE}`, args: [] },
  { sql: `SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = '${TABLE}'`, args: [] },
]

/** What the second statement of the setup gives for a table that is ours. */
export const SHAPE: string = `CREATE TABLE ${CREATE}`

/** Reads keys: each row has the place of its key among those of its statement. */
export function readStatements(keys: readonly Key[]): readonly BatchStatement[] {
  return chunksOf(keys, MOST_KEYS).map((some) => ({
    // CROSS JOIN keeps SQLite from walking the whole table instead.
    sql: `SELECT k.key AS at, r.value AS value FROM json_each(?) AS k
      CROSS JOIN ${TABLE} AS r ON r.key = k.value`,
    args: [JSON.stringify(some)],
  }))
}

/** Place of the first key of a statement of {@link readStatements}. */
export function firstOf(statement: number): number {
  return statement * MOST_KEYS
}

/** One page of a scan. */
export function scanStatement(prefix: Key, { after, limit }: ScanOptions): BatchStatement {
  const from = after === undefined ? 'key >= ?' : 'key > ?'
  return {
    sql: `SELECT key, value FROM ${TABLE} WHERE ${from} AND key < ? ORDER BY key LIMIT ?`,
    args: [after ?? prefix, prefix + PAST, limit],
  }
}

/** A whole commit; copies what it is given. */
export function commitStatements({ checks, put, del }: Batch): readonly BatchStatement[] {
  const absent = checks.filter(([, value]) => value === null).map(([key]) => key)
  const present = checks.flatMap(([key, value]) => (value === null ? [] : [[key, value] as const]))
  const pairs = MOST_PARAMETERS / 2
  return [
    ...chunksOf(absent, MOST_PARAMETERS).map((keys) => ({
      sql: refuseIf(`EXISTS (SELECT 1 FROM ${TABLE} WHERE key IN (${marks(keys)}))`),
      args: keys,
    })),
    ...chunksOf(present, pairs).map((rows) => ({
      sql: refuseIf(`(SELECT count(*) FROM (VALUES ${tuples(rows)}) AS c
        CROSS JOIN ${TABLE} AS r ON r.key = c.column1 AND r.value = c.column2) <> ${rows.length}`),
      args: flat(rows),
    })),
    ...chunksOf(put, pairs).map((rows) => ({
      sql: `INSERT INTO ${TABLE} (key, value) VALUES ${tuples(rows)}
        ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      args: flat(rows),
    })),
    ...chunksOf(del, MOST_PARAMETERS).map((keys) => ({
      sql: `DELETE FROM ${TABLE} WHERE key IN (${marks(keys)})`,
      args: keys,
    })),
  ]
}

function refuseIf(condition: string): string {
  return `INSERT INTO ${TABLE} (key, value) SELECT '!', NULL WHERE ${condition}`
}

function marks(keys: readonly Key[]): string {
  return keys.map(() => '?').join(', ')
}

/** Some clients bind an empty array as NULL. */
function tuples(rows: readonly unknown[]): string {
  return rows.map(() => "(?, ifnull(?, x''))").join(', ')
}

function flat(rows: readonly (readonly [Key, Uint8Array])[]): readonly SqliteParameter[] {
  return rows.flatMap(([key, value]) => [key, value.slice()])
}
