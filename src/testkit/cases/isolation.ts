import type { Store } from '../../storage/store.ts'
import { expectEqual, expectThat } from '../expect.ts'
import { batch, increment, numberIn, row } from '../rows.ts'
import type { StoreCase, Trial } from './case.ts'

/** Calls that run at once see whole batches, and lose nothing to each other. */
export const ISOLATION_CASES: readonly StoreCase[] = [
  { title: 'C22 a page during commits shows whole batches', run: wholePages },
  { title: 'C23 a read during commits shows whole batches', run: wholeReads },
  { title: 'C24 eight writers lose no update', run: oneStore },
  { title: 'C26 eight writers on two stores lose no update', needs: 'again', run: twoStores },
  {
    title: 'C26 a read through another store shows whole batches',
    needs: 'again',
    run: crossReads,
  },
  {
    title: 'C29 another store sees a commit as soon as it has resolved',
    needs: 'again',
    run: visible,
  },
]

const WRITERS = 8
const UPDATES = 25
const PAIRS = 60

async function wholePages({ store }: Trial): Promise<void> {
  await Promise.all([writePairs(store), watch(() => pageOf(store))])
}

async function wholeReads({ store }: Trial): Promise<void> {
  await Promise.all([writePairs(store), watch(() => store.read(['p/a', 'p/b', 'p/c']))])
}

async function crossReads({ store, again }: Trial): Promise<void> {
  const other = await again()
  await Promise.all([writePairs(store), watch(() => other.read(['p/a', 'p/b', 'p/c']))])
}

async function oneStore({ store }: Trial): Promise<void> {
  await expectNoLoss([store])
}

async function twoStores({ store, again }: Trial): Promise<void> {
  await expectNoLoss([store, await again()])
}

async function visible({ store, again }: Trial): Promise<void> {
  const other = await again()
  for (let turn = 0; turn < 20; turn += 1) {
    const [writer, reader] = turn % 2 === 0 ? [store, other] : [other, store]
    await writer.commit(batch({ put: [row('a', `value ${turn}`)], del: ['b'] }))
    expectEqual(await reader.read(['a']), [row('a', `value ${turn}`)[1]], `turn ${turn}`)
    expectEqual(await reader.scan('a', { limit: 1 }), [row('a', `value ${turn}`)], 'the page')
  }
}

/** Rewrites three rows together; the third one is absent in every second batch. */
async function writePairs(store: Store): Promise<void> {
  for (let turn = 1; turn <= PAIRS; turn += 1) {
    const text = String(turn)
    const both = [row('p/a', text), row('p/b', text)]
    const third = row('p/c', text)
    const change = turn % 2 === 0 ? { put: [...both, third] } : { put: both, del: ['p/c'] }
    await store.commit(batch(change))
  }
}

type Seen = readonly (Uint8Array | undefined)[]

async function watch(look: () => Promise<Seen>): Promise<void> {
  let last = 0
  for (let probe = 0; probe < PAIRS * 4; probe += 1) {
    const [a, b, c] = (await look()).map(numberIn)
    const what = `probe ${probe}`
    expectEqual(b, a, `${what}: the second row beside the first`)
    expectEqual(c, (a ?? 0) % 2 === 0 ? a : 0, `${what}: the third row beside the first`)
    expectThat((a ?? 0) >= last, `${what} is not earlier than the one before`)
    last = a ?? 0
  }
}

async function pageOf(store: Store): Promise<Seen> {
  const rows = new Map(await store.scan('p/', { limit: 10 }))
  return ['p/a', 'p/b', 'p/c'].map((key) => rows.get(key))
}

/** Every value of the counter is handed out to one writer only, and none is left out. */
async function expectNoLoss(stores: readonly Store[]): Promise<void> {
  const writers = Array.from({ length: WRITERS }, (_, index) => stores[index % stores.length])
  const gained = await Promise.all(
    writers.map((store) => (store === undefined ? [] : countUp(store, UPDATES))),
  )
  const sorted = gained.flat().sort((a, b) => a - b)
  expectEqual(
    sorted,
    sorted.map((_, index) => index + 1),
    'the values that writers were told they had written',
  )
  expectEqual(sorted.length, WRITERS * UPDATES, 'the number of updates')
}

async function countUp(store: Store, times: number): Promise<readonly number[]> {
  const values: number[] = []
  for (let turn = 0; turn < times; turn += 1) values.push(await increment(store, 'counter'))
  return values
}
