import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgresStore } from '../../src/adapters/postgres.ts'
import type { PostgresClient } from '../../src/adapters/postgres/client.ts'
import type { Batch, Store } from '../../src/storage/store.ts'
import { row } from '../../src/testkit/rows.ts'
import { storeSuite } from '../../src/testkit/store-suite.ts'
import { CLIENTS, disconnect, freshTable } from '../support/postgres-clients.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'
import { tappedClient } from '../support/tapped-client.ts'

let server: PostgresServer

beforeAll(async () => {
  server = await startPostgres({ settings: ['fsync=off', 'deadlock_timeout=20ms'] })
})

afterAll(() => server.dispose())

/** As an engine that writes a table in one way per statement, and knows no `set_config`. */
function limited(client: PostgresClient, ran: string[] = []): PostgresClient {
  return tappedClient(client, async ({ text }, run) => {
    ran.push(text)
    if (text.startsWith('WITH') || text.includes('set_config')) {
      throw Object.assign(new Error('unimplemented'), { code: '0A000' })
    }
    return run()
  })
}

storeSuite({
  test: (title, run) => test(`in steps: ${title}`, run, 60_000),
  durability: 'process-crash',
  open: async () => {
    const client = CLIENTS.pg.connect(server.url)
    const table = freshTable()
    const store = postgresStore(limited(client), { table })
    return { store, client, table, dispose: () => disconnect(client) }
  },
  again: async ({ client, table }) => postgresStore(limited(client), { table }),
})

test('an engine that takes a batch in steps only is found out at open', async () => {
  for (const { connect } of Object.values(CLIENTS)) {
    const client = connect(server.url)
    const ran: string[] = []
    const store = postgresStore(limited(client, ran), { table: freshTable() })
    await store.open()
    ran.length = 0
    await store.commit({ checks: [], put: [row('a', '1')], del: [] })
    await store.commit({ checks: [row('a', '1')], put: [row('a', '2')], del: ['b'] })
    expect(ran.filter((text) => text.startsWith('WITH'))).toEqual([])
    expect(await store.scan('', { limit: 9 })).toEqual([row('a', '2')])
    await disconnect(client)
  }
})

/** Both orders of two batches that overlap; no mixture of the two may be found. */
const PUT_FIRST: Batch = { checks: [], put: [row('x', '1')], del: ['y'] }
const PUT_SECOND: Batch = { checks: [], put: [row('y', '2')], del: ['x'] }
const ORDERS = [[row('x', '1')], [row('y', '2')]]

for (const { name, connect } of Object.values(CLIENTS)) {
  test(`two batches that remove what the other one writes are not mixed [${name}]`, async () => {
    const client = connect(server.url)
    const store = postgresStore(client, { table: freshTable() })
    await store.open()
    for (let turn = 0; turn < 25; turn += 1) {
      await expectOrder(store)
    }
    await disconnect(client)
  }, 60_000)
}

async function expectOrder(store: Store): Promise<void> {
  await store.commit({ checks: [], put: [], del: ['x', 'y'] })
  await Promise.all([store.commit(PUT_FIRST), store.commit(PUT_SECOND)])
  expect(ORDERS).toContainEqual(await store.scan('', { limit: 9 }))
}
