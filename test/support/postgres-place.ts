import { setMaxListeners } from 'node:events'
import pg from 'pg'
import { postgresStore } from 'privity/postgres'
import { engineAddress } from './engine-address.ts'
import { sqlOf } from './postgres-clients.ts'
import type { PostgresAddress } from './postgres-engine.ts'
import { allRows, type Place } from './stores.ts'

const CONNECTIONS = 10

/** One pool for all places of a file: every place is a table of its own. */
let pool: Promise<pg.Pool> | undefined

export async function postgresPlace(): Promise<Place> {
  pool ??= connect()
  const client = await pool
  const table = `journey_${crypto.randomUUID().replaceAll('-', '_')}`
  const store = (): ReturnType<Place['store']> => postgresStore(client, { table })
  return {
    name: 'PostgreSQL',
    store,
    rows: () => allRows(store()),
    files: () => [],
    dispose: async () => {
      await sqlOf(client, `DROP TABLE IF EXISTS ${table}`)
    },
  }
}

/** Closes the pool, if there was one. */
export async function leavePostgres(): Promise<void> {
  await (await pool)?.end()
  pool = undefined
}

async function connect(): Promise<pg.Pool> {
  const { url } = (await engineAddress('postgres')) as PostgresAddress
  const client = new pg.Pool({ connectionString: url, max: CONNECTIONS })
  // Every store that is open listens, and processes that die in journeys never close theirs.
  setMaxListeners(0, client)
  return client
}
