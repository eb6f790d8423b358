import type { PostgresClient } from '../adapters/postgres/client.ts'
import { toStoreError } from '../adapters/postgres/errors.ts'
import { openSession } from '../adapters/postgres/open-session.ts'
import type { Query, Session } from '../adapters/postgres/session.ts'
import { isClient, type SqliteClient } from '../adapters/sqlite/client.ts'
import { toStoreError as toSqliteError } from '../adapters/sqlite/errors.ts'
import { assertIdle, createTransact } from '../adapters/sqlite/transaction.ts'
import { PrivityError } from '../base/errors.ts'
import { type Dialect, POSTGRES, SQLITE, type Statement } from './sql-statements.ts'

/** A connection of the app to its database: better-sqlite3, node:sqlite, a `Pool` of pg, postgres.js or PGlite. */
export type SqlClient = SqliteClient | PostgresClient

/** Asks one statement after the other, and is given the number that each one answers. */
export type Work<T> = () => Generator<Statement, T, number>

/** What the hook needs of any client; what it rejects with is a `PrivityError` without a word of the driver's. */
export interface SqlSession {
  readonly dialect: Dialect
  /** Statements that change nothing. */
  read<T>(work: Work<T>): Promise<T>
  /** All of them or none. */
  change<T>(work: Work<T>): Promise<T>
}

/** https://sqlite.org/rescode.html, https://www.postgresql.org/docs/current/errcodes-appendix.html */
const FOREIGN_KEY: readonly unknown[] = [
  787,
  1811,
  'SQLITE_CONSTRAINT_FOREIGNKEY',
  'SQLITE_CONSTRAINT_TRIGGER',
  '23503',
]
const CONSTRAINT = /^(?:SQLITE_CONSTRAINT|23[0-9A-Z]{3}$)/
const SQLITE_CONSTRAINT = 19

/** @throws {@link invalid_input} for what is none of the clients */
export function openSqlSession(client: unknown): SqlSession {
  return isClient(client) ? sqliteSession(client) : postgresSession(client)
}

function sqliteSession(client: SqliteClient): SqlSession {
  return {
    dialect: SQLITE,
    read: async (work) => readNow(client, work),
    change: async (work) => changeNow(client, work),
  }
}

function readNow<T>(client: SqliteClient, work: Work<T>): T {
  try {
    return runNow(client, work)
  } catch (error) {
    throw toSqliteError({ client, phase: 'before-commit', error })
  }
}

/** Nothing is awaited between the statements, since the connection is the app's. */
function changeNow<T>(client: SqliteClient, work: Work<T>): T {
  assertIdle(client)
  const results: T[] = []
  createTransact(client)(() => {
    results.push(runNow(client, work))
  })
  return only(results)
}

function runNow<T>(client: SqliteClient, work: Work<T>): T {
  const steps = work()
  let step = steps.next()
  while (step.done !== true) step = steps.next(askNow(client, step.value))
  return step.value
}

function askNow(client: SqliteClient, { sql, parameters, answers }: Statement): number {
  try {
    const statement = client.prepare(sql)
    if (answers) return numberIn(statement.get(...parameters))
    statement.run(...parameters)
    return 0
  } catch (error) {
    throw constraintOf(error) ?? error
  }
}

function postgresSession(client: unknown): SqlSession {
  const session = openSession(client)
  return {
    dialect: POSTGRES,
    read: (work) => typed(() => run(session.read, work)),
    change: (work) => typed(() => changeIn(session, work)),
  }
}

async function changeIn<T>(session: Session, work: Work<T>): Promise<T> {
  const results: T[] = []
  await session.transaction(async (query) => {
    results.push(await run(query, work))
  })
  return only(results)
}

async function run<T>(query: Query, work: Work<T>): Promise<T> {
  const steps = work()
  let step = steps.next()
  while (step.done !== true) {
    const { sql, parameters } = step.value
    const [row] = await query(sql, parameters.map(String))
    step = steps.next(numberIn(row))
  }
  return step.value
}

async function typed<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw constraintOf(error) ?? toStoreError(error, 'before-commit')
  }
}

/** The only cell of a row, as a number; 0 without one. */
function numberIn(row: unknown): number {
  const cells = typeof row === 'object' && row !== null ? Object.values(row) : []
  return Number(cells[0] ?? 0)
}

/** A constraint of the app's tables is not damage, as it would be among our own rows. */
function constraintOf(error: unknown): PrivityError | undefined {
  const { code, errcode } = Object(error) as { readonly code?: unknown; readonly errcode?: unknown }
  const isForeignKey = FOREIGN_KEY.includes(errcode) || FOREIGN_KEY.includes(code)
  const isConstraint =
    (typeof errcode === 'number' && (errcode & 0xff) === SQLITE_CONSTRAINT) ||
    (typeof code === 'string' && CONSTRAINT.test(code))
  if (!isForeignKey && !isConstraint) return undefined
  return new PrivityError('store_unavailable', {
    reason: isForeignKey ? 'foreign_key' : 'constraint',
  })
}

function only<T>([result]: readonly T[]): T {
  return result as T
}
