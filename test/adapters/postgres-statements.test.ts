import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgresStore } from '../../src/adapters/postgres.ts'
import type { PgPool, PostgresClient } from '../../src/adapters/postgres/client.ts'
import type { Store } from '../../src/storage/store.ts'
import { batch, increment, row } from '../../src/testkit/rows.ts'
import { CLIENTS, disconnect, freshTable, sqlOf } from '../support/postgres-clients.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'
import { type Tapped, tappedClient } from '../support/tapped-client.ts'

let server: PostgresServer

beforeAll(async () => {
  server = await startPostgres({ settings: ['fsync=off'] })
})

afterAll(() => server.dispose())

/** What one of CockroachDB, YugabyteDB, Citus, Aurora DSQL or a pooler per transaction does not have. */
const FORBIDDEN: readonly RegExp[] = [
  /\badvisory\b/i,
  /\b(LISTEN|UNLISTEN|NOTIFY)\b/i,
  /\b(TEMP|TEMPORARY|UNLOGGED)\b/i,
  /\b(PREPARE|DEALLOCATE|EXECUTE)\b/i,
  /\bSET\s+(SESSION|LOCAL|TRANSACTION)\b|^\s*(RE)?SET\b/i,
  /set_config\([^)]*false\s*\)/i,
  /\b(SEQUENCE|nextval|currval|SERIAL|BIGSERIAL|IDENTITY)\b/i,
  /\b(TRIGGER|FUNCTION|PROCEDURE|EXTENSION|RULE|VIEW|REFERENCES|FOREIGN)\b/i,
  /^\s*DO\b/i,
  /\bSAVEPOINT\b/i,
  /\b(TRUNCATE|VACUUM|ANALYZE|CLUSTER|REINDEX|ALTER|DROP)\b/i,
  /\bLOCK\b|\bFOR\s+(NO\s+KEY\s+)?(UPDATE|SHARE)\b/i,
  /\b(COPY|DECLARE|FETCH|CURSOR)\b/i,
  /\bisolation\s+level\b/i,
]
const DEFINES = /\bCREATE\b/i
const WRITES = /\b(INSERT|UPDATE|DELETE)\b/i
/** Everything that a batch can be, in one statement and in steps. */
const BATCHES = [
  batch({ put: [row('a', '1'), row('b', '1'), row('c', '1')] }),
  batch({ checks: [row('a', '1'), ['d', null]], put: [row('a', '2'), row('d', '1')], del: ['b'] }),
  batch({ checks: [row('c', '1')], del: ['c', 'x'] }),
  batch({ checks: [['x', null]], del: ['x'] }),
]

async function useEverything(store: Store): Promise<void> {
  await store.open()
  for (const change of BATCHES) await store.commit(change)
  await store.commit(batch({ checks: [['a', null]], put: [row('a', '9')] })).catch(() => undefined)
  await store.read(['a'])
  await store.read(['a', 'b', 'q'])
  await store.scan('', { limit: 5 })
  await store.scan('', { after: 'a', limit: 5 })
  await store.close()
}

/** With engines that take a batch in one statement, and with those that do not. */
const ENGINES = { whole: () => false, limited: (text: string) => text.startsWith('WITH') }

async function clients(): Promise<readonly PostgresClient[]> {
  return [
    ...Object.values(CLIENTS).map(({ connect }) => connect(server.url)),
    await PGlite.create(),
  ]
}

test('no statement is ever sent that an engine or a pooler does not have', async () => {
  for (const client of await clients()) {
    for (const refuses of Object.values(ENGINES)) {
      const sent: Tapped[] = []
      const tapped = tappedClient(client, async (statement, run) => {
        sent.push(statement)
        if (refuses(statement.text)) throw Object.assign(new Error('no'), { code: '0A000' })
        return run()
      })
      await useEverything(postgresStore(tapped, { table: freshTable() }))
      expect(sent.length).toBeGreaterThan(12)
      for (const { text, given } of sent) {
        for (const rule of FORBIDDEN) expect(text).not.toMatch(rule)
        // A definition stands alone, a statement has no name, and no value stands in its text.
        expect(DEFINES.test(text) && WRITES.test(text)).toBe(false)
        expect(given).not.toHaveProperty('name')
        expect(text).not.toContain(';')
      }
    }
    await disconnect(client)
  }
}, 60_000)

