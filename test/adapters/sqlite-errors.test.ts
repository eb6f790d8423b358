import { closeSync, openSync, writeSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { isClosed, type SqliteClient } from '../../src/adapters/sqlite/client.ts'
import { sqliteStore } from '../../src/adapters/sqlite.ts'
import { utf8 } from '../../src/base/bytes.ts'
import type { Batch, Store } from '../../src/storage/store.ts'
import { type FlakyClient, flakyClient } from '../support/flaky-client.ts'
import { type Connection, createFolder, DRIVERS, type Driver } from '../support/sqlite-drivers.ts'

const cleanups: (() => void)[] = []

afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
})

interface Opened {
  readonly file: string
  readonly connection: Connection
  readonly flaky: FlakyClient
  readonly store: Store
}

function file(): string {
  const folder = createFolder()
  cleanups.push(() => folder.remove())
  return folder.file
}

function connect(driver: Driver, path: string): Connection {
  const connection = driver.connect(path)
  cleanups.push(() => {
    if (!isClosed(connection)) connection.close()
  })
  return connection
}

/** An opened store with the row `a`, over a connection whose calls can be made to fail. */
async function opened(driver: Driver): Promise<Opened> {
  const path = file()
  const connection = connect(driver, path)
  const flaky = flakyClient(connection, driver.failure('IOERR', 10))
  const store = sqliteStore(flaky)
  await store.open()
  await store.commit(put('a', 'old'))
  return { file: path, connection, flaky, store }
}

function put(key: string, text: string, ...checks: Batch['checks']): Batch {
  return { checks, put: [[key, utf8(text)]], del: [] }
}

function calls(store: Store): readonly (() => Promise<unknown>)[] {
  return [
    () => store.read(['a']),
    () => store.read(['a', 'b']),
    () => store.read(['a', 'b', 'c', 'd', 'e', 'f']),
    () => store.scan('', { limit: 1 }),
    () => store.commit(put('a', 'new')),
    async () => store.scrub?.(),
  ]
}

/** Result codes, what a call that met them says, and what it says when COMMIT itself met them. */
const RESULTS = [
  ['ERROR', 1, 'store_corrupt', 'schema', 'outcome_unknown'],
  ['PERM', 3, 'store_unavailable', 'permission', 'outcome_unknown'],
  ['BUSY', 5, 'store_unavailable', 'busy', 'store_unavailable'],
  ['BUSY_SNAPSHOT', 517, 'store_unavailable', 'busy', 'store_unavailable'],
  ['LOCKED', 6, 'store_unavailable', 'busy', 'store_unavailable'],
  ['NOMEM', 7, 'store_unavailable', 'memory', 'outcome_unknown'],
  ['READONLY_DBMOVED', 1_032, 'store_unavailable', 'read_only', 'store_unavailable'],
  ['INTERRUPT', 9, 'store_unavailable', 'interrupted', 'outcome_unknown'],
  ['IOERR', 10, 'store_unavailable', 'io', 'outcome_unknown'],
  ['IOERR_FSYNC', 1_034, 'store_unavailable', 'io', 'outcome_unknown'],
  ['CORRUPT', 11, 'store_corrupt', 'damaged', 'store_corrupt'],
  ['CORRUPT_INDEX', 779, 'store_corrupt', 'damaged', 'store_corrupt'],
  ['FULL', 13, 'store_full', 'disk_full', 'store_full'],
  ['CANTOPEN', 14, 'store_unavailable', 'cannot_open', 'outcome_unknown'],
  ['PROTOCOL', 15, 'store_unavailable', 'busy', 'outcome_unknown'],
  ['SCHEMA', 17, 'store_unavailable', 'busy', 'outcome_unknown'],
  ['CONSTRAINT_TRIGGER', 1_811, 'store_corrupt', 'schema', 'outcome_unknown'],
  ['AUTH', 23, 'store_unavailable', 'permission', 'outcome_unknown'],
  ['NOTADB', 26, 'store_corrupt', 'not_a_database', 'store_corrupt'],
  ['SOMETHING_NEW', 99, 'store_unavailable', 'other', 'outcome_unknown'],
] as const

