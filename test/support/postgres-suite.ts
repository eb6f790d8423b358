import { afterAll, beforeAll, test } from 'vitest'
import { postgresStore } from '../../src/adapters/postgres.ts'
import type { PostgresClient } from '../../src/adapters/postgres/client.ts'
import type { Store } from '../../src/storage/store.ts'
import { type OpenedStore, storeSuite } from '../../src/testkit/store-suite.ts'
import { type ClientKind, disconnect, freshTable, sqlOf } from './postgres-clients.ts'
import { countInMany, killWhileAppending, killWhileOpening } from './postgres-processes.ts'
import { type PostgresServer, startPostgres } from './postgres-server.ts'
import { startProxy, type TcpProxy } from './tcp-proxy.ts'
import { tappedClient } from './tapped-client.ts'

interface OpenedTable extends OpenedStore {
  readonly table: string
  readonly client: PostgresClient
  /** Which statement from now on fails, and whether the database gets it. */
  readonly failure: { left: number; when: 'before' | 'after' }
  connect(url: string): Store
}

const CROWD = 4

/** The whole suite over a server of its own, with everything that can be proven of it. */
export function postgresSuite(kind: ClientKind): void {
  let server: PostgresServer
  let proxy: TcpProxy
  let kills = 0
  beforeAll(async () => {
    // As durable as the kernel: what processes and servers lose is tested here, loss of power is not.
    server = await startPostgres({ settings: ['fsync=off'] })
    proxy = await startProxy(server.url)
  })
  afterAll(async () => {
    await proxy.close()
    await server.dispose()
  })
  function target(table: string): { client: ClientKind['name']; url: string; table: string } {
    return { client: kind.name, url: server.url, table }
  }
  storeSuite({
    test: (title, run) => test(title, run, 60_000),
    durability: 'process-crash',
    open: async () => openTable(kind, proxy.url),
    again: async ({ connect }) => connect(proxy.url),
    failAt: ({ failure }, call, when) => {
      failure.left = call
      failure.when = when
    },
    cut: async (_, when) => proxy.cut(when),
    hang: async () => {
      const release = proxy.hang()
      return async () => release()
    },
    restart: async () => {
      await server.stop('immediate')
      await server.start()
    },
    readOnly: async ({ connect }) =>
      connect(`${proxy.url}?options=${encodeURIComponent('-c default_transaction_read_only=on')}`),
    remove: async ({ client, table }) => {
      await sqlOf(client, `DROP TABLE ${table}`)
    },
    kill: ({ table }) => {
      kills += 1
      return killWhileAppending(target(table), 1 + ((kills * 17) % 48))
    },
    killDuring: async ({ table }, work) => {
      kills += 1
      // There is no scrub to kill.
      if (work === 'open') await killWhileOpening(target(table), kills % 5)
    },
    race: ({ table }, times) => countInMany(target(table), 2, times),
    crowd: async ({ table }, times) => {
      await countInMany(target(table), CROWD, times)
      return CROWD
    },
  })
}

function openTable(kind: ClientKind, url: string): OpenedTable {
  const table = freshTable()
  const clients: PostgresClient[] = []
  const failure: OpenedTable['failure'] = { left: 0, when: 'before' }
  function connected(to: string): PostgresClient {
    const client = kind.connect(to)
    clients.push(client)
    return client
  }
  const client = connected(url)
  const flaky = tappedClient(client, async (_, run) => {
    failure.left -= 1
    if (failure.left === 0 && failure.when === 'before') throw new Error('cut before')
    const result = await run()
    if (failure.left === 0) throw new Error('cut after')
    return result
  })
  return {
    table,
    client,
    failure,
    store: postgresStore(flaky, { table }),
    connect: (to) => postgresStore(connected(to), { table }),
    dispose: async () => {
      await Promise.all(clients.map(disconnect))
    },
  }
}
