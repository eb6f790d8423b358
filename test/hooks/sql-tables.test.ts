import type { ErasureHook, HookItem } from 'privity'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { sqlTables } from 'privity/hooks'
import {
  type AppDatabase,
  DATABASES,
  type DatabaseName,
  openDatabase,
} from '../support/app-database.ts'
import { errorOf } from '../support/error-of.ts'
import { contextOf, runHook } from '../support/hook-person.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'

const ANNA = { externalId: '42' }
const TABLES = [
  {
    table: 'lines',
    column: 'order_id',
    through: { table: 'orders', id: 'id', column: 'customer' },
    action: 'delete',
  },
  { table: 'orders', column: 'customer', action: 'delete' },
  { table: 'reviews', column: 'customer', action: 'detach' },
  {
    table: 'invoices',
    column: 'customer',
    action: 'anonymise',
    set: { name: 'erased', street: null, paid: true, age: 0 },
  },
  { table: 'customers', column: 'id', action: 'delete' },
] as const
const SCHEMA = [
  'CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT)',
  'CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers (id))',
  'CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id))',
  'CREATE TABLE reviews (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers (id))',
  // What the law keeps has no reference that would have to go.
  'CREATE TABLE invoices (customer INTEGER, name TEXT, street TEXT, paid BOOLEAN, age INTEGER)',
  "INSERT INTO customers VALUES (42, 'anna@example.com'), (43, 'bo@example.com')",
  'INSERT INTO orders VALUES (1, 42), (2, 42), (3, 43)',
  'INSERT INTO lines VALUES (1, 1), (2, 1), (3, 2), (4, 3)',
  'INSERT INTO reviews VALUES (1, 42), (2, 43)',
  "INSERT INTO invoices VALUES (42, 'Anna', 'Keizersgracht 2', TRUE, 30), (43, 'Bo', 'Dam 1', TRUE, 31)",
]
/** A PGlite takes seconds to start where others use the processor. */
const SLOW = { timeout: 60_000 }
const COUNTS = { lines: 4, orders: 3, reviews: 2, invoices: 2, customers: 2 } as const

let server: PostgresServer
let database: AppDatabase

beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.dispose())
afterEach(() => database.dispose())

async function open(name: DatabaseName, schema: readonly string[] = SCHEMA): Promise<AppDatabase> {
  database = await openDatabase(name, server.url)
  await database.run(...schema)
  return database
}

/** The first item of a plan. */
async function firstOf(hook: ErasureHook): Promise<HookItem> {
  const [item] = await hook.plan(contextOf(ANNA))
  if (item === undefined) throw new TypeError('nothing was planned')
  return item
}

async function counts(): Promise<object> {
  const found: [string, number][] = []
  for (const table of Object.keys(COUNTS))
    found.push([table, Number(await database.cell(`SELECT count(*) FROM ${table}`))])
  return Object.fromEntries(found)
}

