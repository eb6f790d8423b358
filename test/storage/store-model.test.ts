import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { sqliteStore } from '../../src/adapters/sqlite.ts'
import { isPrivityError } from '../../src/base/errors.ts'
import type { Batch, Row, Store } from '../../src/storage/store.ts'
import {
  asText,
  createReferenceRows,
  type ReferenceRows,
  referenceCommit,
  referenceRead,
  referenceScan,
  textOf,
} from '../support/reference-rows.ts'
import { type Connection, createFolder, DRIVERS, type Driver } from '../support/sqlite-drivers.ts'

/** Two stores on the same data. */
interface Pair {
  readonly stores: readonly [Store, Store]
  dispose(): void
}

type Command = fc.AsyncCommand<ReferenceRows, Pair>

const RUNS = 300

// Few keys that resemble each other, so that commands meet; few values, so that checks often hold.
const key = fc.constantFrom(
  'a',
  'a/',
  'a/1',
  'a/10',
  'a/2',
  'a0',
  'a_',
  'a%',
  'A/1',
  'b',
  'b/1',
  '~',
)
const value = fc.oneof(
  fc.constantFrom('', '0', '1', '10').map((text) => new TextEncoder().encode(text)),
  fc.uint8Array({ maxLength: 40 }),
)
const prefix = fc.constantFrom('', 'a', 'a/', 'a/1', 'a_', 'a%', 'A', 'b/', 'zz', '~')
const side = fc.constantFrom<Side>(0, 1)

type Check = 'right' | 'none' | Uint8Array | null
type Op = readonly [key: string, value: Uint8Array | null]
type Side = 0 | 1

function command(name: string, run: Command['run']): Command {
  return { check: () => true, run, toString: () => name }
}

function commit(side: Side, ops: readonly Op[], checks: readonly Check[]): Command {
  return command(`commit ${fc.stringify({ side, ops, checks })}`, async (reference, { stores }) => {
    const batch = batchOf(reference, ops, checks)
    const expected = referenceCommit(reference, batch)
    const outcome = await stores[side].commit(batch).then(
      () => 'applied',
      (error: unknown) => (isPrivityError(error, 'write_conflict') ? 'conflict' : error),
    )
    expect(outcome).toBe(expected)
  })
}

function batchOf(reference: ReferenceRows, ops: readonly Op[], wanted: readonly Check[]): Batch {
  const put: Row[] = []
  const del: string[] = []
  const checks: [string, Uint8Array | null][] = []
  for (const [index, [name, bytes]] of ops.entries()) {
    if (bytes === null) del.push(name)
    else put.push([name, bytes])
    const check = wanted[index] ?? 'none'
    if (check === 'none') continue
    const held = referenceRead(reference, name)
    const right = held === undefined ? null : new Uint8Array(Buffer.from(held, 'hex'))
    checks.push([name, check === 'right' ? right : check])
  }
  return { checks, put, del }
}

function read(side: Side, keys: readonly string[]): Command {
  return command(`read ${fc.stringify({ side, keys })}`, async (reference, { stores }) => {
    const values = await stores[side].read(keys)
    const texts = values.map((bytes) => (bytes === undefined ? undefined : asText(bytes)))
    expect(texts).toEqual(keys.map((name) => referenceRead(reference, name)))
    for (const bytes of values) bytes?.fill(0xee)
  })
}

/** Each page through the other store than the one before. */
function scan(side: Side, start: string, limit: number): Command {
  return command(`scan ${fc.stringify({ side, start, limit })}`, async (reference, { stores }) => {
    const rows: Row[] = []
    let page: readonly Row[] = []
    let turn = side
    do {
      page = await stores[turn].scan(start, { after: rows.at(-1)?.[0], limit })
      expect(page.length).toBeLessThanOrEqual(limit)
      rows.push(...page)
      turn = turn === 0 ? 1 : 0
    } while (page.length === limit)
    expect(textOf(rows)).toEqual(referenceScan(reference, start))
  })
}

function reopen(side: Side): Command {
  return command(`reopen ${side}`, async (_, { stores }) => {
    await stores[side].close()
    await stores[side].open()
  })
}

function scrub(side: Side): Command {
  return command(`scrub ${side}`, async (_, { stores }) => {
    await stores[side].scrub?.()
  })
}

const ops = fc.uniqueArray(fc.tuple(key, fc.option(value)), {
  selector: ([name]) => name,
  maxLength: 6,
})
const checks: fc.Arbitrary<Check[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<Check>('right', 'none') },
    { weight: 1, arbitrary: fc.option(value).map((bytes): Check => bytes) },
  ),
  { maxLength: 6 },
)

const commands = fc.commands<ReferenceRows, Pair, false>(
  [
    fc.tuple(side, ops, checks).map((parts) => commit(...parts)),
    fc.tuple(side, fc.array(key, { maxLength: 8 })).map((parts) => read(...parts)),
    fc.tuple(side, prefix, fc.integer({ min: 1, max: 5 })).map((parts) => scan(...parts)),
    side.map(reopen),
    side.map(scrub),
  ],
  { maxCommands: 40 },
)

async function expectModel(open: () => Pair): Promise<void> {
  await fc.assert(
    fc.asyncProperty(commands, async (program) => {
      const pair = open()
      try {
        for (const store of pair.stores) await store.open()
        const setup = (): { model: ReferenceRows; real: Pair } => ({
          model: createReferenceRows(),
          real: pair,
        })
        await fc.asyncModelRun(setup, program)
      } finally {
        for (const store of pair.stores) await store.close()
        pair.dispose()
      }
    }),
    { numRuns: RUNS },
  )
}

function memoryPair(): Pair {
  const share = memoryData()
  return { stores: [memoryStore({ share }), memoryStore({ share })], dispose: () => {} }
}

/** One folder for all runs of a driver: its two connections start from an emptied table. */
function sqlitePairs(driver: Driver): () => Pair {
  const folder = createFolder()
  const connections: readonly [Connection, Connection] = [
    driver.connect(folder.file),
    driver.connect(folder.file),
  ]
  afterAll(() => {
    for (const connection of connections) connection.close()
    folder.remove()
  })
  return () => ({
    stores: [sqliteStore(connections[0]), sqliteStore(connections[1])],
    dispose: () => {
      connections[0].exec('DELETE FROM privity_rows')
    },
  })
}

test('two stores in memory are one list of rows', async () => {
  await expectModel(memoryPair)
})

for (const driver of Object.values(DRIVERS)) {
  test(`two SQLite stores over ${driver.name} are one list of rows`, async () => {
    await expectModel(sqlitePairs(driver))
  }, 120_000)
}
