import type { Key, Row, Store } from '../../storage/store.ts'
import { expectEqual } from '../expect.ts'
import { batch, keysUnder, numbered, numberedKey, pageAfter, row, write } from '../rows.ts'
import type { StoreCase, Trial } from './case.ts'

/** Rows come in byte order, prefixes are literal, and paging misses and repeats nothing. */
export const ORDER_CASES: readonly StoreCase[] = [
  { title: 'C8 keys come in byte order, not in that of any language', run: byteOrder },
  { title: 'C9 a prefix is literal: no character of it is a wildcard', run: literalPrefix },
  { title: 'C10 a page begins after the key that `after` names', run: exclusive },
  { title: 'C10 pages of any size join to the whole', run: pageSizes },
  { title: 'C10 paging meets every lasting row once while others come and go', run: movingPages },
  { title: 'C11 10,000 rows come once each and in order', run: tenThousand },
  { title: 'C56 prefixes that resemble each other never see each other', run: tenants },
]

// Sorted four different ways by ICU, the C locale, SQLite's NOCASE and a natural order.
const TRAPS: readonly Key[] = [
  'a/b',
  'a.b',
  'aB',
  'ab',
  'a-b',
  'a_b',
  'A',
  'a',
  'Z',
  'a0',
  'a10',
  'a2',
  'a~',
]

const LOOKALIKES: readonly Key[] = ['a/', 'a0/', 'aa/', 'A/', 'a!', 'a%', 'a_', 'a//', 'a', 'b/']

async function byteOrder({ store }: Trial): Promise<void> {
  await write(
    store,
    TRAPS.map((key) => row(key, key)),
  )
  const expected = [...TRAPS].sort(byBytes)
  for (const limit of [1, 2, TRAPS.length]) {
    expectEqual(await keysUnder(store, '', limit), expected, `pages of ${limit}`)
  }
  expectEqual(await keysUnder(store, 'a', 3), expected.filter(startsWith('a')), 'keys under a')
}

async function literalPrefix({ store }: Trial): Promise<void> {
  const keys = ['a', 'a%', 'a%b', 'a_', 'a_b', 'aX', 'aXb', 'ab', 'a*', 'a?', 'a[b]', 'a\\', 'a\\%']
  await write(
    store,
    keys.map((key) => row(key, key)),
  )
  for (const prefix of keys) {
    const expected = keys.filter(startsWith(prefix)).sort(byBytes)
    expectEqual(await keysUnder(store, prefix, 2), expected, `keys under ${prefix}`)
  }
}

async function exclusive({ store }: Trial): Promise<void> {
  const rows = numbered('k/', 6)
  await write(store, rows)
  for (let at = 0; at < rows.length; at += 1) {
    const after = numberedKey('k/', at)
    const page = await pageAfter(store, 'k/', { after, limit: rows.length })
    expectEqual(page, rows.slice(at + 1), `the page after ${after}`)
  }
}

async function pageSizes({ store }: Trial): Promise<void> {
  const rows = numbered('k/', 23)
  await write(store, [row('j', 'before'), ...rows, row('k0', 'after'), row('k/~', 'last')])
  const expected = [...rows.map(([key]) => key), 'k/~']
  for (let limit = 1; limit <= expected.length + 1; limit += 1) {
    expectEqual(await keysUnder(store, 'k/', limit), expected, `pages of ${limit}`)
  }
  const between = await store.scan('k/', { after: `${numberedKey('k/', 4)}x`, limit: 1 })
  expectEqual(between, [rows[5]], 'the page after a key that is not there')
  expectEqual(await store.scan('k/', { after: 'k/~', limit: 9 }), [], 'the page after the last key')
}

async function movingPages({ store }: Trial): Promise<void> {
  const lasting = numbered('k/', 60).map(([key]) => key)
  await write(store, [...lasting.map((key) => row(key, 'lasts')), ...passing('k/')])
  const met: Key[] = []
  let page: readonly Row[] = []
  do {
    page = await pageAfter(store, 'k/', { after: met.at(-1), limit: 7 })
    met.push(...page.map(([key]) => key))
    await disturb(store, met.length)
  } while (page.length === 7)
  const counted = met.filter((key) => lasting.includes(key))
  expectEqual(counted, lasting, 'the lasting rows, in the order in which pages met them')
  expectEqual([...met].sort(byBytes), met, 'all rows, in the order in which pages met them')
}

/** Removes rows and adds others, before and after the place that paging has reached. */
async function disturb(store: Store, reached: number): Promise<void> {
  const change = batch({
    put: [
      row(`${numberedKey('k/', Math.max(0, reached - 5))}-before${reached}`, 'new'),
      row(`${numberedKey('k/', reached + 5)}-after${reached}`, 'new'),
    ],
    del: [`${numberedKey('k/', reached + 3)}-passing`, `${numberedKey('k/', reached - 3)}-passing`],
  })
  await store.commit(change)
}

function passing(prefix: string): readonly Row[] {
  return numbered(prefix, 60).map(([key]) => row(`${key}-passing`, 'passes'))
}

async function tenThousand({ store }: Trial): Promise<void> {
  const rows = numbered('k/', 10_000)
  const shuffled = rows.map((_, index) => rows[(index * 7_919) % rows.length] ?? rows[0])
  await write(
    store,
    shuffled.filter((entry) => entry !== undefined),
  )
  expectEqual(
    await keysUnder(store, 'k/', 997),
    rows.map(([key]) => key),
    '10,000 keys',
  )
  expectEqual(await store.scan('k/', { limit: 10_000 }), rows, 'one page of 10,000 rows')
}

async function tenants({ store }: Trial): Promise<void> {
  const rows = LOOKALIKES.flatMap((prefix) => [
    row(`${prefix}1`, prefix),
    row(`${prefix}~`, prefix),
  ])
  await write(store, rows)
  for (const prefix of LOOKALIKES) {
    const expected = rows
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => byBytes(a, b))
    expectEqual(await store.scan(prefix, { limit: 100 }), expected, `rows under ${prefix}`)
  }
  await store.commit(batch({ del: ['a/1', 'a/~'] }))
  expectEqual((await keysUnder(store, '', 7)).length, rows.length - 2, 'rows after one prefix left')
}

function startsWith(prefix: Key): (key: Key) => boolean {
  return (key) => key.startsWith(prefix)
}

/** Keys are ASCII, so code units are bytes. */
function byBytes(a: Key, b: Key): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
