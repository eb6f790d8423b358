import { utf8 } from '../../base/bytes.ts'
import type { Row, ScrubReport, Store } from '../../storage/store.ts'
import { expectEqual, expectThat } from '../expect.ts'
import { batch, increment, keysUnder, numbered, numberedKey, row, write } from '../rows.ts'
import type { StoreCase, Trial } from './case.ts'

/** What is left of rows that were removed or replaced. */
export const ERASURE_CASES: readonly StoreCase[] = [
  {
    title: 'C53 removed and replaced values are gone after a scrub that reports no remains',
    needs: 'residue',
    run: residueAfterScrub,
  },
  { title: 'C54 a scrub beside readers and writers changes no row', run: scrubBesideOthers },
  {
    title: 'C55 processes killed while they scrub lose no row',
    needs: 'killDuring',
    run: killedScrubs,
  },
]

const MARK = utf8('marked-for-removal')
const ROWS = 400
const KILLS = 5

async function residueAfterScrub({ store, residue }: Trial): Promise<void> {
  await write(store, marked())
  // Longer and shorter values than before, so that pages split and merge.
  const replaced = marked().filter((_, index) => index % 3 === 0)
  await write(
    store,
    replaced.map(([key, value], index) => [key, filled((value.length * (index % 4)) >> 1)]),
  )
  const rest = marked().filter((_, index) => index % 3 !== 0)
  await store.commit(batch({ del: rest.map(([key]) => key) }))
  const { remains } = await scrubbed(store)
  if (remains.length > 0) return
  for (const file of await residue()) {
    expectEqual(countOf(file, MARK), 0, 'the number of removed values that are still readable')
  }
}

async function scrubBesideOthers({ store }: Trial): Promise<void> {
  const rows = numbered('k/', 200)
  await write(store, rows)
  const reports = await Promise.all([
    scrubbed(store),
    ...Array.from({ length: 10 }, () => increment(store, 'counter')),
    store.read(rows.map(([key]) => key)),
    scrubbed(store),
  ])
  expectEqual(reports.length, 13, 'the calls that ended')
  expectEqual(await store.scan('k/', { limit: 300 }), rows, 'the rows after two scrubs')
  expectEqual(
    await store.read(['counter']),
    [row('counter', '10')[1]],
    'what was counted meanwhile',
  )
  expectEqual((await keysUnder(store, '', 50)).length, rows.length + 1, 'the number of rows')
}

async function killedScrubs({ store, killDuring }: Trial): Promise<void> {
  const rows = numbered('k/', 200)
  await write(store, rows)
  for (let turn = 1; turn <= KILLS; turn += 1) {
    await killDuring('scrub')
    expectEqual(await store.scan('k/', { limit: 300 }), rows, `the rows after kill ${turn}`)
  }
  await scrubbed(store)
  expectEqual(await store.scan('k/', { limit: 300 }), rows, 'the rows after a whole scrub')
}

/** A store that cannot scrub leaves everything, and says so by not offering it. */
async function scrubbed(store: Store): Promise<ScrubReport> {
  const report = await store.scrub?.()
  if (report === undefined) return { cleared: [], remains: ['everything'] }
  for (const word of [...report.cleared, ...report.remains]) {
    expectThat(/^[a-z_]{1,40}$/.test(word), 'a scrub reports in short fixed words')
  }
  return report
}

/** In an order that is not that of the keys, and from 18 bytes to 20 KB. */
function marked(): readonly Row[] {
  return Array.from({ length: ROWS }, (_, index) => {
    const length = MARK.length * (1 + ((index * 37) % 60) ** 2 / 3)
    return [numberedKey('m/', (index * 7_919) % ROWS), filled(length, MARK)]
  })
}

function filled(length: number, pattern: Uint8Array = utf8('kept')): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => pattern[at % pattern.length] ?? 0)
}

function countOf(bytes: Uint8Array, pattern: Uint8Array): number {
  let count = 0
  const first = pattern[0] ?? 0
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (pattern.every((byte, index) => bytes[at + index] === byte)) count += 1
  }
  return count
}
