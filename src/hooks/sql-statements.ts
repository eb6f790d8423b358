import type { ParsedTable, SqlThrough, SqlValue } from './sql-table.ts'

/** A statement with its parameters, in their order. */
export interface Statement {
  /** Whether it answers with a number, or changes rows. */
  readonly answers: boolean
  readonly sql: string
  readonly parameters: readonly (string | number)[]
}

/** In what the databases differ. */
export interface Dialect {
  /** The place of the parameter with this number, from 1 on. */
  readonly placeholder: (number: number) => string
  /** Differs, where NULL is a value like others. */
  readonly differs: string
  /** Compares text byte by byte, whatever the column does. */
  readonly exact: string
  readonly booleans: { readonly true: string; readonly false: string }
}

/** What is asked of one table about one person. */
export interface TableStatements {
  /** How many rows there are that something has yet to be done to. */
  readonly count: Statement
  /**
   * How many rows the database takes for the person's although the id in them is written otherwise: 42 for `042`,
   * or `ANNA` for `anna` where case is ignored. Nobody can tell whose they are.
   */
  readonly doubtful: Statement
  readonly change: Statement
}

export const SQLITE: Dialect = {
  placeholder: () => '?',
  differs: 'IS NOT',
  exact: 'COLLATE BINARY',
  booleans: { true: '1', false: '0' },
}

export const POSTGRES: Dialect = {
  placeholder: (number) => `$${number}`,
  differs: 'IS DISTINCT FROM',
  exact: 'COLLATE "C"',
  booleans: { true: 'TRUE', false: 'FALSE' },
}

/** The statements for one person. Pure: names were checked, and no text of a value is part of the statement. */
export function statementsFor(table: ParsedTable, id: string, dialect: Dialect): TableStatements {
  const place = quote(table.table)
  const rows = rowsOf(table, (column) => ({
    // The first half finds an index, the second does not take one person's id for another's.
    sql: `${column} = ? AND CAST(${column} AS TEXT) = ? ${dialect.exact}`,
    parameters: [id, id],
  }))
  const doubtful = rowsOf(table, (column) => ({
    sql: `${column} = ? AND CAST(${column} AS TEXT) <> ? ${dialect.exact}`,
    parameters: [id, id],
  }))
  const left = leftOf(table, dialect)
  const count = `SELECT count(*) FROM ${place} WHERE`
  return {
    count: numbered(dialect, [count, rows, left]),
    doubtful: numbered(dialect, [count, doubtful]),
    change: numbered(dialect, [changeOf(table, dialect), rows]),
  }
}

/** A part of a statement, with `?` for each parameter: no name holds one. */
type Part = Piece | string
type Piece = Omit<Statement, 'answers'>

function rowsOf(table: SqlThrough, match: (column: string) => Piece): Piece {
  const column = quote(table.column)
  if (table.through === undefined) return match(column)
  const { sql, parameters } = rowsOf(table.through, match)
  const { id, table: above } = table.through
  return { sql: `${column} IN (SELECT ${quote(id)} FROM ${quote(above)} WHERE ${sql})`, parameters }
}

/** A row that is anonymous already is found by the person's id still, where that column is not among those set. */
function leftOf({ set }: ParsedTable, dialect: Dialect): Part {
  if (set.length === 0) return ''
  const parts = set.map(([column, value]) => ({
    sql: `${quote(column)} ${dialect.differs} ${written(value, dialect)}`,
    parameters: bound(value),
  }))
  return {
    sql: `AND (${parts.map(({ sql }) => sql).join(' OR ')})`,
    parameters: parts.flatMap(({ parameters }) => parameters),
  }
}

function changeOf({ table, action, column, set }: ParsedTable, dialect: Dialect): Part {
  const place = quote(table)
  if (action === 'delete') return `DELETE FROM ${place} WHERE`
  if (action === 'detach') return `UPDATE ${place} SET ${quote(column)} = NULL WHERE`
  const columns = set.map(([name, value]) => `${quote(name)} = ${written(value, dialect)}`)
  return {
    sql: `UPDATE ${place} SET ${columns.join(', ')} WHERE`,
    parameters: set.flatMap(([, value]) => bound(value)),
  }
}

function written(value: SqlValue, { booleans }: Dialect): string {
  if (value === null) return 'NULL'
  if (typeof value === 'boolean') return value ? booleans.true : booleans.false
  return '?'
}

function bound(value: SqlValue): readonly (string | number)[] {
  return typeof value === 'string' || typeof value === 'number' ? [value] : []
}

/** Each step of a name was checked: letters, digits and underscores. */
function quote(name: string): string {
  return name
    .split('.')
    .map((step) => `"${step}"`)
    .join('.')
}

function numbered(dialect: Dialect, parts: readonly Part[]): Statement {
  const given = parts.map((part) =>
    typeof part === 'string' ? { sql: part, parameters: [] } : part,
  )
  let number = 0
  const sql = given
    .map((part) => part.sql)
    .join(' ')
    .trim()
    .replaceAll('?', () => {
      number += 1
      return dialect.placeholder(number)
    })
  const answers = sql.startsWith('SELECT')
  return { answers, sql, parameters: given.flatMap((part) => part.parameters) }
}
