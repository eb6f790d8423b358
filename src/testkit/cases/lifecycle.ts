import { isPrivityError } from '../../base/errors.ts'
import type { Store } from '../../storage/store.ts'
import { expectEqual, expectRejection, expectThat, rejectionOf } from '../expect.ts'
import { batch, expectRows, row } from '../rows.ts'
import type { StoreCase, Trial } from './case.ts'

/** Opening and closing, in any order and number. */
export const LIFECYCLE_CASES: readonly StoreCase[] = [
  { title: 'C33 open says which durability is given', unopened: true, run: report },
  { title: 'C43 nothing works before open', unopened: true, run: beforeOpen },
  { title: 'C43 nothing works after close', run: afterClose },
  { title: 'C44 a commit under way at close is applied or refused, not lost', run: closing },
  { title: 'C45 opening twice and closing twice is no fault', unopened: true, run: twice },
  { title: 'C46 a store that is opened again has its rows', run: reopened },
  { title: 'C46 a later store on the same data has its rows', needs: 'again', run: later },
  { title: 'C47 a store opens and closes a hundred times', run: hundredTimes },
  {
    title: 'C48 two stores open the same new data at once',
    needs: 'again',
    unopened: true,
    run: both,
  },
]

const LEVELS: readonly string[] = ['none', 'process-crash', 'power-loss']

async function report({ store }: Trial): Promise<void> {
  const { durability, shared, detail } = await store.open()
  expectThat(LEVELS.includes(durability), 'the durability is one of three levels')
  expectEqual(typeof shared, 'boolean', 'the type of shared')
  expectThat(detail.length > 0, 'the detail says something')
}

async function beforeOpen({ store }: Trial): Promise<void> {
  await expectClosed(store)
}

async function afterClose({ store }: Trial): Promise<void> {
  await store.commit(batch({ put: [row('a', 'kept')] }))
  await store.close()
  await expectClosed(store)
  await store.open()
  await expectRows(store, [row('a', 'kept')], 'rows after calls on a closed store')
}

async function closing({ store }: Trial): Promise<void> {
  const committed = rejectionOf(store.commit(batch({ put: [row('a', '1'), row('b', '1')] })))
  await store.close()
  const error = await committed
  expectThat(error === undefined || isPrivityError(error, 'store_closed'), 'nothing else happens')
  await store.open()
  const rows = error === undefined ? [row('a', '1'), row('b', '1')] : []
  await expectRows(store, rows, 'rows of a commit that was under way at close')
}

async function twice({ store }: Trial): Promise<void> {
  const first = await store.open()
  const again = await Promise.all([store.open(), store.open()])
  for (const info of again) {
    expectEqual(JSON.stringify(info), JSON.stringify(first), 'the answer of a later open')
  }
  await store.commit(batch({ put: [row('a', '1')] }))
  await Promise.all([store.close(), store.close()])
  await store.close()
  await store.open()
  await expectRows(store, [row('a', '1')], 'rows of a store closed three times')
}

async function reopened({ store }: Trial): Promise<void> {
  await store.commit(batch({ put: [row('a', '1'), row('b', '1')] }))
  await store.close()
  await store.open()
  await expectRows(store, [row('a', '1'), row('b', '1')], 'rows of a store that was reopened')
  await store.commit(batch({ checks: [row('a', '1')], put: [row('a', '2')], del: ['b'] }))
  await expectRows(store, [row('a', '2')], 'rows written after it was reopened')
}

async function later({ store, again }: Trial): Promise<void> {
  await store.commit(batch({ put: [row('a', '1')] }))
  await store.close()
  const other = await again()
  await expectRows(other, [row('a', '1')], 'rows that a later store has')
}

async function hundredTimes({ store }: Trial): Promise<void> {
  for (let turn = 0; turn < 100; turn += 1) {
    await store.commit(batch({ put: [row('a', String(turn))] }))
    await store.close()
    await store.open()
  }
  await expectRows(store, [row('a', '99')], 'rows after a hundred openings')
}

async function both({ store, again }: Trial): Promise<void> {
  const [, other] = await Promise.all([store.open(), again()])
  await store.commit(batch({ put: [row('a', '1')] }))
  await expectRows(other, [row('a', '1')], 'rows seen through the other store')
}

async function expectClosed(store: Store): Promise<void> {
  await expectRejection(store.read(['a']), 'store_closed')
  await expectRejection(store.scan('', { limit: 1 }), 'store_closed')
  await expectRejection(store.commit(batch({ put: [row('a', 'lost')] })), 'store_closed')
  await expectRejection(store.commit(batch({})), 'store_closed')
  if (store.scrub !== undefined) await expectRejection(store.scrub(), 'store_closed')
}
