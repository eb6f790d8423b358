import { afterEach, expect, test } from 'vitest'
import { type SqliteStoreOptions, sqliteStore } from '../../src/adapters/sqlite.ts'
import { isClosed, type SqliteClient } from '../../src/adapters/sqlite/client.ts'
import { utf8 } from '../../src/base/bytes.ts'
import type { Batch, Store } from '../../src/storage/store.ts'
import { type FlakyClient, flakyClient } from '../support/flaky-client.ts'
import { type Connection, createFolder, DRIVERS, type Folder } from '../support/sqlite-drivers.ts'
import { openInMany } from '../support/store-processes.ts'

const ROW: Batch = { checks: [], put: [['a', utf8('1')]], del: [] }
const cleanups: (() => void)[] = []

afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
})

function folder(): Folder {
  const made = createFolder()
  cleanups.push(() => made.remove())
  return made
}

function closing(connection: Connection): Connection {
  cleanups.push(() => {
    if (!isClosed(connection)) connection.close()
  })
  return connection
}

/** What the connection says of a setting, whatever the client makes of a row. */
function setting(connection: Connection, pragma: string): unknown {
  return Object.values(connection.prepare(`PRAGMA ${pragma}`).get() ?? {})[0]
}

function unavailable(reason: string): object {
  return { code: 'store_unavailable', details: { reason } }
}

