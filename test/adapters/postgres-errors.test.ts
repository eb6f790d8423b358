import { afterAll, beforeAll, expect, test } from 'vitest'
import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { postgresStore } from '../../src/adapters/postgres.ts'
import { toStoreError } from '../../src/adapters/postgres/errors.ts'
import { batch, row } from '../../src/testkit/rows.ts'
import { CLIENTS, disconnect, freshTable, sqlOf } from '../support/postgres-clients.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'
import { tappedClient } from '../support/tapped-client.ts'

let server: PostgresServer

beforeAll(async () => {
  server = await startPostgres({ settings: ['fsync=off', 'deadlock_timeout=20ms'] })
})

const room = mountRoom()

afterAll(async () => {
  await server.dispose()
  if (room !== undefined) unmountRoom(room)
})

const unknown = ['outcome_unknown', undefined] as const

/** SQLSTATE; what it says before COMMIT was sent; and at COMMIT, where that differs. */
const STATES: readonly (readonly [string, string, string | undefined, typeof unknown?])[] = [
  ['40001', 'write_conflict', undefined],
  ['40P01', 'write_conflict', undefined],
  ['22P02', 'write_conflict', undefined],
  ['40003', 'store_unavailable', 'connection_lost', unknown],
  ['08000', 'store_unavailable', 'connection_lost', unknown],
  ['08003', 'store_unavailable', 'connection_lost', unknown],
  ['08006', 'store_unavailable', 'connection_lost', unknown],
  ['57P01', 'store_unavailable', 'connection_lost', unknown],
  ['57P02', 'store_unavailable', 'connection_lost', unknown],
  ['57P03', 'store_unavailable', 'starting', unknown],
  ['25P03', 'store_unavailable', 'connection_lost', unknown],
  ['58030', 'store_unavailable', 'io', unknown],
  ['99999', 'store_unavailable', 'connection_lost', unknown],
  ['EPIPE', 'store_unavailable', 'connection_lost', unknown],
  ['ECONNRESET', 'store_unavailable', 'connection_lost', unknown],
  ['CONNECTION_CLOSED', 'store_unavailable', 'connection_lost', unknown],
  ['ECONNREFUSED', 'store_unavailable', 'cannot_connect'],
  ['CONNECT_TIMEOUT', 'store_unavailable', 'cannot_connect'],
  ['CONNECTION_ENDED', 'store_closed', 'connection_closed'],
  ['53100', 'store_full', 'disk_full'],
  ['53200', 'store_unavailable', 'memory'],
  ['53300', 'store_unavailable', 'connections'],
  ['25006', 'store_unavailable', 'read_only'],
  ['42501', 'store_unavailable', 'permission'],
  ['28P01', 'store_unavailable', 'permission'],
  ['3D000', 'store_unavailable', 'cannot_open'],
  ['55P03', 'store_unavailable', 'busy'],
  ['57014', 'store_unavailable', 'interrupted'],
  ['0A000', 'store_unavailable', 'not_supported'],
  ['42P01', 'store_corrupt', 'schema'],
  ['23505', 'store_corrupt', 'schema'],
  ['XX001', 'store_corrupt', 'damaged'],
]

test('each SQLSTATE has its meaning, and at COMMIT is in doubt unless it proves a rollback', () => {
  for (const [code, meaning, reason, atCommit] of STATES) {
    const error = Object.assign(new Error('says a-secret'), { code, detail: 'a-secret' })
    const before = toStoreError(error, 'before-commit')
    const details = reason === undefined ? { attempts: 1 } : { reason }
    expect([code, before.code, before.details]).toEqual([code, meaning, details])
    const commit = toStoreError(error, 'commit')
    expect([code, commit.code]).toEqual([code, atCommit?.[0] ?? meaning])
    for (const said of [before, commit]) {
      expect(JSON.stringify([said, said.message, said.stack, said.cause])).not.toContain('a-secret')
    }
  }
  for (const foreign of [undefined, null, 'text', 5, new TypeError('a-secret'), { code: 7 }]) {
    expect(toStoreError(foreign, 'commit').code).toBe('outcome_unknown')
    expect(toStoreError(foreign, 'before-commit').code).toBe('store_unavailable')
    expect(toStoreError(foreign, 'unsent').details).toEqual({ reason: 'cannot_connect' })
  }
})

test('a transaction that the server wants repeated is repeated, and not for ever', async () => {
  const client = CLIENTS.pg.connect(server.url)
  let refusals = 0
  let sent = 0
  const tapped = tappedClient(client, async (_, run) => {
    sent += 1
    refusals -= 1
    if (refusals >= 0) throw Object.assign(new Error('again'), { code: '40001' })
    return run()
  })
  const store = postgresStore(tapped, { table: freshTable() })
  await store.open()
  refusals = 3
  await store.commit(batch({ put: [row('a', '1')] }))
  refusals = 3
  expect(await store.read(['a'])).toEqual([row('a', '1')[1]])
  refusals = Number.POSITIVE_INFINITY
  sent = 0
  await expect(store.commit(batch({ put: [row('a', '2')] }))).rejects.toMatchObject({
    code: 'write_conflict',
    details: { attempts: 1 },
  })
  expect(sent).toBe(5)
  refusals = 0
  expect(await store.read(['a'])).toEqual([row('a', '1')[1]])
  await disconnect(client)
})

for (const level of ['read committed', 'repeatable read', 'serializable']) {
  test(`writers lose no update to each other under ${level}`, async () => {
    const options = `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`
    const client = CLIENTS.pg.connect(`${server.url}?options=${encodeURIComponent(options)}`)
    const store = postgresStore(client, { table: freshTable() })
    expect((await store.open()).detail).toContain(`isolation ${level}`)
    const wins = await Promise.all(Array.from({ length: 6 }, () => countUp(store)))
    expect(wins.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, at) => at + 1))
    await disconnect(client)
  }, 30_000)
}

