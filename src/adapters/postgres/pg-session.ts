import { PrivityError } from '../../base/errors.ts'
import type { Cell } from './cell.ts'
import type { PgConnection, PgPool } from './client.ts'
import { losesConnection, toStoreError } from './errors.ts'
import type { Query, Session } from './session.ts'

/** As the text that comes: not by a parser that the app has set. The binary format of pg loses bytes. */
const AS_IT_COMES = { getTypeParser: () => (cell: unknown) => cell }

/** A pool of pg. */
export function pgSession(pool: PgPool): Session {
  return {
    read: readOn(pool),
    query: (text, parameters) =>
      withConnection(pool, (connection) => queryOn(connection)(text, parameters)),
    transaction: (work) => withConnection(pool, (connection) => transact(connection, work)),
    ephemeral: false,
    // A pool whose idle connection breaks ends the process unless somebody listens.
    attach: () => void pool.on('error', ignore),
    detach: () => void pool.removeListener('error', ignore),
    end: () => pool.end(),
  }
}

/** Without a difference between what was sent and what was not, the pool does all by itself. */
function readOn(pool: PgPool): Query {
  const run = queryOn(pool)
  return async (text, parameters) => {
    try {
      return await run(text, parameters)
    } catch (error) {
      throw pool.ending === true ? closed() : error
    }
  }
}

async function withConnection<T>(
  pool: PgPool,
  work: (connection: PgConnection) => Promise<T>,
): Promise<T> {
  const connection = await checkOut(pool)
  let broken = false
  // An error beside a query is an event, and ends the process when nobody listens.
  function onError(): void {
    broken = true
  }
  connection.on('error', onError)
  try {
    return await work(connection)
  } catch (error) {
    broken ||= losesConnection(error)
    throw error
  } finally {
    connection.removeListener('error', onError)
    connection.release(broken)
  }
}

async function checkOut(pool: PgPool): Promise<PgConnection> {
  try {
    return await pool.connect()
  } catch (error) {
    throw pool.ending === true ? closed() : toStoreError(error, 'unsent')
  }
}

function queryOn(connection: Pick<PgConnection, 'query'>): Query {
  return async (text, parameters) => {
    const { rows } = await connection.query({
      text,
      values: [...parameters],
      rowMode: 'array',
      types: AS_IT_COMES,
    })
    return rows as readonly (readonly Cell[])[]
  }
}

async function transact(
  connection: PgConnection,
  work: (query: Query) => Promise<void>,
): Promise<void> {
  await connection.query({ text: 'BEGIN' })
  try {
    await work(queryOn(connection))
  } catch (error) {
    await rollBack(connection)
    throw error
  }
  await connection.query({ text: 'COMMIT' })
}

/** What cannot be rolled back is: its connection is closed, because the error below is none of a server. */
async function rollBack(connection: PgConnection): Promise<void> {
  try {
    await connection.query({ text: 'ROLLBACK' })
  } catch {
    throw new PrivityError('store_unavailable', { reason: 'connection_lost' })
  }
}

function closed(): PrivityError {
  return new PrivityError('store_closed', { reason: 'connection_closed' })
}

function ignore(): void {}