for (const driver of Object.values(DRIVERS)) {
  const connect = (file: string): Connection => closing(driver.connect(file))
  const flaky = (file: string): FlakyClient => {
    return flakyClient(connect(file), driver.failure('IOERR', 10))
  }

  test(`${driver.name}: a new file gets large pages and every setting that durability rests on`, async () => {
    const connection = connect(folder().file)
    const info = await sqliteStore(connection).open()
    expect(info).toMatchObject({ durability: 'power-loss', shared: true })
    expect(info.detail).toMatch(/^SQLite 3\.\d+\.\d+, journal_mode wal, synchronous 2$/)
    const settings = {
      journal_mode: 'wal',
      page_size: 16_384,
      synchronous: 2,
      secure_delete: 1,
      trusted_schema: 0,
      cell_size_check: 1,
      fullfsync: 1,
      checkpoint_fullfsync: 1,
      busy_timeout: 5_000,
      locking_mode: 'normal',
      cache_size: -16_000,
    }
    for (const [pragma, value] of Object.entries(settings)) {
      expect([pragma, setting(connection, pragma)]).toEqual([pragma, value])
    }
  })

  test(`${driver.name}: a file with content keeps its pages, tables and longer patience`, async () => {
    const connection = connect(folder().file)
    connection.exec('PRAGMA page_size = 4096')
    connection.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY, what TEXT)')
    connection.exec("INSERT INTO orders (what) VALUES ('tea')")
    connection.exec('PRAGMA busy_timeout = 20000')
    connection.exec('PRAGMA cache_size = 5000')
    const store = sqliteStore(connection)
    await store.open()
    await store.commit(ROW)
    await store.scrub?.()
    expect(setting(connection, 'page_size')).toBe(4_096)
    expect(setting(connection, 'busy_timeout')).toBe(20_000)
    expect(setting(connection, 'cache_size')).toBe(5_000)
    expect(connection.prepare('SELECT id, what FROM orders').all()).toMatchObject([
      { id: 1, what: 'tea' },
    ])
  })

  test(`${driver.name}: with synchronous normal a commit is said to survive the process only`, async () => {
    const connection = connect(folder().file)
    const { durability } = await sqliteStore(connection, { synchronous: 'normal' }).open()
    expect([durability, setting(connection, 'synchronous')]).toEqual(['process-crash', 1])
  })

  test(`${driver.name}: a stronger setting of the app stays`, async () => {
    const connection = connect(folder().file)
    connection.exec('PRAGMA synchronous = EXTRA')
    const { durability } = await sqliteStore(connection).open()
    expect([durability, setting(connection, 'synchronous')]).toEqual(['power-loss', 3])
  })

  test(`${driver.name}: a database in memory promises nothing`, async () => {
    for (const name of [':memory:', '']) {
      const store = sqliteStore(connect(name))
      expect((await store.open()).durability).toBe('none')
      await store.commit(ROW)
      expect(await store.read(['a'])).toEqual([utf8('1')])
    }
  })

  test(`${driver.name}: a read-only database is read, promises nothing, and refuses writes`, async () => {
    const { file } = folder()
    const writer = sqliteStore(connect(file))
    await writer.open()
    await writer.commit(ROW)
    const reader = sqliteStore(closing(driver.connectReadOnly(file)))
    const info = await reader.open()
    expect(info.durability).toBe('none')
    expect(info.detail).toContain('read-only')
    expect(await reader.read(['a'])).toEqual([utf8('1')])
    await expect(reader.commit(ROW)).rejects.toMatchObject(unavailable('read_only'))
    if (reader.scrub) await expect(reader.scrub()).rejects.toMatchObject(unavailable('read_only'))
    await writer.commit({ ...ROW, put: [['a', utf8('2')]] })
    expect(await reader.read(['a'])).toEqual([utf8('2')])
  })

  test(`${driver.name}: a read-only database without the table cannot be opened`, async () => {
    const { file } = folder()
    connect(file).exec('CREATE TABLE orders (id INTEGER PRIMARY KEY)')
    const store = sqliteStore(closing(driver.connectReadOnly(file)))
    await expect(store.open()).rejects.toMatchObject(unavailable('read_only'))
    await expect(store.read(['a'])).rejects.toMatchObject({ code: 'store_closed' })
  })

  test(`${driver.name}: an SQLite that may corrupt shared files is refused`, async () => {
    const refused = ['3.51.2', '3.50.9', '3.45.1', '3.9.0', '2.99.99']
    for (const version of [...refused, '3.51.3', '3.51.10', '3.52.0', '4.0.0']) {
      const client = flaky(folder().file)
      client.pretend('sqlite_version', version)
      const opening = sqliteStore(client).open()
      if (refused.includes(version))
        await expect(opening).rejects.toMatchObject(unavailable('version'))
      else expect((await opening).detail).toContain(version)
    }
  })

  test(`${driver.name}: an older SQLite is accepted where only one connection exists`, async () => {
    const alone: SqliteStoreOptions = { singleConnection: true }
    const cases = [
      { version: '3.38.0', file: folder().file, options: alone, opens: true },
      { version: '3.38.0', file: ':memory:', options: {}, opens: true },
      { version: '3.37.2', file: folder().file, options: alone, opens: false },
      { version: '3.37.2', file: ':memory:', options: {}, opens: false },
    ]
    for (const { version, file, options, opens } of cases) {
      const client = flaky(file)
      client.pretend('sqlite_version', version)
      const opening = sqliteStore(client, options).open()
      if (opens) await opening
      else await expect(opening).rejects.toMatchObject(unavailable('version'))
    }
  })

  test(`${driver.name}: a single connection locks others out until it closes`, async () => {
    const { file } = folder()
    const connection = connect(file)
    const store = sqliteStore(connection, { singleConnection: true })
    expect((await store.open()).shared).toBe(false)
    await store.commit(ROW)
    const outsider = connect(file)
    outsider.exec('PRAGMA busy_timeout = 1')
    expect(() => outsider.prepare('SELECT count(*) FROM privity_rows').get()).toThrow()
    const other = sqliteStore(outsider)
    await store.close()
    expect(setting(connection, 'locking_mode')).toBe('normal')
    await other.open()
    expect(await other.read(['a'])).toEqual([utf8('1')])
    await other.commit({ ...ROW, put: [['a', utf8('2')]] })
    await store.close()
    expect(connection.prepare('SELECT count(*) AS n FROM privity_rows').get()).toEqual({ n: 1 })
  })

  test(`${driver.name}: a file that somebody else has open is no place for a single connection`, async () => {
    const { file } = folder()
    const other = sqliteStore(connect(file))
    await other.open()
    const connection = connect(file)
    const client = flakyClient(connection, driver.failure('BUSY', 5))
    // Spares the test five seconds: the adapter takes the patience for long enough.
    connection.exec('PRAGMA busy_timeout = 1')
    client.pretend('PRAGMA busy_timeout', 5_000)
    const store = sqliteStore(client, { singleConnection: true })
    await expect(store.open()).rejects.toMatchObject(unavailable('busy'))
    expect(setting(connection, 'locking_mode')).toBe('normal')
    await other.commit(ROW)
    expect(await other.read(['a'])).toEqual([utf8('1')])
  })

  test(`${driver.name}: a lock that cannot be given up now keeps the store open`, async () => {
    const connection = connect(folder().file)
    const store = sqliteStore(connection, { singleConnection: true })
    await store.open()
    connection.exec('BEGIN')
    await expect(store.close()).rejects.toMatchObject(unavailable('in_transaction'))
    connection.exec('ROLLBACK')
    await store.commit(ROW)
    await store.close()
    await expect(store.read(['a'])).rejects.toMatchObject({ code: 'store_closed' })
  })

  test(`${driver.name}: a store closes also when its connection was closed before`, async () => {
    for (const singleConnection of [true, false]) {
      const connection = connect(folder().file)
      const store = sqliteStore(connection, { singleConnection })
      await store.open()
      connection.close()
      await store.close()
      await expect(store.read(['a'])).rejects.toMatchObject({ code: 'store_closed' })
      await expect(store.open()).rejects.toMatchObject({
        code: 'store_closed',
        details: { reason: 'connection_closed' },
      })
    }
  })

  test(`${driver.name}: a setting that does not take is refused by its name`, async () => {
    const stubborn = {
      secure_delete: ['PRAGMA secure_delete', 0],
      trusted_schema: ['PRAGMA trusted_schema', 1],
      cell_size_check: ['PRAGMA cell_size_check', 0],
      synchronous: ['PRAGMA synchronous', 1],
      fullfsync: ['PRAGMA fullfsync', 0],
      checkpoint_fullfsync: ['PRAGMA checkpoint_fullfsync', 0],
      journal_mode: ['PRAGMA journal_mode', 'delete'],
    } as const
    for (const [reason, [text, cell]] of Object.entries(stubborn)) {
      const client = flaky(folder().file)
      client.pretend(text, cell)
      await expect(sqliteStore(client).open()).rejects.toMatchObject(unavailable(reason))
    }
    const client = flaky(folder().file)
    client.pretend('PRAGMA locking_mode', 'normal')
    const store = sqliteStore(client, { singleConnection: true })
    await expect(store.open()).rejects.toMatchObject(unavailable('locking_mode'))
  })

  test(`${driver.name}: a table of the same name that is another is not touched`, async () => {
    const foreign = [
      'CREATE TABLE privity_rows (key TEXT PRIMARY KEY, value BLOB)',
      'CREATE TABLE privity_rows (key TEXT PRIMARY KEY, value BLOB) STRICT',
      'CREATE TABLE privity_rows (key TEXT PRIMARY KEY, value BLOB, x BLOB) STRICT, WITHOUT ROWID',
      'CREATE TABLE privity_rows (key TEXT COLLATE NOCASE PRIMARY KEY, value BLOB) STRICT, WITHOUT ROWID',
      'CREATE TABLE privity_rows (key BLOB PRIMARY KEY, value BLOB) STRICT, WITHOUT ROWID',
      'CREATE TABLE privity_rows (value BLOB, key TEXT PRIMARY KEY) STRICT, WITHOUT ROWID',
      'CREATE VIEW privity_rows AS SELECT 1 AS key, 2 AS value',
    ]
    for (const sql of foreign) {
      const connection = connect(folder().file)
      connection.exec(sql)
      const opening = sqliteStore(connection).open()
      await expect(opening).rejects.toMatchObject({
        code: 'store_corrupt',
        details: { reason: 'schema' },
      })
      expect(
        connection.prepare("SELECT sql FROM sqlite_schema WHERE name = 'privity_rows'").get(),
      ).toMatchObject({ sql })
    }
  })

  test(`${driver.name}: a temporary table of the same name does not stand in the way`, async () => {
    const { file } = folder()
    const connection = connect(file)
    const store = sqliteStore(connection)
    await store.open()
    await store.commit(ROW)
    connection.exec('CREATE TEMP TABLE privity_rows (key TEXT, value BLOB)')
    await store.close()
    await store.open()
    expect(await store.read(['a'])).toEqual([utf8('1')])
    await store.commit({ ...ROW, put: [['b', utf8('2')]] })
    await store.scrub?.()
    const other = sqliteStore(connect(file))
    await other.open()
    expect(await other.read(['b'])).toEqual([utf8('2')])
  })

  test(`${driver.name}: what another client wrote is read`, async () => {
    const { file } = folder()
    const stores: Store[] = Object.values(DRIVERS).map(({ connect: open }) =>
      sqliteStore(closing(open(file))),
    )
    for (const [index, store] of stores.entries()) {
      await store.open()
      await store.commit({
        ...ROW,
        put: [
          [`k${index}`, utf8(`${index}`)],
          ['empty', new Uint8Array(0)],
        ],
      })
    }
    for (const store of stores) {
      expect(await store.read(['k0', 'k1', 'empty'])).toEqual([
        utf8('0'),
        utf8('1'),
        new Uint8Array(0),
      ])
    }
  })

  test(`${driver.name}: processes that open the same new file at once do not fail each other`, async () => {
    for (let round = 0; round < 5; round += 1) {
      const { file } = folder()
      await openInMany(driver, file, 3)
      const connection = connect(file)
      const store = sqliteStore(connection)
      await store.open()
      expect(setting(connection, 'page_size')).toBe(16_384)
    }
  }, 30_000)

  test(`${driver.name}: a switch to WAL that another process stands in the way of is tried again`, async () => {
    const connection = connect(folder().file)
    const client = flakyClient(connection, driver.failure('BUSY', 5))
    client.failOn('PRAGMA journal_mode', undefined, 3)
    expect((await sqliteStore(client).open()).durability).toBe('power-loss')
    const never = flaky(folder().file)
    never.failOn('PRAGMA journal_mode', driver.failure('BUSY', 5))
    await expect(sqliteStore(never).open()).rejects.toMatchObject(unavailable('busy'))
  })

  test(`${driver.name}: a read-only database may be opened as a single connection`, async () => {
    const { file } = folder()
    const writer = connect(file)
    const store = sqliteStore(writer)
    await store.open()
    await store.commit(ROW)
    writer.close()
    const reader = sqliteStore(closing(driver.connectReadOnly(file)), {
      singleConnection: true,
      scrub: 'checkpoint',
    })
    expect((await reader.open()).durability).toBe('none')
    expect(await reader.read(['a'])).toEqual([utf8('1')])
    await expect(reader.commit(ROW)).rejects.toMatchObject(unavailable('read_only'))
    expect((await reader.scrub?.())?.remains).toContain('page_slack')
    await reader.close()
  })

  test(`${driver.name}: a value in shared memory is copied like any other`, async () => {
    const store = sqliteStore(connect(folder().file))
    await store.open()
    const shared = new Uint8Array(new SharedArrayBuffer(4))
    shared.set([1, 2, 3, 4])
    await store.commit({ ...ROW, put: [['a', shared]] })
    shared.fill(0)
    expect(await store.read(['a'])).toEqual([new Uint8Array([1, 2, 3, 4])])
  })

  test(`${driver.name}: a key is found by the primary key, one row or many`, async () => {
    const connection = connect(folder().file)
    const client = flakyClient(connection, driver.failure('IOERR', 10))
    const store = sqliteStore(client)
    await store.open()
    await store.read(['a'])
    await store.read(['a', 'b'])
    await store.scan('a', { limit: 1 })
    await store.scan('a', { after: 'a/1', limit: 1 })
    const reads = client.ran.filter(
      (sql) => sql.includes('privity_rows') && sql.startsWith('SELECT'),
    )
    const plans = reads.slice(-4).map((sql) => planOf(connection, sql))
    for (const plan of plans) {
      expect(plan).toMatch(/SEARCH (main\.)?(privity_rows|r) USING PRIMARY KEY/)
      expect(plan).not.toMatch(/SCAN (main\.)?(privity_rows|r)|TEMP B-TREE/)
    }
  })
}

test('what cannot prepare or execute statements is no client', () => {
  for (const client of [undefined, null, 'rows.db', {}, { prepare: () => undefined }]) {
    expect(() => sqliteStore(client as unknown as SqliteClient)).toThrow(
      expect.objectContaining({
        code: 'invalid_input',
        details: { issues: [{ path: ['client'], code: 'not_a_client' }] },
      }),
    )
  }
})

function planOf(connection: Connection, sql: string): string {
  const marks = sql.split('?').length - 1
  const rows = connection
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .all(...new Array<string>(marks).fill('1'))
  return rows.map((row) => JSON.stringify(row)).join('\n')
}
