import { PGlite } from '@electric-sql/pglite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgresStore } from 'privity/postgres'
import { verifyCertificate, verifyReceipt } from 'privity/verify'
import { accessorsOf, ANNA, collect, giveOnWeb, openAcme, refusal } from '../support/acme.ts'
import type { PostgresClient } from '../../src/adapters/postgres/client.ts'
import { CLIENTS, disconnect, freshTable, sqlOf } from '../support/postgres-clients.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'

let server: PostgresServer

beforeAll(async () => {
  server = await startPostgres({ settings: ['fsync=off'] })
})

afterAll(() => server.dispose())

const PLACES: { readonly [name: string]: () => Promise<PostgresClient> } = {
  pg: async () => CLIENTS.pg.connect(server.url),
  'postgres.js': async () => CLIENTS['postgres.js'].connect(server.url),
  PGlite: () => PGlite.create(),
  ...givenServer(),
}

/** The server of the environment, where it names one. */
function givenServer(): typeof PLACES {
  const url = process.env['PRIVITY_PG_URL']
  return url === undefined ? {} : { PRIVITY_PG_URL: async () => CLIENTS.pg.connect(url) }
}

for (const [name, connect] of Object.entries(PLACES)) {
  test(`a person is registered, seen, withdrawn from and erased on PostgreSQL [${name}]`, async () => {
    const client = await connect()
    const table = freshTable()
    const acme = await openAcme(postgresStore(client, { table }))
    const { support, marketing } = accessorsOf(acme)
    const { id } = await acme.subjects.register()
    const other = await acme.subjects.register()
    await support.contact.create(id, ANNA)
    await support.contact.create(other.id, { ...ANNA, name: 'Ben', email: 'ben@example.com' })
    const { receipt } = await giveOnWeb(acme, id, ['marketing'])
    expect(await marketing.contact.read(id)).toEqual({ name: ANNA.name, email: ANNA.email })
    const found = await collect(support.contact.find({ email: ANNA.email }))
    expect(found.map(({ subjectId }) => subjectId)).toEqual([id])

    await acme.consent.withdraw(id, { purposes: ['marketing'] })
    expect((await refusal(marketing.contact.read(id))).code).toBe('not_permitted')
    const certificate = await acme.erasure.erase(id, { reason: 'subject_request' })
    expect((await refusal(support.contact.read(id))).code).toBe('erased')
    expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await acme.close()

    const again = await openAcme(postgresStore(client, { table }))
    expect(await accessorsOf(again).support.contact.read(other.id)).toMatchObject({ name: 'Ben' })
    expect((await refusal(accessorsOf(again).support.contact.read(id))).code).toBe('erased')
    expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    const { jwks } = again.ledger.publicKeys
    expect(await verifyReceipt(receipt, { jwks })).toMatchObject({ ok: true })
    expect(await verifyCertificate(certificate, { jwks })).toMatchObject({ ok: true })
    await again.close()
    // What the database holds names nobody.
    const rows = JSON.stringify(await sqlOf(client, `SELECT k, encode(v, 'escape') FROM ${table}`))
    expect(rows).not.toMatch(/anna|Anna|Keizersgracht|ben@example|Ben"/)
    await sqlOf(client, `DROP TABLE ${table}`)
    await disconnect(client)
  }, 60_000)
}