describe.for(DATABASES)('tables of an app in %s', SLOW, (name) => {
  test('lose a person, children first, and nobody else', async () => {
    const { client } = await open(name)
    const hook = sqlTables({ id: 'shop', client, tables: TABLES })
    const { items, outcomes, verdicts } = await runHook(hook, ANNA)
    expect(items.map(({ id, count }) => [id, count])).toEqual([
      ['lines.order_id', 3],
      ['orders.customer', 2],
      ['reviews.customer', 1],
      ['invoices.customer', 1],
      ['customers.id', 1],
    ])
    expect(items[0]?.description).toBe('delete rows of lines')
    // The first does all in one transaction.
    expect(outcomes).toEqual(['done', ...Array(4).fill('already_done')])
    expect(verdicts).toEqual(Array(5).fill('absent'))
    expect(await counts()).toEqual({ lines: 1, orders: 1, reviews: 2, invoices: 2, customers: 1 })
    expect(await database.cell('SELECT count(*) FROM reviews WHERE customer IS NULL')).toBe('1')
    const kept = "name = 'erased' AND street IS NULL AND paid = TRUE AND age = 0"
    expect(await database.cell(`SELECT customer FROM invoices WHERE ${kept}`)).toBe('42')
    expect(await database.cell("SELECT street FROM invoices WHERE name = 'Bo'")).toBe('Dam 1')
  })

  test('can be asked again at any time', async () => {
    const { client } = await open(name)
    const hook = sqlTables({ id: 'shop', client, tables: TABLES })
    await runHook(hook, ANNA)
    const again = await runHook(hook, ANNA)
    expect(again.items.map(({ count }) => count)).toEqual([0, 0, 0, 0, 0])
    expect(again.outcomes).toEqual(Array(5).fill('already_done'))
    // A row that came after the plan is found as well.
    await database.run("INSERT INTO customers VALUES (42, 'anna@example.com')")
    const item = await firstOf(hook)
    expect(await hook.verify({ ...item, id: 'customers.id' }, contextOf(ANNA))).toEqual({
      residual: 1,
    })
    expect(await hook.execute(item, contextOf(ANNA))).toBe('done')
  })

  test('are all as they were when one of them refuses', async () => {
    const { client } = await open(name)
    const tables = TABLES.filter(({ table }) => table !== 'reviews')
    const hook = sqlTables({ id: 'shop', client, tables })
    const { outcomes, verdicts } = await runHook(hook, ANNA)
    expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome)))).toEqual(
      new Set(['{"blocked":"foreign_key"}']),
    )
    expect(verdicts).toEqual([{ residual: 3 }, { residual: 2 }, { residual: 1 }, { residual: 1 }])
    expect(await counts()).toEqual(COUNTS)
  })

  test('are left alone where the id in them is the person’s by a loose comparison only', async () => {
    const { client } = await open(name)
    const tables = [{ table: 'customers', column: 'id', action: 'delete' }] as const
    const hook = sqlTables({ id: 'shop', client, tables })
    const run = await runHook(hook, { externalId: '042' })
    expect(run.outcomes).toEqual([{ blocked: 'ambiguous_id' }])
    expect(run.verdicts).toEqual(['unknown'])
    expect(await counts()).toEqual(COUNTS)
  })

  test('are asked with parameters, whatever the id is', async () => {
    const schema = [
      'CREATE TABLE people (id TEXT, name TEXT)',
      "INSERT INTO people VALUES ('x'' OR ''1''=''1', 'Eve'), ('a', 'Anna'), ('A', 'Ada'), ('?', 'Q'), ('$1', 'P')",
    ]
    const { client } = await open(name, schema)
    const tables = [{ table: 'people', column: 'id', action: 'delete' }] as const
    const hook = sqlTables({ id: 'shop', client, tables })
    for (const externalId of ["x' OR '1'='1", 'a', '?', '$1', '']) {
      const { verdicts } = await runHook(hook, { externalId })
      expect(verdicts).toEqual(['absent'])
    }
    expect(await database.cell('SELECT max(name) FROM people')).toBe('Ada')
    expect(await database.cell('SELECT count(*) FROM people')).toBe('1')
  })

  test('are found by the subject id too, and by no id that a person lacks', async () => {
    const subjectId = 'fedcba9876543210fedcba9876543210'
    const schema = [
      'CREATE TABLE tokens (person TEXT)',
      `INSERT INTO tokens VALUES ('${subjectId}'), ('undefined'), (NULL)`,
    ]
    const { client } = await open(name, schema)
    const rows = { table: 'tokens', column: 'person', action: 'delete' } as const
    const byExternal = sqlTables({ id: 'a', client, tables: [rows] })
    expect(await byExternal.plan(contextOf({}))).toEqual([])
    const bySubject = sqlTables({ id: 'b', client, tables: [{ ...rows, key: 'subjectId' }] })
    expect((await runHook(bySubject, {})).verdicts).toEqual(['absent'])
    expect(await database.cell('SELECT count(*) FROM tokens')).toBe('2')
  })

  test('that are not there, or no more in the hook, are never proved empty', async () => {
    const { client } = await open(name)
    const hook = sqlTables({ id: 'shop', client, tables: TABLES })
    const item = await firstOf(hook)
    await database.run('DROP TABLE lines')
    const error = await errorOf(hook.verify(item, contextOf(ANNA)))
    expect(error.code).toBe('store_corrupt')
    expect(JSON.stringify(error)).not.toContain('lines')
    const later = sqlTables({ id: 'shop', client, tables: TABLES.slice(1) })
    expect(await later.execute(item, contextOf(ANNA))).toEqual({ blocked: 'unknown_table' })
    expect(await later.verify(item, contextOf(ANNA))).toBe('unknown')
  })
})