test('a read, a page and a batch are one statement each, and no value stands in a text', async () => {
  const client = CLIENTS.pg.connect(server.url)
  const sent: Tapped[] = []
  const tapped = tappedClient(client, async (statement, run) => {
    sent.push(statement)
    return run()
  })
  const store = postgresStore(tapped, { table: freshTable() })
  await store.open()
  const calls = [
    () => store.commit(batch({ put: [row('key-5f3a', 'value-9c')] })),
    () => store.commit(batch({ checks: [row('key-5f3a', 'value-9c')], del: ['key-5f3a'] })),
    () => store.read(['key-5f3a']),
    () => store.read(['key-5f3a', 'other']),
    () => store.scan('key', { limit: 5 }),
  ]
  for (const call of calls) {
    sent.length = 0
    await call()
    expect(sent).toHaveLength(1)
    expect(sent[0]?.text).not.toMatch(/5f3a|9c/)
  }
  await disconnect(client)
})

test('nothing is kept in a connection: each transaction may have another one', async () => {
  const pool = new pg.Pool({ connectionString: server.url, max: 4 })
  const stores = ['a', 'b'].map(() => postgresStore(likePooler(pool), { table: 'pooled' }))
  for (const store of stores) await store.open()
  const [first, second] = stores as [Store, Store]
  for (const change of BATCHES) await first.commit(change)
  await Promise.all(stores.flatMap((store) => [1, 2, 3].map(() => increment(store, 'counter'))))
  expect(await second.read(['counter', 'a'])).toEqual([row('counter', '6')[1], row('a', '2')[1]])
  await pool.end()
})

/** Gives every transaction a connection on which nothing is left of those before, as PgBouncer does. */
function likePooler(pool: pg.Pool): PgPool {
  return {
    totalCount: 0,
    on: () => undefined,
    removeListener: () => undefined,
    end: () => pool.end(),
    query: async (query) => {
      const connection = await pool.connect()
      const result = await connection.query(query as pg.QueryConfig)
      await connection.query('DISCARD ALL')
      connection.release()
      return result
    },
    connect: async () => {
      const connection = await pool.connect()
      let inTransaction = false
      return {
        query: async (query) => {
          if (query.text === 'BEGIN') inTransaction = true
          const result = await connection.query(query as pg.QueryConfig)
          if (query.text === 'COMMIT' || query.text === 'ROLLBACK') inTransaction = false
          if (!inTransaction) await connection.query('DISCARD ALL')
          return result
        },
        release: (destroy) => connection.release(destroy),
        on: (event, listener) => connection.on(event, listener),
        removeListener: (event, listener) => connection.removeListener(event, listener),
      }
    },
  }
}

test('a key is found by the primary key, one row, many or a page', async () => {
  const client = CLIENTS.pg.connect(server.url)
  const table = freshTable()
  const store = postgresStore(client, { table })
  await store.open()
  const rows = Array.from({ length: 3_000 }, (_, at) =>
    row(`k/${String(at).padStart(5, '0')}`, 'v'),
  )
  await store.commit(batch({ put: rows }))
  await sqlOf(client, `ANALYZE ${table}`)
  for (const condition of [
    "k = 'k/00005'",
    "k IN ('k/00005', 'k/00006')",
    "k = ANY(string_to_array('k/00005 k/00006', ' '))",
    "k >= 'k/' AND k < 'k/\x7f' ORDER BY k LIMIT 5",
    "k > 'k/00005' AND k < 'k/\x7f' ORDER BY k LIMIT 5",
  ]) {
    const plan = JSON.stringify(
      await sqlOf(client, `EXPLAIN SELECT k, v FROM public.${table} WHERE ${condition}`),
    )
    expect(plan).toContain(`${table}_pkey`)
    expect(plan).not.toMatch(/Seq Scan|Sort/)
  }
  await disconnect(client)
})
