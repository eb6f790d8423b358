import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sqliteStore } from 'privity/sqlite'
import type { BatchClient } from '../../src/adapters/sqlite/batch-client.ts'
import { toBatchError } from '../../src/adapters/sqlite/batch-errors.ts'
import { utf8 } from '../../src/base/bytes.ts'
import type { Store } from '../../src/storage/store.ts'
import { accessorsOf, ANNA, openAcme, refusal } from '../support/acme.ts'
import { BATCH_DRIVERS, type BatchConnection, type BatchDriver } from '../support/batch-clients.ts'
import { createFolder, DRIVERS, type Folder } from '../support/sqlite-drivers.ts'

const SLOW = 60_000
const KINDS = Object.keys(BATCH_DRIVERS) as readonly BatchDriver['name'][]
const NOTHING = { checks: [], put: [], del: [] } as const

let folder: Folder
const connections: { close(): unknown }[] = []

beforeEach(() => {
  folder = createFolder()
})

afterEach(() => {
  for (const connection of connections.splice(0)) connection.close()
  folder.remove()
})

function connect(kind: BatchDriver['name'], path = folder.file): BatchConnection {
  const connection = BATCH_DRIVERS[kind].connect(path)
  connections.push(connection)
  return connection
}

function onFile(): Store {
  const connection = DRIVERS['node:sqlite'].connect(folder.file)
  connections.push(connection)
  return sqliteStore(connection)
}

describe.each(KINDS)('%s', (kind) => {
  test('a person lives in it from registration to erasure', { timeout: SLOW }, async () => {
    const acme = await openAcme(sqliteStore(connect(kind)))
    const { support, marketing } = accessorsOf(acme)
    const { id } = await acme.subjects.register()
    await support.contact.create(id, ANNA)
    expect((await refusal(marketing.contact.read(id))).code).toBe('not_permitted')
    await acme.close()
    const again = await openAcme(sqliteStore(connect(kind)))
    expect(await accessorsOf(again).support.contact.read(id)).toMatchObject({ name: ANNA.name })
    await again.erasure.erase(id, { reason: 'subject_request' })
    expect((await refusal(accessorsOf(again).support.contact.read(id))).code).toBe('erased')
    expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await again.close()
  })

  test('its table is the one of a file, there and back', async () => {
    const batches = sqliteStore(connect(kind))
    await batches.open()
    await batches.commit({ ...NOTHING, put: [['a', utf8('1')]] })
    const file = onFile()
    await file.open()
    expect(await file.read(['a'])).toEqual([utf8('1')])
    await file.commit({ ...NOTHING, checks: [['a', utf8('1')]], put: [['a', utf8('2')]] })
    await file.scrub?.()
    expect(await batches.read(['a'])).toEqual([utf8('2')])
    const again = sqliteStore(connect(kind))
    await again.open()
    expect(await again.scan('', { limit: 10 })).toEqual([['a', utf8('2')]])
  })

  test('a read of many keys is one batch', async () => {
    const connection = connect(kind)
    let batches = 0
    const counting = new Proxy(connection, {
      get: (_, name) => {
        if (name === 'batch') batches += 1
        return Reflect.get(connection, name, connection)
      },
    })
    const store = sqliteStore(counting as BatchClient)
    await store.open()
    const keys = Array.from({ length: 2_500 }, (_, at) => `k/${at}`)
    for (const at of [0, 1_000, 2_000])
      await store.commit({
        ...NOTHING,
        put: keys.slice(at, at + 1_000).map((key) => [key, utf8(key)]),
      })
    const before = batches
    const asked = [...keys, 'absent', 'k/0']
    expect(await store.read(asked)).toEqual([...keys.map(utf8), undefined, utf8('k/0')])
    // Asked once for whether it is there, and once to call it.
    expect(batches - before).toBe(1)
  })

  test('a table that somebody else made is refused, and not touched', async () => {
    const other = new DatabaseSync(folder.file)
    other.exec('CREATE TABLE privity_rows (key TEXT COLLATE NOCASE PRIMARY KEY, value BLOB)')
    other.close()
    await expect(sqliteStore(connect(kind)).open()).rejects.toMatchObject({
      code: 'store_corrupt',
      details: { reason: 'schema' },
    })
  })

  test('it takes no options', () => {
    for (const options of [{ synchronous: 'full' }, { singleConnection: false }] as const) {
      expect(() => sqliteStore(connect(kind) as never, options)).toThrow(
        expect.objectContaining({ code: 'invalid_input' }),
      )
    }
  })
})

