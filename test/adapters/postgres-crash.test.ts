import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgresStore } from '../../src/adapters/postgres.ts'
import type { PostgresClient } from '../../src/adapters/postgres/client.ts'
import { isPrivityError } from '../../src/base/errors.ts'
import type { Store } from '../../src/storage/store.ts'
import { batch, keysUnder, numberedKey, numberIn, row } from '../../src/testkit/rows.ts'
import { APPENDED, entryKey } from '../../src/testkit/workloads.ts'
import { CLIENTS, disconnect, freshTable } from '../support/postgres-clients.ts'
import { killWhileAppending } from '../support/postgres-processes.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'
import { scaled } from '../support/scale.ts'

const STOPS = 10
const WRITERS = 12
/** With the twenty kills of the two suites, sixty; and two hundred by `npm run torture`. */
const KILL_ROUNDS = scaled({ ci: 5, torture: 23 })
const TOGETHER = 8

let server: PostgresServer

// Every default of the server, so that what it acknowledged was flushed.
beforeAll(async () => {
  server = await startPostgres()
})

afterAll(() => server.dispose())

/** What a writer knows of its own log of numbered rows. */
interface Writer {
  readonly name: string
  acknowledged: number
  /** Number of an entry whose commit ended in doubt. */
  doubted: number | undefined
}

test('a server that is stopped in the middle ten times loses nothing acknowledged', async () => {
  const clients: PostgresClient[] = Object.values(CLIENTS).map(({ connect }) => connect(server.url))
  const table = freshTable()
  const stores = clients.map((client) => postgresStore(client, { table }))
  for (const store of stores) expect((await store.open()).durability).toBe('power-loss')
  const writers = Array.from({ length: WRITERS }, (_, at): Writer => {
    return { name: `w${at}`, acknowledged: 0, doubted: undefined }
  })
  const codes = new Set<string>()
  const count = { doubted: 0, applied: 0 }
  for (let stop = 1; stop <= STOPS; stop += 1) {
    const before = total(writers)
    const work = writers.map((writer, at) => writeUntilRefused(nth(stores, at), writer, codes))
    while (total(writers) < before + 40 + stop * 11) await new Promise(setImmediate)
    await server.stop('immediate')
    await Promise.all(work)
    await server.start()
    for (const [at, writer] of writers.entries()) {
      const store = nth(stores, at)
      const [head] = await recovered(() => store.read([`${writer.name}/head`]))
      const written = numberIn(head)
      // What is in doubt is there as a whole or not at all; nothing else may differ.
      const allowed = [writer.acknowledged, writer.doubted ?? writer.acknowledged]
      expect(allowed).toContain(written)
      if (writer.doubted !== undefined) count.doubted += 1
      if (written > writer.acknowledged) count.applied += 1
      const keys = await keysUnder(store, `${writer.name}/e`, 1_000)
      expect(keys).toEqual(
        Array.from({ length: written }, (_, index) => entry(writer.name, index + 1)),
      )
      writer.acknowledged = written
      writer.doubted = undefined
    }
  }
  // Nothing is said to have failed that may have been applied.
  expect(
    [...codes].every((code) => code === 'outcome_unknown' || code === 'store_unavailable'),
  ).toBe(true)
  expect(count.doubted).toBeGreaterThan(0)
  await Promise.all(clients.map(disconnect))
}, 120_000)

async function writeUntilRefused(store: Store, writer: Writer, codes: Set<string>): Promise<void> {
  for (;;) {
    const next = writer.acknowledged + 1
    const head = `${writer.name}/head`
    const held = writer.acknowledged === 0 ? null : row(head, String(writer.acknowledged))[1]
    const put = [row(head, String(next)), row(entry(writer.name, next), 'entry')]
    try {
      await store.commit(batch({ checks: [[head, held]], put }))
      writer.acknowledged = next
    } catch (error) {
      if (!isPrivityError(error)) throw error
      codes.add(error.code)
      if (error.code === 'outcome_unknown') writer.doubted = next
      return
    }
  }
}

test('an unanswered server is a typed error at once, and the next write after its start works', async () => {
  for (const { connect } of Object.values(CLIENTS)) {
    const client = connect(server.url)
    const store = postgresStore(client, { table: freshTable() })
    await store.open()
    await store.commit(batch({ put: [row('a', '1')] }))
    await server.stop('fast')
    const started = performance.now()
    const calls = [
      () => store.read(['a']),
      () => store.scan('', { limit: 1 }),
      () => store.commit(batch({ checks: [row('a', '1')], put: [row('a', '2')] })),
    ]
    for (const call of [...calls, ...calls]) {
      const error = await call().then(
        () => undefined,
        (failure: unknown) => failure,
      )
      const codes = ['store_unavailable', 'outcome_unknown']
      expect(codes).toContain(isPrivityError(error) ? error.code : error)
    }
    expect(performance.now() - started).toBeLessThan(10_000)
    await server.start()
    expect(await recovered(() => store.read(['a']))).toEqual([row('a', '1')[1]])
    await store.commit(batch({ checks: [row('a', '1')], put: [row('a', '2')] }))
    expect(await store.read(['a'])).toEqual([row('a', '2')[1]])
    await store.close()
    await disconnect(client)
  }
}, 60_000)

test(
  'processes that are killed while they append lose nothing acknowledged',
  async () => {
    const client = CLIENTS.pg.connect(server.url)
    const tables = Array.from({ length: TOGETHER }, freshTable)
    let kills = 0
    for (let round = 0; round < KILL_ROUNDS; round += 1) {
      const acknowledged = await Promise.all(
        tables.map((table, at) => {
          kills += 1
          const kind = at % 2 === 0 ? 'pg' : 'postgres.js'
          const target = { client: kind, url: server.url, table } as const
          return killWhileAppending(target, 1 + ((kills * 17) % 29))
        }),
      )
      for (const [at, table] of tables.entries()) {
        const store = postgresStore(client, { table })
        await store.open()
        const [appended] = await store.read([APPENDED])
        const known = numberIn(appended)
        expect(known).toBeGreaterThanOrEqual(acknowledged[at] ?? Number.NaN)
        for (const half of ['a', 'b'] as const) {
          expect(await keysUnder(store, `${half}/`, 1_000)).toEqual(
            Array.from({ length: known }, (_, index) => entryKey(half, index + 1)),
          )
        }
        await store.close()
      }
    }
    expect(kills).toBe(KILL_ROUNDS * TOGETHER)
    await disconnect(client)
  },
  scaled({ ci: 180_000, torture: 900_000 }),
)

function entry(name: string, number: number): string {
  return numberedKey(`${name}/e`, number)
}

function total(writers: readonly Writer[]): number {
  return writers.reduce((sum, { acknowledged }) => sum + acknowledged, 0)
}

function nth(stores: readonly Store[], at: number): Store {
  const store = stores[at % stores.length]
  if (store === undefined) throw new TypeError('no store')
  return store
}

/** Connections that were lost are found out about one by one. */
async function recovered<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call()
    } catch (error) {
      if (attempt === 40 || !isPrivityError(error, 'store_unavailable')) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