describe.for(['better-sqlite3', 'node:sqlite'] as const)('a connection of %s', (name) => {
  test('is not used inside a transaction of the app', async () => {
    const { client } = await open(name)
    const hook = sqlTables({ id: 'shop', client, tables: TABLES })
    const item = await firstOf(hook)
    await database.run('BEGIN')
    expect(await hook.execute(item, contextOf(ANNA))).toEqual({
      retryAfter: { hours: 1 },
      why: 'in_transaction',
    })
    await database.run('ROLLBACK')
    expect(await hook.execute(item, contextOf(ANNA))).toBe('done')
  })

  test('does not take Anna for anna where case is ignored', async () => {
    const schema = [
      'CREATE TABLE people (id TEXT COLLATE NOCASE)',
      "INSERT INTO people VALUES ('anna'), ('Anna')",
    ]
    const { client } = await open(name, schema)
    const tables = [{ table: 'people', column: 'id', action: 'delete' }] as const
    const hook = sqlTables({ id: 'shop', client, tables })
    const { items, outcomes } = await runHook(hook, { externalId: 'anna' })
    expect(items.map(({ count }) => count)).toEqual([1])
    expect(outcomes).toEqual([{ blocked: 'ambiguous_id' }])
  })
})

describe('a server', () => {
  test('that is down is asked again later, without a word of the driver', async () => {
    const { client } = await open('pg')
    const hook = sqlTables({ id: 'shop', client, tables: TABLES })
    const item = await firstOf(hook)
    await server.stop('immediate')
    onTestFinished(() => server.start())
    const outcome = await hook.execute(item, contextOf(ANNA))
    expect(outcome).toMatchObject({ retryAfter: { hours: 1 } })
    const error = await errorOf(hook.plan(contextOf(ANNA)))
    expect(error.code).toBe('store_unavailable')
    expect(JSON.stringify([outcome, error])).not.toMatch(/127\.0\.0\.1|ECONN|42/)
  })
})

describe('what the app passes to sqlTables', () => {
  const rows = { table: 'people', column: 'id', action: 'delete' } as const

  test.for([
    [{ ...rows, table: 'people; DROP TABLE x' }, ['tables', 0, 'table'], 'not_a_name'],
    [{ ...rows, table: 'a.b.c' }, ['tables', 0, 'table'], 'not_a_name'],
    [{ ...rows, column: 'id" OR 1=1 --' }, ['tables', 0, 'column'], 'not_a_name'],
    [{ ...rows, action: 'truncate' }, ['tables', 0, 'action'], 'unknown_action'],
    [{ ...rows, key: 'email' }, ['tables', 0, 'key'], 'not_a_person_key'],
    [{ ...rows, set: { name: null } }, ['tables', 0, 'set'], 'not_for_this_action'],
    [{ ...rows, action: 'anonymise', set: {} }, ['tables', 0, 'set'], 'not_columns'],
    [{ ...rows, action: 'anonymise' }, ['tables', 0, 'set'], 'not_an_object'],
    [
      { ...rows, action: 'anonymise', set: { 'na"me': null } },
      ['tables', 0, 'set', '?'],
      'not_a_name',
    ],
    [
      { ...rows, action: 'anonymise', set: { name: new Date(0) } },
      ['tables', 0, 'set', 'name'],
      'not_a_value',
    ],
    [
      { ...rows, through: { table: 'x', id: '1', column: 'y' } },
      ['tables', 0, 'through', 'id'],
      'not_a_name',
    ],
    [{ ...rows, where: '1=1' }, ['tables', 0], 'unknown_option'],
  ] as const)('is refused where it is no table: %j', async ([table, path, code]) => {
    const { client } = await open('better-sqlite3', [])
    const error = await errorOf(async () =>
      sqlTables({ id: 'shop', client, tables: [table] } as never),
    )
    expect(error).toMatchObject({ code: 'invalid_input', details: { issues: [{ path, code }] } })
  })

  test('is refused where parents go before what is found through them', async () => {
    const { client } = await open('better-sqlite3', [])
    const tables = [TABLES[1], TABLES[0]]
    const error = await errorOf(async () => sqlTables({ id: 'shop', client, tables }))
    expect(error).toMatchObject({
      details: { issues: [{ path: ['tables', 1, 'through'], code: 'after_its_parent' }] },
    })
  })

  test('is refused twice, without tables, and without a client', async () => {
    const { client } = await open('better-sqlite3', [])
    const codes = [
      { client, tables: [rows, rows] },
      { client, tables: [] },
      { client: { query: () => undefined }, tables: [rows] },
      { client: null, tables: [rows] },
    ].map(async (options) => {
      const error = await errorOf(async () => sqlTables({ id: 'shop', ...options } as never))
      return JSON.stringify(error.details)
    })
    expect((await Promise.all(codes)).map((text) => /"code":"(\w+)"/.exec(text)?.[1])).toEqual([
      'duplicate',
      'not_a_list',
      'not_a_client',
      'not_a_client',
    ])
  })
})
