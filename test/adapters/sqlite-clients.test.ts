import { DatabaseSync } from 'node:sqlite'
import BetterSqlite3 from 'better-sqlite3'
import { afterEach, expect, test } from 'vitest'
import type {
  SqliteClient,
  SqliteParameter,
  SqliteStatement,
} from '../../src/adapters/sqlite/client.ts'
import { sqliteStore } from '../../src/adapters/sqlite.ts'
import { utf8 } from '../../src/base/bytes.ts'
import { row } from '../../src/testkit/rows.ts'
import { storeSuite } from '../../src/testkit/store-suite.ts'

const closing: { close(): unknown }[] = []

afterEach(() => {
  for (const connection of closing.splice(0)) connection.close()
})

/** Clients in the ways an app may have set them up. */
const CLIENTS: { readonly [name: string]: () => SqliteClient } = {
  'node:sqlite with rows as arrays': () => {
    return closed(new DatabaseSync(':memory:', { returnArrays: true }))
  },
  'node:sqlite with big integers': () => {
    return closed(new DatabaseSync(':memory:', { readBigInts: true }))
  },
  'node:sqlite with the defensive flag off': () => {
    return closed(new DatabaseSync(':memory:', { defensive: false }))
  },
  'better-sqlite3 with big integers': () => {
    const client = closed(new BetterSqlite3(':memory:'))
    client.defaultSafeIntegers(true)
    return client
  },
  'better-sqlite3 in UTF-16': () => {
    const client = closed(new BetterSqlite3(':memory:'))
    client.exec("PRAGMA encoding = 'UTF-16le'")
    return client
  },
}

function closed<C extends { close(): unknown }>(client: C): C {
  closing.push(client)
  return client
}

for (const [name, client] of Object.entries(CLIENTS)) {
  test(`a store works over ${name}`, async () => {
    const store = sqliteStore(client())
    await store.open()
    const put = [
      ['b', utf8('2')],
      ['a', utf8('1')],
      ['c', new Uint8Array(0)],
    ] as const
    await store.commit({ checks: [['a', null]], put, del: ['d'] })
    expect(await store.read(['c', 'a', 'x', 'a'])).toEqual([
      new Uint8Array(0),
      utf8('1'),
      undefined,
      utf8('1'),
    ])
    expect(await store.read(['b'])).toEqual([utf8('2')])
    expect(await store.scan('', { after: 'a', limit: 9 })).toEqual([put[0], put[2]])
    await expect(
      store.commit({ checks: [['a', utf8('2')]], put: [['a', utf8('3')]], del: [] }),
    ).rejects.toMatchObject({ code: 'write_conflict' })
    expect(await store.scrub?.()).toMatchObject({ remains: [] })
    await store.close()
  })
}

test('a client that hands out views of a shared pool does not pass them on', async () => {
  const pool = new Uint8Array(256)
  const client = closed(new DatabaseSync(':memory:'))
  const store = sqliteStore({
    prepare: (sql) => overPool(client.prepare(sql), pool),
    exec: (sql) => client.exec(sql),
  })
  await store.open()
  await store.commit({ checks: [], put: [row('a', 'one'), row('b', 'two')], del: [] })
  const values = [...(await store.read(['a'])), ...(await store.read(['a', 'b']))]
  pool.fill(0)
  expect(values).toEqual([utf8('one'), utf8('one'), utf8('two')])
  for (const value of values) expect(value?.buffer.byteLength).toBe(3)
})

/** Puts every value that is read at the next free place of the pool. */
function overPool(statement: SqliteStatement, pool: Uint8Array<ArrayBuffer>): SqliteStatement {
  const free = { at: 8 }
  const inPool = (found: unknown): unknown => {
    const { value } = Object(found) as { readonly value?: unknown }
    if (!(value instanceof Uint8Array)) return found
    pool.set(value, free.at)
    const view = Buffer.from(pool.buffer, free.at, value.length)
    free.at += value.length
    return { ...Object(found), value: view }
  }
  return {
    get: (...parameters) => inPool(statement.get(...parameters)),
    all: (...parameters) => statement.all(...parameters).map(inPool),
    run: (...parameters) => statement.run(...parameters),
  }
}

// bun:sqlite gives null for no row, and has bound empty arrays as NULL. Bun does not run here: the
// whole suite runs over a client that behaves as its documentation and sources say.
storeSuite({
  test: (title, run) => test(`over a client like that of Bun: ${title}`, run),
  open: async () => {
    const client = new DatabaseSync(':memory:')
    return { store: sqliteStore(likeBun(client)), dispose: async () => client.close() }
  },
})

function likeBun(client: DatabaseSync): SqliteClient {
  return {
    prepare: (sql) => likeBunStatement(client.prepare(sql)),
    exec: (sql) => client.exec(sql),
    get inTransaction() {
      return client.isTransaction
    },
  }
}

function likeBunStatement(statement: SqliteStatement): SqliteStatement {
  const bound = (parameters: SqliteParameter[]): SqliteParameter[] => {
    return parameters.map((it) => (it instanceof Uint8Array && it.length === 0 ? nothing : it))
  }
  return {
    get: (...parameters) => statement.get(...bound(parameters)) ?? null,
    all: (...parameters) => statement.all(...bound(parameters)),
    run: (...parameters) => statement.run(...bound(parameters)),
  }
}

const nothing = null as unknown as SqliteParameter
