import { PGlite } from '@electric-sql/pglite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgresStore } from '../../src/adapters/postgres.ts'
import type { PGliteClient } from '../../src/adapters/postgres/client.ts'
import { utf8 } from '../../src/base/bytes.ts'
import { storeSuite } from '../../src/testkit/store-suite.ts'
import { freshTable, sqlOf } from '../support/postgres-clients.ts'
import { tappedClient } from '../support/tapped-client.ts'

let pglite: PGliteClient

beforeAll(async () => {
  pglite = await PGlite.create()
}, 60_000)

afterAll(() => pglite.close())

storeSuite({
  test: (title, run) => test(title, run, 60_000),
  durability: 'none',
  open: async () => {
    const table = freshTable()
    const failure = { left: 0, when: 'before' }
    const flaky = tappedClient(pglite, async (_, run) => {
      failure.left -= 1
      if (failure.left === 0 && failure.when === 'before') throw new Error('failed before')
      const result = await run()
      if (failure.left === 0) throw new Error('failed after')
      return result
    })
    return {
      store: postgresStore(flaky, { table }),
      table,
      failure,
      dispose: async () => undefined,
    }
  },
  again: async ({ table }) => postgresStore(pglite, { table }),
  failAt: ({ failure }, call, when) => {
    failure.left = call
    failure.when = when
  },
  remove: async ({ table }) => {
    await sqlOf(pglite, `DROP TABLE ${table}`)
  },
})

test('a PGlite that the app closed closes the store', async () => {
  const closing = await PGlite.create()
  const store = postgresStore(closing)
  const { durability, detail } = await store.open()
  expect(durability).toBe('none')
  expect(detail).toMatch(/^PostgreSQL \d+\.\d+, synchronous_commit on, fsync off/)
  await closing.close()
  const calls = [
    () => store.read(['a']),
    () => store.commit({ checks: [], put: [['a', utf8('1')]], del: [] }),
    // In steps, because of the row that is to be absent.
    () => store.commit({ checks: [['a', null]], put: [], del: ['a'] }),
  ]
  for (const call of calls) {
    await expect(call()).rejects.toMatchObject({
      code: 'store_closed',
      details: { reason: 'connection_closed' },
    })
  }
  await store.close()
}, 60_000)
