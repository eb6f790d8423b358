import { PGlite } from '@electric-sql/pglite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exportStore, importStore, type Row } from 'privity'
import { memoryStore } from 'privity/memory'
import { postgresStore } from 'privity/postgres'
import { openAcme } from '../support/acme.ts'
import { busyStore } from '../support/deep-store.ts'
import { freshTable } from '../support/postgres-clients.ts'
import { leaveEngines, PLACES, type PlaceName } from '../support/stores.ts'

const ACME = { tenant: 'acme' } as const
const SLOW = 120_000

let database: PGlite
let rows: readonly Row[]

beforeAll(async () => {
  database = await PGlite.create()
  const { data } = await busyStore({ people: 4 })
  rows = [...data.rows].sort(([a], [b]) => (a < b ? -1 : 1))
  const stream = exportStore(memoryStore({ share: data }), ACME)
  await importStore(postgresStore(database), stream, ACME)
}, SLOW)

afterAll(async () => {
  await database.close()
})

test(
  'in PostgreSQL every row is byte-equal and every proof holds',
  async () => {
    const store = postgresStore(database)
    await store.open()
    expect(await store.scan('', { limit: 10_000 })).toEqual(rows)
    const acme = await openAcme(postgresStore(database))
    expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await acme.close()
  },
  SLOW,
)

leaveEngines()

test.each(Object.keys(PLACES) as readonly PlaceName[])(
  'and so they are when they move on to %s',
  async (kind) => {
    const { tenant } = ACME
    const place = await PLACES[kind]()
    const table = freshTable()
    const [first, second] = [
      postgresStore(database, { table }),
      postgresStore(database, { table }),
    ] as const
    const { id, written } = await fill(first)
    await importStore(place.store(), exportStore(second, { tenant }), { tenant })
    expect(await place.rows()).toEqual(written)
    const acme = await openAcme(place.store())
    expect(await acme.subjects.find({ externalId: 'anna' })).toEqual({ id })
    expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await acme.close()
    await place.dispose()
  },
  SLOW,
)

/** A store that was born there. */
async function fill(
  store: ReturnType<typeof postgresStore>,
): Promise<{ readonly id: string; readonly written: readonly Row[] }> {
  const acme = await openAcme(store)
  const { id } = await acme.subjects.register({ externalId: 'anna' })
  await acme.close()
  await store.open()
  return { id, written: await store.scan('', { limit: 10_000 }) }
}
