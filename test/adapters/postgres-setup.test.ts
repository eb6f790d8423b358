import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { postgresStore } from '../../src/adapters/postgres.ts'
import { bytesOf } from '../../src/adapters/postgres/cell.ts'
import type { PostgresClient } from '../../src/adapters/postgres/client.ts'
import type { PostgresStoreOptions } from '../../src/adapters/postgres/settings.ts'
import { isPrivityError } from '../../src/base/errors.ts'
import { batch, keysUnder, row, write } from '../../src/testkit/rows.ts'
import { CLIENTS, disconnect, freshTable, sqlOf } from '../support/postgres-clients.ts'
import { openInMany } from '../support/postgres-processes.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'
import { tappedClient } from '../support/tapped-client.ts'

let server: PostgresServer
const closing: PostgresClient[] = []

beforeAll(async () => {
  // Nobody but a commit flushes.
  const quiet = ['wal_writer_delay=10s', 'autovacuum=off', 'checkpoint_timeout=1h']
  server = await startPostgres({ settings: quiet })
})

afterAll(() => server.dispose())

afterEach(async () => {
  for (const client of closing.splice(0)) await disconnect(client)
})

/** A client whose connections begin with these settings. */
function client(...settings: readonly string[]): PostgresClient {
  const options = encodeURIComponent(settings.map((setting) => `-c ${setting}`).join(' '))
  const connected = CLIENTS.pg.connect(`${server.url}?options=${options}`)
  closing.push(connected)
  return connected
}

const ROW = batch({ put: [row('a', '1')] })

test('a server as it comes gives power-loss, and says what that rests on', async () => {
  for (const { connect } of Object.values(CLIENTS)) {
    const connected = connect(server.url)
    closing.push(connected)
    const info = await postgresStore(connected, { table: freshTable() }).open()
    expect(info).toMatchObject({ durability: 'power-loss', shared: true })
    expect(info.detail).toMatch(
      /^PostgreSQL 1\d\.\d+, synchronous_commit on, fsync on, full_page_writes on, isolation read committed$/,
    )
  }
})

test('a commit is flushed also where synchronous_commit is off, unless the app keeps it', async () => {
  const cases = [
    { settings: ['synchronous_commit=off'], options: {}, level: 'power-loss', said: 'on' },
    { settings: ['synchronous_commit=local'], options: {}, level: 'power-loss', said: 'local' },
    {
      settings: ['synchronous_commit=off'],
      options: { synchronousCommit: 'keep' },
      level: 'none',
      said: 'off',
    },
  ] as const
  const admin = client()
  for (const { settings, options, level, said } of cases) {
    const store = postgresStore(client(...settings), { ...options, table: freshTable() })
    const { durability, detail } = await store.open()
    expect([durability, detail.includes(`synchronous_commit ${said}`)]).toEqual([level, true])
    const flushed: unknown[] = []
    for (const steps of [false, true]) {
      // A row that is to be absent makes a transaction of several statements of it.
      await store.commit(
        steps ? batch({ checks: [['z', null]], del: ['z'], put: [row('a', '2')] }) : ROW,
      )
      const behind = 'SELECT (pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn())::text'
      flushed.push(...(await sqlOf(admin, behind)).flat())
    }
    expect(flushed.map(String)).toEqual([said, said].map((word) => String(word !== 'off')))
  }
})

test('what the server risks is said: without fsync, without whole pages, in an unlogged table', async () => {
  const cases = [
    ['fsync', 'off', 'process-crash'],
    ['full_page_writes', 'off', 'process-crash'],
  ] as const
  for (const [name, value, level] of cases) {
    const pretending = tappedClient(client(), async ({ text }, run) => {
      const result = await run()
      if (!text.includes('version()')) return result
      const [cells = []] = (result as { rows: string[][] }).rows
      return {
        rows: [cells.map((cell, at) => (at === (name === 'fsync' ? 2 : 3) ? value : cell))],
      } as never
    })
    const { durability, detail } = await postgresStore(pretending, { table: freshTable() }).open()
    expect([durability, detail.includes(`${name} ${value}`)]).toEqual([level, true])
  }
  const table = freshTable()
  await sqlOf(
    client(),
    `CREATE UNLOGGED TABLE ${table} (k text COLLATE "C" PRIMARY KEY, v bytea NOT NULL)`,
  )
  expect((await postgresStore(client(), { table }).open()).durability).toBe('none')
})