/** How each client reports a result; that of Bun is by its documentation. */
const STYLES: readonly ((name: string, code: number) => Error)[] = [
  (name) => Object.assign(new Error('says a-secret'), { code: `SQLITE_${name}` }),
  (_, errcode) => Object.assign(new Error('says a-secret'), { code: 'ERR_SQLITE_ERROR', errcode }),
  (name, errno) => Object.assign(new Error('says a-secret'), { code: `SQLITE_${name}`, errno }),
]

test('each result code has its meaning, in the style of every client and in every phase', async () => {
  const { flaky, store } = await opened(DRIVERS['node:sqlite'])
  for (const [name, code, meaning, reason, atCommit] of RESULTS) {
    for (const style of STYLES) {
      const failed = { code: meaning, details: { reason } }
      for (const text of [
        'BEGIN IMMEDIATE',
        'SELECT 1 AS found',
        'INSERT INTO main.privity_rows',
      ]) {
        flaky.failOn(text, style(name, code))
        await expect(store.commit(put('a', 'new', ['a', utf8('old')]))).rejects.toMatchObject(
          failed,
        )
      }
      for (const text of ['SELECT value', 'json_each', 'SELECT key, value']) {
        flaky.failOn(text, style(name, code))
        const errors = await Promise.all(calls(store).slice(0, 4).map(errorOf))
        expect(errors).toEqual(expect.arrayContaining([expect.objectContaining(failed)]))
      }
      flaky.failOn('COMMIT', style(name, code))
      const error = await errorOf(() => store.commit(put('a', 'new')))
      expect([name, Reflect.get(Object(error), 'code')]).toEqual([name, atCommit])
      expect(
        JSON.stringify([error, String(error), Object(error).stack, Object(error).cause]),
      ).not.toContain('a-secret')
      flaky.failOn(undefined)
      expect(await store.read(['a'])).toEqual([utf8('old')])
    }
  }
})

async function errorOf(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return await call()
  } catch (error) {
    return error
  }
}

test('an error that is not from SQLite has no meaning: in doubt at COMMIT, refused before', async () => {
  const { flaky, store } = await opened(DRIVERS['better-sqlite3'])
  const foreign: readonly unknown[] = [
    new TypeError('says a-secret'),
    'text',
    undefined,
    null,
    5,
    { code: 7 },
  ]
  for (const error of foreign.filter((value) => value !== undefined)) {
    flaky.failOn('COMMIT', error)
    await expect(store.commit(put('a', 'new'))).rejects.toMatchObject({ code: 'outcome_unknown' })
    flaky.failOn('INSERT', error)
    await expect(store.commit(put('a', 'new'))).rejects.toMatchObject({
      code: 'store_unavailable',
      details: { reason: 'refused_by_driver' },
    })
    flaky.failOn(undefined)
    expect(await store.read(['a'])).toEqual([utf8('old')])
  }
})

test('a transaction that cannot be rolled back leaves the outcome unknown', async () => {
  for (const driver of Object.values(DRIVERS)) {
    const { connection, flaky, store } = await opened(driver)
    flaky.failOn('ROLLBACK')
    await expect(store.commit(put('a', 'new', ['a', utf8('other')]))).rejects.toMatchObject({
      code: 'outcome_unknown',
    })
    flaky.failOn(undefined)
    // Nothing goes on inside what was left open.
    await expect(store.read(['a'])).rejects.toMatchObject({ code: 'store_unavailable' })
    connection.exec('ROLLBACK')
    expect(await store.read(['a'])).toEqual([utf8('old')])
  }
})