/** Adds one to a counter and to a second row that is written without a check. */
async function countUp(store: ReturnType<typeof postgresStore>): Promise<readonly number[]> {
  const won: number[] = []
  while (won.length < 5) {
    const [old] = await store.read(['n'])
    const next = Number(old === undefined ? 0 : new TextDecoder().decode(old)) + 1
    const put = [row('n', String(next)), row('copy', String(next))]
    try {
      await store.commit(batch({ checks: [['n', old ?? null]], put, del: [`free/${next}`] }))
      won.push(next)
    } catch (error) {
      expect(error).toMatchObject({ code: 'write_conflict' })
    }
  }
  return won
}

test('a table that vanished is not taken for an empty one', async () => {
  for (const { connect } of Object.values(CLIENTS)) {
    const client = connect(server.url)
    const table = freshTable()
    const store = postgresStore(client, { table })
    await store.open()
    await sqlOf(client, `DROP TABLE ${table}`)
    for (const call of [
      () => store.read(['a']),
      () => store.read(['a', 'b']),
      () => store.scan('', { limit: 1 }),
      () => store.commit(batch({ put: [row('a', '1')] })),
      () => store.commit(batch({ checks: [['a', null]], del: ['a'] })),
    ]) {
      await expect(call()).rejects.toMatchObject({
        code: 'store_corrupt',
        details: { reason: 'schema' },
      })
    }
    await disconnect(client)
  }
})

test('a row that somebody else locks for long is waited for, and a statement limit is no doubt', async () => {
  const limit = encodeURIComponent('-c statement_timeout=100')
  const client = CLIENTS.pg.connect(`${server.url}?options=${limit}`)
  const table = freshTable()
  const store = postgresStore(client, { table })
  await store.open()
  await store.commit(batch({ put: [row('a', 'old')] }))
  const other = new pg.Client({ connectionString: server.url })
  await other.connect()
  await other.query('BEGIN')
  await other.query(`UPDATE ${table} SET v = v`)
  const change = batch({ checks: [row('a', 'old')], put: [row('a', 'new')] })
  await expect(store.commit(change)).rejects.toMatchObject({
    code: 'store_unavailable',
    details: { reason: 'interrupted' },
  })
  await other.query('ROLLBACK')
  await store.commit(change)
  expect(await store.read(['a'])).toEqual([row('a', 'new')[1]])
  await other.end()
  await disconnect(client)
})

test('a client that the app closed closes the store', async () => {
  for (const { connect } of Object.values(CLIENTS)) {
    const client = connect(server.url)
    const store = postgresStore(client, { table: freshTable() })
    await store.open()
    await disconnect(client)
    for (const call of [
      () => store.read(['a']),
      () => store.commit(batch({ put: [row('a', '')] })),
    ]) {
      await expect(call()).rejects.toMatchObject({
        code: 'store_closed',
        details: { reason: 'connection_closed' },
      })
    }
    await store.close()
  }
})

if (room === undefined) {
  // Passes: the title is the message.
  test('not proven, because no small disk can be made here: a full disk refuses whole batches', () =>
    undefined)
} else {
  test(
    'a full disk refuses whole batches, and the store goes on once there is room',
    () => fillUp(room),
    30_000,
  )
}

async function fillUp(place: string): Promise<void> {
  const admin = CLIENTS.pg.connect(server.url)
  await sqlOf(admin, `CREATE TABLESPACE small LOCATION '${place}/data'`)
  const options = encodeURIComponent('-c default_tablespace=small')
  const client = CLIENTS.pg.connect(`${server.url}?options=${options}`)
  const table = freshTable()
  const store = postgresStore(client, { table })
  await store.open()
  await store.commit(batch({ put: [row('a', 'old')] }))
  // Without a pattern, so that the server cannot make it smaller.
  const big = new Uint8Array(randomBytes(400_000))
  let filled = 0
  let error: unknown
  while (error === undefined && filled < 60) {
    const put = [['a', row('a', `new ${filled}`)[1]] as const, [`big/${filled}`, big] as const]
    error = await store.commit(batch({ put })).then(
      () => undefined,
      (failure: unknown) => failure,
    )
    if (error === undefined) filled += 1
  }
  expect(error).toMatchObject({ code: 'store_full', details: { reason: 'disk_full' } })
  expect(filled).toBeGreaterThan(0)
  expect(await store.read(['a', `big/${filled}`])).toEqual([
    row('a', `new ${filled - 1}`)[1],
    undefined,
  ])
  expect(await store.scan('big/', { limit: 100 })).toHaveLength(filled)
  await sqlOf(admin, `DROP TABLE ${table}`)
  await store.close()
  await store.open()
  await store.commit(batch({ put: [row('a', 'again')] }))
  expect(await store.read(['a'])).toEqual([row('a', 'again')[1]])
  await sqlOf(admin, `DROP TABLE ${table}`)
  await sqlOf(admin, 'DROP TABLESPACE small')
  await disconnect(client)
  await disconnect(admin)
}

/** A disk of 6 MB, where this process may make one. */
function mountRoom(): string | undefined {
  const place = mkdtempSync(join(tmpdir(), 'privity-room-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m,mode=755', 'none', place], {
      stdio: 'ignore',
    })
    mkdirSync(join(place, 'data'), { mode: 0o700 })
    chownSync(join(place, 'data'), 65_534, 65_534)
    return place
  } catch {
    rmSync(place, { recursive: true, force: true })
    return undefined
  }
}

function unmountRoom(place: string): void {
  execFileSync('umount', [place])
  rmSync(place, { recursive: true, force: true })
}