test('eight processes and eight stores that open the same new table at once do not fail each other', async () => {
  const table = freshTable()
  await openInMany({ client: 'pg', url: server.url, table }, 8)
  for (let round = 0; round < 5; round += 1) {
    const name = freshTable()
    const stores = Array.from({ length: 8 }, () => postgresStore(client(), { table: name }))
    await Promise.all(stores.map((store) => store.open()))
    await stores[0]?.commit(ROW)
    for (const store of stores) expect(await store.read(['a'])).toEqual([row('a', '1')[1]])
    for (const connected of closing.splice(0)) await disconnect(connected)
  }
}, 60_000)

test('a table of the same name that is another is not touched', async () => {
  const foreign = [
    'TABLE % (k text PRIMARY KEY, v bytea)',
    'TABLE % (k text, v bytea NOT NULL)',
    'TABLE % (k text COLLATE "en-x-icu" PRIMARY KEY, v bytea NOT NULL)',
    'TABLE % (v bytea NOT NULL, k text PRIMARY KEY)',
    'TABLE % (k text PRIMARY KEY, v text NOT NULL)',
    'TABLE % (k varchar(20) PRIMARY KEY, v bytea NOT NULL)',
    'TABLE % (k text PRIMARY KEY, v bytea NOT NULL, x int)',
    'TABLE % (k text PRIMARY KEY DEFERRABLE, v bytea NOT NULL)',
    "VIEW % AS SELECT 'a'::text AS k, ''::bytea AS v",
  ]
  for (const definition of foreign) {
    const table = freshTable()
    await sqlOf(client(), `CREATE ${definition.replace('%', table)}`)
    await expect(postgresStore(client(), { table }).open()).rejects.toMatchObject({
      code: 'store_corrupt',
      details: { reason: 'schema' },
    })
  }
})

test('a table in a database that sorts by a language keeps the order of bytes, or is refused', async () => {
  const admin = client()
  await sqlOf(admin, "CREATE DATABASE words LOCALE_PROVIDER icu ICU_LOCALE 'en' TEMPLATE template0")
  const connected = CLIENTS.pg.connect(server.url.replace(/postgres$/, 'words'))
  closing.push(connected)
  const store = postgresStore(connected)
  await store.open()
  const keys = ['Z', '_', 'a', 'a-b', 'a/b', 'aB', 'ab', '~']
  await write(store, keys.map((key) => row(key, '')).reverse())
  expect(await keysUnder(store, '', 3)).toEqual(keys)
  await sqlOf(connected, 'CREATE TABLE made (k text PRIMARY KEY, v bytea NOT NULL)')
  await expect(postgresStore(connected, { table: 'made' }).open()).rejects.toMatchObject({
    code: 'store_corrupt',
  })
  // The database of the other tests sorts like bytes by itself.
  await sqlOf(admin, 'CREATE TABLE made (k text PRIMARY KEY, v bytea NOT NULL)')
  await postgresStore(admin, { table: 'made' }).open()
})

test('a role that may not create a table uses one that is there, and says so where none is', async () => {
  const table = freshTable()
  const admin = client()
  await postgresStore(admin, { table }).open()
  await sqlOf(admin, 'CREATE ROLE app LOGIN')
  await sqlOf(admin, `GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO app`)
  const limited = CLIENTS.pg.connect(server.url.replace('postgres@', 'app@'))
  closing.push(limited)
  const store = postgresStore(limited, { table })
  await store.open()
  await store.commit(ROW)
  expect(await store.read(['a'])).toEqual([row('a', '1')[1]])
  await expect(postgresStore(limited, { table: freshTable() }).open()).rejects.toMatchObject({
    code: 'store_unavailable',
    details: { reason: 'permission' },
  })
})

test('a server that only reads is refused at open, and later at the commit', async () => {
  const table = freshTable()
  const store = postgresStore(client(), { table })
  await store.open()
  const reading = client('default_transaction_read_only=on')
  closing.pop()
  const refused = { code: 'store_unavailable', details: { reason: 'read_only' } }
  await expect(postgresStore(reading, { table }).open()).rejects.toMatchObject(refused)
  await disconnect(reading)
  // As after a failover: what is open already meets it with its next connection.
  const admin = client('default_transaction_read_only=off')
  await sqlOf(admin, "ALTER DATABASE postgres SET default_transaction_read_only = 'on'")
  const others =
    'SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE pid <> pg_backend_pid()'
  await sqlOf(admin, `${others} AND backend_type = 'client backend'`)
  const reasons: unknown[] = []
  for (let attempt = 0; attempt < 5 && !reasons.includes('read_only'); attempt += 1) {
    const error = await store.commit(ROW).catch((failure: unknown) => failure)
    reasons.push(isPrivityError(error, 'store_unavailable') ? error.details.reason : error)
  }
  await sqlOf(admin, 'ALTER DATABASE postgres RESET ALL')
  expect(reasons).toContain('read_only')
})