for (const driver of Object.values(DRIVERS)) {
  test(`${driver.name}: nothing is done inside a transaction of the app`, async () => {
    const { connection, store } = await opened(driver)
    for (const begin of ['BEGIN', 'BEGIN IMMEDIATE', 'SAVEPOINT mine']) {
      connection.exec(begin)
      connection.exec('CREATE TABLE mine (id INTEGER PRIMARY KEY)')
      const fresh = sqliteStore(connection)
      for (const call of [...calls(store), () => fresh.open()]) {
        await expect(call()).rejects.toMatchObject({
          code: 'store_unavailable',
          details: { reason: 'in_transaction' },
        })
      }
      connection.exec('INSERT INTO mine VALUES (1)')
      connection.exec('ROLLBACK')
    }
    for (const call of calls(store)) await call()
  })

  test(`${driver.name}: a client that does not tell about transactions is asked by trying`, async () => {
    const connection = connect(driver, file())
    const silent: SqliteClient = {
      prepare: (sql) => connection.prepare(sql),
      exec: (sql) => connection.exec(sql),
    }
    const store = sqliteStore(silent)
    await store.open()
    await store.commit(put('a', 'old'))
    connection.exec('BEGIN')
    for (const call of calls(store)) {
      await expect(call()).rejects.toMatchObject({ details: { reason: 'in_transaction' } })
    }
    connection.exec('ROLLBACK')
    for (const call of calls(store)) await call()
    await expect(store.commit(put('a', 'x', ['a', null]))).rejects.toMatchObject({
      code: 'write_conflict',
    })
    connection.close()
    for (const call of calls(store)) {
      await expect(call()).rejects.toMatchObject({ code: 'store_closed' })
    }
  })

  test(`${driver.name}: a lock held elsewhere refuses a commit and lets reads pass`, async () => {
    const { file: path, connection, store } = await opened(driver)
    const other = connect(driver, path)
    other.exec('BEGIN IMMEDIATE')
    connection.exec('PRAGMA busy_timeout = 1')
    await expect(store.commit(put('a', 'new'))).rejects.toMatchObject({
      code: 'store_unavailable',
      details: { reason: 'busy' },
    })
    expect(await store.read(['a'])).toEqual([utf8('old')])
    other.exec('ROLLBACK')
    await store.commit(put('a', 'new'))
  })

  test(`${driver.name}: a full database keeps what it has and goes on once there is room`, async () => {
    const { connection, store } = await opened(driver)
    const big = new Uint8Array(400_000).fill(7)
    connection.exec('PRAGMA max_page_count = 40')
    await store.commit({ checks: [], put: [['big/1', big]], del: [] })
    const overflow: Batch = {
      checks: [['a', utf8('old')]],
      put: [
        ['a', utf8('new')],
        ['big/2', big],
        ['big/3', big],
      ],
      del: ['big/1'],
    }
    await expect(store.commit(overflow)).rejects.toMatchObject({
      code: 'store_full',
      details: { reason: 'disk_full' },
    })
    expect(await store.read(['a', 'big/1', 'big/2'])).toEqual([utf8('old'), big, undefined])
    await store.commit({ checks: [], put: [['a', utf8('new')]], del: ['big/1'] })
    await store.commit({ checks: [], put: [['big/2', big]], del: [] })
    expect(await store.read(['a', 'big/1', 'big/2'])).toEqual([utf8('new'), undefined, big])
  })

  test(`${driver.name}: a file that is no database is found at open`, async () => {
    const path = file()
    writeAt(path, 0, 'this is no database, and long enough to be looked at'.repeat(400))
    const store = sqliteStore(connect(driver, path))
    await expect(store.open()).rejects.toMatchObject({
      code: 'store_corrupt',
      details: { reason: 'not_a_database' },
    })
  })

  test(`${driver.name}: a damaged page is an error, not other data`, async () => {
    const { file: path, connection, store } = await opened(driver)
    const rows = Array.from(
      { length: 200 },
      (_, index) => [`k/${index}`, new Uint8Array(2_000)] as const,
    )
    await store.commit({ checks: [], put: rows, del: [] })
    connection.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all()
    connection.close()
    for (let page = 1; page < 30; page += 1) writeAt(path, page * 16_384, '\u00ff'.repeat(64))
    const damaged = sqliteStore(connect(driver, path))
    const reads = await errorOf(async () => {
      await damaged.open()
      return damaged.scan('', { limit: 1_000 })
    })
    expect(reads).toMatchObject({ code: 'store_corrupt', details: { reason: 'damaged' } })
  })

  test(`${driver.name}: a table that vanished is not taken for an empty one`, async () => {
    const { connection, store } = await opened(driver)
    connection.exec('DROP TABLE privity_rows')
    for (const call of calls(store)) {
      await expect(call()).rejects.toMatchObject({
        code: 'store_corrupt',
        details: { reason: 'schema' },
      })
    }
  })

  test(`${driver.name}: a connection that the app closed closes the store`, async () => {
    const { connection, store } = await opened(driver)
    connection.close()
    for (const call of calls(store)) {
      await expect(call()).rejects.toMatchObject({
        code: 'store_closed',
        details: { reason: 'connection_closed' },
      })
    }
  })

  test(`${driver.name}: a commit resolves only after COMMIT has run`, async () => {
    const { flaky, store } = await opened(driver)
    const before = flaky.ran.length
    await store.commit({
      checks: [['a', utf8('old')]],
      put: [
        ['b', utf8('1')],
        ['a', utf8('new')],
      ],
      del: ['c'],
    })
    const ran = flaky.ran.slice(before).map((sql) => sql.trim().split(/\s+/).slice(0, 2).join(' '))
    expect(ran).toEqual([
      'BEGIN IMMEDIATE',
      'SELECT 1',
      'INSERT INTO',
      'INSERT INTO',
      'DELETE FROM',
      'COMMIT',
    ])
  })

  test(`${driver.name}: a batch that breaks a rule does not reach the database`, async () => {
    const { flaky, store } = await opened(driver)
    const before = flaky.ran.length
    await expect(store.commit(put('a b', 'x'))).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(store.read(['a b'])).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(store.scan('a b', { limit: 1 })).rejects.toMatchObject({ code: 'invalid_input' })
    await store.commit({ checks: [], put: [], del: [] })
    expect(await store.read([])).toEqual([])
    expect(flaky.ran.length).toBe(before)
  })

  test(`${driver.name}: statements are prepared at open and at no other time`, async () => {
    const connection = connect(driver, file())
    let prepared = 0
    const counting: SqliteClient = {
      prepare: (sql) => {
        prepared += 1
        return connection.prepare(sql)
      },
      exec: (sql) => connection.exec(sql),
      get inTransaction() {
        return (connection.inTransaction ?? connection.isTransaction) as boolean
      },
    }
    const store = sqliteStore(counting)
    await store.open()
    const atOpen = prepared
    for (const call of calls(store).slice(0, 4)) await call()
    expect(prepared).toBe(atOpen)
  })
}

test('rows that the app has half iterated do not let a commit through unnoticed', async () => {
  const { connection, store } = await opened(DRIVERS['better-sqlite3'])
  const rows = connection.prepare('SELECT key FROM privity_rows') as unknown as {
    iterate(): Iterator<unknown>
  }
  const iterator = rows.iterate()
  iterator.next()
  await expect(store.commit(put('a', 'new'))).rejects.toMatchObject({
    code: 'store_unavailable',
    details: { reason: 'refused_by_driver' },
  })
  iterator.return?.()
  await store.commit(put('a', 'new'))
})

function writeAt(path: string, position: number, text: string): void {
  const handle = openSync(path, position === 0 ? 'w' : 'r+')
  writeSync(handle, text, position, 'latin1')
  closeSync(handle)
}
