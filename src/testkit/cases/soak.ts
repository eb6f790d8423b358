import { equalBytes } from '../../base/bytes.ts'
import { endOfTurn } from '../../base/platform.ts'
import { isPrivityError } from '../../base/errors.ts'
import type { Batch, Key, Row, Store } from '../../storage/store.ts'
import { expectEqual, expectThat, rejectionOf } from '../expect.ts'
import { type Random, seededRandom } from '../random.ts'
import { batch, expectRows, keysUnder, numbered, pageAfter, row, write } from '../rows.ts'
import { unhandledDuring } from '../unhandled.ts'
import type { StoreCase, Trial } from './case.ts'

/** Much, mixed, and for longer. */
export const SOAK_CASES: readonly StoreCase[] = [
  { title: 'C42 no refusal is left unhandled', run: unhandled },
  { title: 'C57 a hundred prefixes keep to themselves', run: hundredPrefixes },
  { title: 'C58 300 mixed calls answer as rows in memory do', run: mixed },
  { title: 'C59 50,000 rows pass without being held', needs: 'heap', run: bounded },
  { title: 'C60 a clock that jumps changes nothing', needs: 'jump', run: jumps },
]

const SEED = 20_261_122
const PREFIXES = 100
const CALLS = 300
const LARGE = 50_000
const SCANS = 5
const GROWTH = 64 * 1_048_576
const HOUR = 3_600_000
const TEN_YEARS = 315_576_000_000

async function unhandled({ store }: Trial): Promise<void> {
  const found = await unhandledDuring(async () => {
    const stale = batch({ checks: [row('a', 'x')], put: [row('a', 'y')] })
    const calls = Array.from({ length: 10 }, () => [
      store.commit(stale),
      store.commit(batch({ put: [row('', 'x')] })),
      store.read(['']),
    ])
    const closing = store.close()
    await Promise.allSettled([...calls.flat(), closing, store.read(['a']), store.commit(stale)])
    for (let turn = 0; turn < 5; turn += 1) await endOfTurn()
  })
  expectEqual(found, 0, 'the number of rejections that nobody handled')
}

async function hundredPrefixes({ store }: Trial): Promise<void> {
  const prefixes = Array.from({ length: PREFIXES }, (_, index) => `${index.toString(16)}/`)
  await write(
    store,
    prefixes.flatMap((prefix) => [row(`${prefix}a`, prefix), row(`${prefix}b`, prefix)]),
  )
  for (const prefix of prefixes) {
    const expected = [row(`${prefix}a`, prefix), row(`${prefix}b`, prefix)]
    expectEqual(await store.scan(prefix, { limit: 10 }), expected, `rows under ${prefix}`)
  }
  await store.commit(batch({ del: ['1/a', '1/b'] }))
  expectEqual((await keysUnder(store, '', 37)).length, 2 * PREFIXES - 2, 'the rows of the others')
}

async function mixed({ store }: Trial): Promise<void> {
  const random = seededRandom(SEED)
  const model = new Map<Key, Uint8Array>()
  for (let call = 1; call <= CALLS; call += 1) {
    const change = randomBatch(random, model)
    const error = await rejectionOf(store.commit(change))
    const expected = holds(model, change) ? undefined : 'write_conflict'
    expectEqual(isPrivityError(error) ? error.code : error, expected, `the answer to call ${call}`)
    if (error === undefined) apply(model, change)
    const key = randomKey(random)
    expectEqual(await store.read([key]), [model.get(key)], `what call ${call} left`)
  }
  const sorted = [...model].sort(([a], [b]) => (a < b ? -1 : 1))
  await expectRows(store, sorted, 'all rows in the end')
}

function randomBatch(random: Random, model: ReadonlyMap<Key, Uint8Array>): Batch {
  const keys = new Set(Array.from({ length: 1 + random(4) }, () => randomKey(random)))
  const put: Row[] = []
  const del: Key[] = []
  const checks: [Key, Uint8Array | null][] = []
  for (const key of keys) {
    const value = Uint8Array.from({ length: random(6) }, () => random(3))
    if (random(3) === 0) del.push(key)
    else put.push([key, value])
    // Often what is there, so that half of the batches pass.
    if (random(2) === 0) checks.push([key, random(5) === 0 ? value : (model.get(key) ?? null)])
  }
  return { checks, put, del }
}

function randomKey(random: Random): Key {
  return `k${random(4)}/${random(5)}`
}

function holds(model: ReadonlyMap<Key, Uint8Array>, { checks }: Batch): boolean {
  return checks.every(([key, expected]) => {
    const held = model.get(key)
    if (held === undefined || expected === null) return (held ?? null) === expected
    return equalBytes(held, expected)
  })
}

function apply(model: Map<Key, Uint8Array>, { put, del }: Batch): void {
  for (const [key, value] of put) model.set(key, value)
  for (const key of del) model.delete(key)
}

async function bounded({ store, heap }: Trial): Promise<void> {
  await write(store, [row('warm', 'up')])
  await keysUnder(store, '', 1_000)
  for (let from = 0; from < LARGE; from += 1_000) await writeLump(store, from)
  const before = await heap()
  for (let scan = 0; scan < SCANS; scan += 1) {
    expectEqual(await countRows(store), LARGE + 1, `the rows that scan ${scan} met`)
  }
  expectThat((await heap()) - before < GROWTH, 'scans hold less than 64 MB more')
}

async function writeLump(store: Store, from: number): Promise<void> {
  const prefix = `${String(from).padStart(6, '0')}/`
  await store.commit(batch({ put: numbered(prefix, 1_000) }))
}

async function countRows(store: Store): Promise<number> {
  let count = 0
  let page: readonly Row[] = []
  do {
    page = await pageAfter(store, '', { after: page.at(-1)?.[0], limit: 1_000 })
    count += page.length
  } while (page.length === 1_000)
  return count
}

async function jumps({ store, jump }: Trial): Promise<void> {
  let turn = 0
  for (const ms of [-HOUR, TEN_YEARS, 0, -TEN_YEARS, HOUR]) {
    await jump(ms)
    const old = turn === 0 ? null : row('a', String(turn))[1]
    turn += 1
    await store.commit(batch({ checks: [['a', old]], put: [row('a', String(turn))] }))
    await expectRows(store, [row('a', String(turn))], `rows after jump ${turn}`)
  }
}