test('a store lives in the schema and the table that it is given', async () => {
  await sqlOf(client(), 'CREATE SCHEMA crm')
  const connected = client()
  const store = postgresStore(connected, { schema: 'crm', table: 'sealed' })
  await store.open()
  await store.commit(ROW)
  expect(await sqlOf(connected, 'SELECT k FROM crm.sealed')).toEqual([['a']])
  await expect(postgresStore(connected, { schema: 'none' }).open()).rejects.toMatchObject({
    code: 'store_corrupt',
    details: { reason: 'schema' },
  })
})

test('names that are no identifiers, and settings that do not exist, are refused', () => {
  const connected = client()
  const names = [
    '',
    'Rows',
    'a b',
    'a"b',
    "a'b",
    'a;b',
    '1a',
    'ä',
    'a'.repeat(64),
    'public.rows',
    7,
    null,
  ]
  const wrong: readonly (readonly [object, string])[] = [
    ...names
      .flatMap((name) => [
        [{ table: name }, 'not_an_identifier'] as const,
        [{ schema: name }, 'not_an_identifier'] as const,
      ])
      .filter(([given]) => !Object.values(given).includes(null)),
    [{ synchronousCommit: 'off' }, 'not_a_setting'],
    [{ onClose: true }, 'not_a_setting'],
    [{ tabel: 'a' }, 'unknown_option'],
  ]
  for (const [options, code] of wrong) {
    expect(() => postgresStore(connected, options as PostgresStoreOptions)).toThrow(
      expect.objectContaining({
        code: 'invalid_input',
        details: { issues: [expect.objectContaining({ code })] },
      }),
    )
  }
})

test('what is none of the three clients is refused', () => {
  const single = new pg.Client({ connectionString: server.url })
  for (const value of [undefined, null, 'postgres://', {}, () => undefined, { query: 1 }, single]) {
    expect(() => postgresStore(value as unknown as PostgresClient)).toThrow(
      expect.objectContaining({
        code: 'invalid_input',
        details: { issues: [{ path: ['client'], code: 'not_a_client' }] },
      }),
    )
  }
})

test('close leaves the client open, or ends it when told to', async () => {
  for (const { connect } of Object.values(CLIENTS)) {
    const kept = connect(server.url)
    const store = postgresStore(kept, { table: freshTable() })
    await store.open()
    await store.close()
    expect(String((await sqlOf(kept, 'SELECT 1::text')).flat())).toBe('1')
    await disconnect(kept)
    const ended = connect(server.url)
    const owner = postgresStore(ended, { table: freshTable(), onClose: 'end' })
    await owner.open()
    await owner.close()
    await owner.close()
    await expect(sqlOf(ended, 'SELECT 1')).rejects.toThrow()
    await expect(owner.open()).rejects.toMatchObject({ code: 'store_closed' })
  }
})

test('values come back whatever the app does with types and with bytea_output', async () => {
  const every = Uint8Array.from({ length: 256 }, (_, byte) => byte)
  for (const { connect } of Object.values(CLIENTS)) {
    const options = encodeURIComponent('-c bytea_output=escape')
    const connected = connect(`${server.url}?options=${options}`)
    closing.push(connected)
    const store = postgresStore(connected, { table: freshTable() })
    await store.open()
    await store.commit(
      batch({
        put: [
          ['a', every],
          ['b', new Uint8Array(0)],
        ],
      }),
    )
    expect(await store.read(['a'])).toEqual([every])
    expect(await store.read(['b', 'a'])).toEqual([new Uint8Array(0), every])
    expect((await store.read(['a']))[0]?.buffer.byteLength).toBe(256)
  }
  for (const cell of [null, '\\xf', '\\xzz']) {
    expect(() => bytesOf(cell)).toThrow(expect.objectContaining({ code: 'store_corrupt' }))
  }
})
