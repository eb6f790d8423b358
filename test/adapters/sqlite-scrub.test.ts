import { afterEach, expect, test } from 'vitest'
import { sqliteStore } from '../../src/adapters/sqlite.ts'
import { utf8 } from '../../src/base/bytes.ts'
import type { Row, Store } from '../../src/storage/store.ts'
import { flakyClient } from '../support/flaky-client.ts'
import {
  type Connection,
  createFolder,
  DRIVERS,
  type Driver,
  type Folder,
} from '../support/sqlite-drivers.ts'
import { killWhileScrubbing } from '../support/store-processes.ts'

const MARK = 'marked-for-removal'
const cleanups: (() => void)[] = []

afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
})

interface Opened {
  readonly folder: Folder
  readonly connection: Connection
  readonly store: Store
}

function connect(driver: Driver, file: string): Connection {
  const connection = driver.connect(file)
  cleanups.push(() => connection.close())
  return connection
}

async function opened(
  driver: Driver,
  options: { readonly scrub?: 'rewrite' | 'checkpoint' } = {},
): Promise<Opened> {
  const folder = createFolder()
  cleanups.push(() => folder.remove())
  const connection = connect(driver, folder.file)
  const store = sqliteStore(connection, options)
  await store.open()
  return { folder, connection, store }
}

function marks({ folder }: Opened): number {
  const files = folder.contents().map((bytes) => Buffer.from(bytes))
  return files.reduce((sum, bytes) => sum + bytes.toString('latin1').split(MARK).length - 1, 0)
}

/** Marked rows in an order that splits pages, and live ones between them. */
function rows(count: number, size: number): readonly Row[] {
  return Array.from({ length: count }, (_, index) => {
    const key = `k/${String((index * 7_919) % count).padStart(6, '0')}`
    const text = index % 2 === 0 ? MARK : 'live'
    return [key, utf8(text.repeat(Math.ceil((size * (1 + (index % 5))) / text.length)))]
  })
}

async function fillAndRemove({ store }: Opened, size: number): Promise<readonly Row[]> {
  const all = rows(size < 1_000 ? 600 : 200, size)
  for (let from = 0; from < all.length; from += 50) {
    await store.commit({ checks: [], put: all.slice(from, from + 50), del: [] })
  }
  const removed = all.filter((_, index) => index % 2 === 0).map(([key]) => key)
  for (let from = 0; from < removed.length; from += 10) {
    await store.commit({ checks: [], put: [], del: removed.slice(from, from + 10) })
  }
  return all.filter((_, index) => index % 2 === 1)
}

function sorted(all: readonly Row[]): readonly Row[] {
  return [...all].sort(([a], [b]) => (a < b ? -1 : 1))
}

for (const driver of Object.values(DRIVERS)) {
  test(`${driver.name}: a scrub leaves no trace of removed values and every live row`, async () => {
    for (const size of [20, 300, 1_500, 6_000]) {
      const place = await opened(driver)
      const live = await fillAndRemove(place, size)
      expect(marks(place)).toBeGreaterThan(0)
      expect(await place.store.scrub?.()).toEqual({
        cleared: ['page_slack', 'write_ahead_log'],
        remains: [],
      })
      expect(marks(place)).toBe(0)
      expect(await place.store.scan('', { limit: 1_000 })).toEqual(sorted(live))
      const check = place.connection.prepare('PRAGMA integrity_check').get()
      expect(check).toEqual({ integrity_check: 'ok' })
    }
  })

  test(`${driver.name}: secure_delete alone leaves traces, and a checkpoint says so`, async () => {
    const place = await opened(driver, { scrub: 'checkpoint' })
    await fillAndRemove(place, 300)
    expect(await place.store.scrub?.()).toEqual({
      cleared: ['write_ahead_log'],
      remains: ['page_slack'],
    })
    expect(marks(place)).toBeGreaterThan(0)
  })

  test(`${driver.name}: a reader that holds the past is reported, and what it holds remains`, async () => {
    const place = await opened(driver)
    await fillAndRemove(place, 300)
    const reader = connect(driver, place.folder.file)
    reader.exec('BEGIN')
    reader.prepare('SELECT count(*) FROM privity_rows').get()
    expect(await place.store.scrub?.()).toEqual({
      cleared: [],
      remains: ['page_slack', 'write_ahead_log'],
    })
    expect(place.connection.prepare('PRAGMA busy_timeout').get()).toEqual({ timeout: 5_000 })
    reader.exec('ROLLBACK')
    expect(await place.store.scrub?.()).toMatchObject({ remains: [] })
    expect(marks(place)).toBe(0)
  })

  test(`${driver.name}: a scrub that fails at any call changes no row`, async () => {
    const folder = createFolder()
    cleanups.push(() => folder.remove())
    const connection = connect(driver, folder.file)
    const flaky = flakyClient(connection, driver.failure('IOERR', 10))
    const store = sqliteStore(flaky)
    await store.open()
    const live = rows(20, 100)
    await store.commit({ checks: [], put: live, del: [] })
    for (const when of ['before', 'after'] as const) {
      let failed = true
      for (let call = 1; failed; call += 1) {
        flaky.failAt(call, when)
        const outcome = await store.scrub?.().catch((error: unknown) => error)
        flaky.failAt(0, when)
        failed = outcome instanceof Error
        if (failed)
          expect(outcome).toMatchObject({ code: expect.stringMatching(/^(store_|outcome_)/) })
        expect(await store.scan('', { limit: 100 })).toEqual(sorted(live))
        expect(call).toBeLessThan(40)
      }
    }
    expect(await store.scrub?.()).toMatchObject({ remains: [] })
    expect(connection.prepare('PRAGMA busy_timeout').get()).toEqual({ timeout: 5_000 })
  })

  test(`${driver.name}: a process that is killed while it scrubs leaves every row`, async () => {
    const { folder, store, connection } = await opened(driver)
    const live = rows(100, 500)
    await store.commit({ checks: [], put: live, del: [] })
    for (let kill = 1; kill <= 5; kill += 1) {
      expect(await killWhileScrubbing(driver, folder.file)).toBeGreaterThan(0)
      expect(await store.scan('', { limit: 200 })).toEqual(sorted(live))
      expect(connection.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
    }
    expect(await store.scrub?.()).toMatchObject({ remains: [] })
  }, 60_000)

  test(`${driver.name}: a scrub leaves the app's own tables as they are`, async () => {
    const { connection, store } = await opened(driver)
    connection.exec('CREATE TABLE notes (text TEXT)')
    connection.exec("INSERT INTO notes (rowid, text) VALUES (7, 'kept'), (99, 'kept too')")
    connection.exec('CREATE VIEW broken AS SELECT * FROM no_such_table')
    await store.commit({ checks: [], put: rows(20, 100), del: [] })
    await store.scrub?.()
    expect(connection.prepare('SELECT rowid AS id, text FROM notes').all()).toEqual([
      { id: 7, text: 'kept' },
      { id: 99, text: 'kept too' },
    ])
  })
}
