import type { PostgresParameter } from './client.ts'
import type { WriteKind, Writes, WriteSet } from './writes.ts'

/** A statement and what it binds. */
export interface Statement {
  readonly text: string
  readonly parameters: readonly PostgresParameter[]
}

/** Statements over one table, which stands quoted in them. */
export interface Statements {
  readonly get: string
  readonly getMany: string
  /** For one key, two, and so on, each bound by itself: that is planned faster. */
  readonly getFew: readonly string[]
  readonly scan: string
  readonly scanAfter: string
  /** Writes of one kind, bound from a position on; gives a row for each that was done. */
  write(kind: StepKind, set: WriteSet, first: number): Statement
}

/** How the statement of a commit sees to it that the commit is flushed. */
export type Flush = 'raise' | 'as-set'

/** What one statement can do with rows. */
export type StepKind = Exclude<WriteKind, 'absent'>

/** A row cannot be written twice in one statement, so `absent` is not among these. */
const AT_ONCE = ['change', 'create', 'put', 'drop', 'remove'] as const satisfies StepKind[]

/** A read of a person takes two keys, and the first of a search four. */
const FEW = 8

const FLUSH: { readonly [F in Flush]: string } = {
  // Only what is off is raised: other settings flush, and some wait for standbys as well. For this
  // transaction only, because the connection is not ours.
  raise: `CASE WHEN current_setting('synchronous_commit') = 'off'
    THEN set_config('synchronous_commit', 'on', true)
    ELSE current_setting('synchronous_commit') END`,
  'as-set': "current_setting('synchronous_commit', true)",
}

/** The texts of all statements that depend on the table alone. */
export function statementsFor(table: string): Statements {
  return {
    get: `SELECT v FROM ${table} WHERE k = $1`,
    getMany: `SELECT k, v FROM ${table} WHERE k = ANY(string_to_array($1::text, ' '))`,
    getFew: Array.from({ length: FEW }, (_, at) => getFew(table, at + 1)),
    scan: `SELECT k, v FROM ${table} WHERE k >= $1 AND k < $2 ORDER BY k LIMIT $3::text::int`,
    scanAfter: `SELECT k, v FROM ${table} WHERE k > $1 AND k < $2 ORDER BY k LIMIT $3::text::int`,
    write: (kind, { parameters }, first) => ({
      text: WRITE[kind](table, first),
      parameters: kind === 'remove' ? parameters.slice(0, 1) : parameters,
    }),
  }
}

function getFew(table: string, count: number): string {
  const keys = Array.from({ length: count }, (_, at) => `$${at + 1}`)
  return `SELECT k, v FROM ${table} WHERE k IN (${keys.join(', ')})`
}

/** The statement that says, and in a transaction sees to it, how commits are flushed. */
export function flushStatement(flush: Flush): Statement {
  return { text: `SELECT ${FLUSH[flush]}`, parameters: [] }
}

/**
 * A whole batch as one statement, which is its own transaction: one round trip, and no connection that
 * has to be kept. If a check does not hold it fails, by a cast, so that nothing of it is applied. Every
 * row that it writes is locked until it ends, in its newest version.
 */
export function commitStatement(
  { write }: Statements,
  writes: Writes,
  { flush, all }: { readonly flush: Flush; readonly all: boolean },
): Statement {
  const kinds = AT_ONCE.filter((kind) => all || writes[kind].count > 0)
  const parameters: PostgresParameter[] = []
  const parts = kinds.map((kind) => {
    const part = write(kind, writes[kind], parameters.length + 1)
    parameters.push(...part.parameters)
    return `${kind}_rows AS (${part.text})`
  })
  const done = kinds.map((kind) => `(SELECT count(*) FROM ${kind}_rows)`).join(' + ')
  const count = kinds.reduce((sum, kind) => sum + writes[kind].count, 0)
  return {
    text: `WITH flush AS (SELECT ${FLUSH[flush]} AS level), ${parts.join(', ')}
      SELECT (CASE WHEN ${done} = ${count} THEN '0' ELSE 'another writer came first' END)::int,
        (SELECT level FROM flush)`,
    parameters,
  }
}

const WRITE: { readonly [K in StepKind]: (table: string, first: number) => string } = {
  change: (table, first) =>
    `UPDATE ${table} AS r SET v = ${newOf(first)} FROM ${source(first)}
      WHERE r.k = o.k AND r.v = ${oldOf(first)} RETURNING r.k`,
  create: (table, first) =>
    `INSERT INTO ${table} (k, v) SELECT o.k, ${newOf(first)} FROM ${source(first)}
      ON CONFLICT (k) DO NOTHING RETURNING k`,
  put: (table, first) =>
    `INSERT INTO ${table} (k, v) SELECT o.k, ${newOf(first)} FROM ${source(first)}
      ON CONFLICT (k) DO UPDATE SET v = excluded.v RETURNING k`,
  drop: (table, first) =>
    `DELETE FROM ${table} AS r USING ${source(first)}
      WHERE r.k = o.k AND r.v = ${oldOf(first)} RETURNING r.k`,
  remove: (table, first) =>
    `DELETE FROM ${table} WHERE k = ANY(string_to_array($${first}::text, ' ')) RETURNING k`,
}

/** The writes of a set as rows: key, where its bytes start, length of the old value, of the new one. */
function source(first: number): string {
  const [keys, ...numbers] = [0, 1, 2, 3].map(
    (offset) => `string_to_array($${first + offset}::text, ' ')`,
  )
  const columns = [keys, ...numbers.map((column) => `${column}::int[]`)]
  return `unnest(${columns.join(', ')}) AS o(k, s, m, n)`
}

function oldOf(first: number): string {
  return `substring($${first + 4}::bytea FROM o.s FOR o.m)`
}

function newOf(first: number): string {
  return `substring($${first + 4}::bytea FROM o.s + o.m FOR o.n)`
}
