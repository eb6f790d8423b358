import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { Batch, Row, Store } from 'privity'
import { postgresStore } from 'privity/postgres'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'
import { type App, contactSchema, fill, openAppOn } from './app.ts'
import type { Bench, Candidate, Contest } from './bench.ts'
import { describe, recordMany, recordOne } from './create.ts'
import { type Contact, contactOf, emailOf, shuffled } from './people.ts'
import { freshRows } from './raw.ts'

const PEOPLE = 500
const READS = 256
const ONE = 16
const MANY = 100
const GET = 'pg: get of jsonb'
const FIND = 'pg: indexed get of jsonb'

const TABLES = `
  CREATE TABLE contacts (id text COLLATE "C" PRIMARY KEY, email text NOT NULL, data jsonb NOT NULL);
  CREATE INDEX ON contacts (email);
  CREATE TABLE rows (k text COLLATE "C" PRIMARY KEY, v bytea NOT NULL)`
const INSERT = `INSERT INTO rows (k, v) SELECT * FROM unnest($1::text[], $2::bytea[])
  ON CONFLICT (k) DO UPDATE SET v = excluded.v`

interface Stage {
  readonly pool: pg.Pool
  readonly store: Store
  readonly app: App
  close(): Promise<void>
}

/** Reads and creates on a server of its own, over loopback TCP. */
export const postgresBenches: readonly Bench[] = [
  {
    name: 'postgres-read',
    title: `Purpose read of that contact, ${PEOPLE} people, PostgreSQL over loopback`,
    notes: [
      'The floor is one statement of pg over the same pool, and the jsonb that it parses. Measured:',
      'row, decision, opening, view, access log (deferred). Neither side prepares by name.',
    ],
    setUp: async () => readContest(await openStage()),
  },
  {
    name: 'postgres-create',
    title: 'Create of that contact for a person who is registered, PostgreSQL with fsync',
    notes: [
      'The floor parses with zod, then inserts as many rows and bytes as Privity committed, by unnest,',
      'in one statement. Measured: schema, decision, keys, lookups, sealing, log, signature, commit.',
    ],
    setUp: async () => createContest(await openStage()),
  },
]

async function openStage(): Promise<Stage> {
  const server: PostgresServer = await startPostgres()
  const pool = new pg.Pool({ connectionString: server.url, max: 4 })
  await pool.query(TABLES)
  const store = postgresStore(pool)
  const app = await openAppOn(store, { audit: 'deferred', secret: new Uint8Array(randomBytes(32)) })
  return {
    pool,
    store,
    app,
    close: async () => {
      await app.close()
      await pool.end()
      await server.dispose()
    },
  }
}

async function readContest({ pool, store, app, close }: Stage): Promise<Contest> {
  const ids = shuffled(await fill(app, PEOPLE))
  for (const [at, id] of ids.entries()) {
    const contact = contactOf(at)
    await pool.query('INSERT INTO contacts VALUES ($1, $2, $3)', [id, contact.email, contact])
  }
  await pool.query('ANALYZE')
  const some = ids.slice(0, READS)
  const keys = await documentKeys(pool, some)
  const numbers = some.map((_, at) => at)
  function candidate(name: string, floor: string, run: () => Promise<void>): Candidate {
    return { name, floor, ops: READS, run }
  }
  return {
    candidates: [
      { name: GET, ops: READS, run: () => each(some, (id) => getRaw(pool, 'id', id)) },
      candidate('store.read of one row', GET, () => each(keys, (key) => store.read([key]))),
      candidate('one class opened, audit deferred', GET, () => each(some, app.readOne)),
      candidate('both classes opened, audit deferred', GET, () => each(some, app.readBoth)),
      {
        name: FIND,
        ops: READS,
        run: () => each(numbers, (n) => getRaw(pool, 'email', emailOf(n))),
      },
      candidate('find by e-mail, one class opened', FIND, () =>
        each(numbers, (n) => app.find(emailOf(n))),
      ),
    ],
    close,
  }
}

async function createContest({ pool, app, close }: Stage): Promise<Contest> {
  const one = await recordOne(app)
  const many = await recordMany(app)
  return {
    candidates: [
      ...creates(app, { name: '1 in flight', ops: ONE }, async () => {
        for (let at = 0; at < ONE; at += 1) {
          contactSchema.parse(contactOf(at))
          await insert(pool, freshRows(one))
        }
      }),
      ...creates(app, { name: `${MANY} in flight`, ops: MANY }, async () => {
        for (let at = 0; at < MANY; at += 1) contactSchema.parse(contactOf(at))
        await insert(
          pool,
          many.flatMap((batch: Batch) => freshRows(batch)),
        )
      }),
    ],
    remarks: () => [`One: ${describe([one])}. ${MANY} together: ${describe(many)}.`],
    close,
  }
}

function creates(
  app: App,
  { name, ops }: { readonly name: string; readonly ops: number },
  raw: () => Promise<void>,
): readonly Candidate[] {
  const floor = `zod, raw insert, ${name}`
  let ids: readonly string[] = []
  return [
    { name: floor, ops, run: raw },
    {
      name: `create, ${name}`,
      floor,
      ops,
      before: async () => {
        ids = await app.register(ops)
      },
      run: async () => {
        if (ops === ONE) for (const [at, id] of ids.entries()) await app.create(id, contactOf(at))
        else await Promise.all(ids.map((id, at) => app.create(id, contactOf(at))))
      },
    },
  ]
}

async function getRaw(pool: pg.Pool, column: 'id' | 'email', value: string): Promise<Contact> {
  const { rows } = await pool.query(`SELECT data FROM contacts WHERE ${column} = $1`, [value])
  return rows[0].data
}

async function insert(pool: pg.Pool, rows: readonly Row[]): Promise<void> {
  await pool.query(INSERT, [rows.map(([key]) => key), rows.map(([, value]) => value)])
}

/** The rows that the reads of these people ask for. */
async function documentKeys(pool: pg.Pool, ids: readonly string[]): Promise<readonly string[]> {
  const { rows } = await pool.query("SELECT k FROM privity_rows WHERE k LIKE '%/p/%'")
  const keys = new Map(rows.map(({ k }: { k: string }) => [k.split('/').at(-1), k]))
  return ids.map((id) => keys.get(id) ?? '')
}

async function each<T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  for (const item of items) await act(item)
}