test('a database of libSQL in memory promises nothing', async () => {
  const store = sqliteStore(connect('libSQL', ':memory:'))
  expect(await store.open()).toEqual({
    durability: 'none',
    shared: true,
    detail: 'SQLite, in batches of libSQL, protocol file',
  })
})

test('a client of libSQL that the app closed closes the store', async () => {
  const connection = connect('libSQL')
  const store = sqliteStore(connection)
  await store.open()
  connection.close()
  connections.splice(0)
  const closed = { code: 'store_closed', details: { reason: 'connection_closed' } }
  await expect(store.read(['a'])).rejects.toMatchObject(closed)
  await expect(store.commit({ ...NOTHING, put: [['a', utf8('1')]] })).rejects.toMatchObject(closed)
})

test('a session of D1, which may read from the past, is no client', () => {
  const session = { ...connect('D1'), getBookmark: () => null }
  expect(() => sqliteStore(session as never)).toThrow(
    expect.objectContaining({
      code: 'invalid_input',
      details: { issues: [{ path: ['client'], code: 'not_a_client' }] },
    }),
  )
})

const D1 = 'D1_ERROR: '
const SAID: readonly (readonly [object, read: readonly unknown[], commit: readonly unknown[]])[] = [
  [
    new Error(`${D1}no such table: privity_rows: SQLITE_ERROR`),
    ['store_corrupt', { reason: 'schema' }],
    ['store_corrupt', { reason: 'schema' }],
  ],
  [
    new Error(`${D1}NOT NULL constraint failed: privity_rows.value: SQLITE_CONSTRAINT`),
    ['write_conflict', { attempts: 1 }],
    ['write_conflict', { attempts: 1 }],
  ],
  [
    new Error(`${D1}D1 DB is overloaded. Too many requests queued.`),
    ['store_unavailable', { reason: 'busy' }],
    ['outcome_unknown', {}],
  ],
  [
    new Error(`${D1}Network connection lost.`),
    ['store_unavailable', { reason: 'connection_lost' }],
    ['outcome_unknown', {}],
  ],
  [
    new Error(`${D1}Exceeded maximum DB size`),
    ['store_full', { reason: 'quota' }],
    ['outcome_unknown', {}],
  ],
  [
    Object.assign(new Error('SQLITE_BUSY: database is locked'), { code: 'SQLITE_BUSY' }),
    ['store_unavailable', { reason: 'busy' }],
    ['store_unavailable', { reason: 'busy' }],
  ],
  [
    Object.assign(new Error('SQLITE_FULL'), { code: 'SQLITE_FULL' }),
    ['store_full', { reason: 'disk_full' }],
    ['store_full', { reason: 'disk_full' }],
  ],
  [
    Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR' }),
    ['store_unavailable', { reason: 'io' }],
    ['outcome_unknown', {}],
  ],
  [
    Object.assign(new Error('fetch failed'), { code: 'HRANA_WEBSOCKET_ERROR' }),
    ['store_unavailable', { reason: 'connection_lost' }],
    ['outcome_unknown', {}],
  ],
  [{}, ['store_unavailable', { reason: 'connection_lost' }], ['outcome_unknown', {}]],
]

test('what the services say is told apart, and nothing of it is kept', () => {
  for (const [error, read, commit] of SAID) {
    for (const [phase, expected] of [
      ['before-commit', read],
      ['commit', commit],
    ] as const) {
      const { code, details, cause } = toBatchError(error, phase)
      expect([String(error), phase, code, details, cause]).toEqual([
        String(error),
        phase,
        ...expected,
        undefined,
      ])
    }
  }
})
