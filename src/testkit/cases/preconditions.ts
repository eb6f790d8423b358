import { utf8 } from '../../base/bytes.ts'
import { expectEqual, expectRejection } from '../expect.ts'
import { batch, expectRows, row } from '../rows.ts'
import type { StoreCase, Trial } from './case.ts'

/** A check holds for exactly the bytes it names. */
export const PRECONDITION_CASES: readonly StoreCase[] = [
  { title: 'C18 a check holds for equal bytes and for nothing similar', run: equality },
  { title: 'C18 a check for absence fails on any value, also an empty one', run: absence },
  { title: 'C18 removing under a check obeys it', run: removal },
  { title: 'C19 a removed key is absent to every check', run: removed },
  { title: 'C20 a row made again with the same bytes passes, with others not', run: recreated },
  { title: 'C21 writing what is there already is checked like any write', run: unchanged },
  { title: 'C25 two batches that fence the same row never both pass', run: fences },
]

async function equality({ store }: Trial): Promise<void> {
  const held = utf8('value')
  await store.commit(batch({ put: [['a', held]] }))
  const similar = ['', 'valu', 'value ', 'valuf', 'Value', 'value\u0000', 'valuevalue']
  for (const text of similar) {
    const change = batch({ checks: [row('a', text)], put: [row('a', 'new')] })
    const error = await expectRejection(store.commit(change), 'write_conflict')
    expectEqual(JSON.stringify(error.details), '{"attempts":1}', 'details of a conflict')
  }
  const absent = batch({ checks: [row('b', '')], put: [row('b', 'new')] })
  await expectRejection(store.commit(absent), 'write_conflict')
  await expectRows(store, [['a', held]], 'rows after checks that failed')
  await store.commit(batch({ checks: [['a', held]], put: [row('a', 'new')] }))
  await expectRows(store, [row('a', 'new')], 'rows after a check that held')
}

async function absence({ store }: Trial): Promise<void> {
  const create = batch({ checks: [['a', null]], put: [row('a', '')] })
  await store.commit(create)
  await expectRejection(store.commit(create), 'write_conflict')
  await store.commit(batch({ put: [row('a', 'x')] }))
  await expectRejection(store.commit(create), 'write_conflict')
  await expectRows(store, [row('a', 'x')], 'the row that was there')
}

async function removal({ store }: Trial): Promise<void> {
  await store.commit(batch({ put: [row('a', 'x')] }))
  const wrong = batch({ checks: [row('a', 'y')], del: ['a'] })
  await expectRejection(store.commit(wrong), 'write_conflict')
  const absent = batch({ checks: [['a', null]], del: ['a'] })
  await expectRejection(store.commit(absent), 'write_conflict')
  await store.commit(batch({ checks: [row('a', 'x'), ['b', null]], del: ['a', 'b'] }))
  await expectRows(store, [], 'rows after a removal whose checks held')
}

async function removed({ store }: Trial): Promise<void> {
  await store.commit(batch({ put: [row('a', 'x')] }))
  await store.commit(batch({ del: ['a'] }))
  const stale = batch({ checks: [row('a', 'x')], put: [row('a', 'y')] })
  await expectRejection(store.commit(stale), 'write_conflict')
  const empty = batch({ checks: [row('a', '')], put: [row('a', 'y')] })
  await expectRejection(store.commit(empty), 'write_conflict')
  await store.commit(batch({ checks: [['a', null]], put: [row('a', 'y')] }))
}

async function recreated({ store }: Trial): Promise<void> {
  const change = batch({ checks: [row('a', 'x')], put: [row('a', 'new')] })
  await store.commit(batch({ put: [row('a', 'x')] }))
  await store.commit(batch({ del: ['a'] }))
  await store.commit(batch({ put: [row('a', 'other')] }))
  await expectRejection(store.commit(change), 'write_conflict')
  await store.commit(batch({ del: ['a'] }))
  await store.commit(batch({ put: [row('a', 'x')] }))
  // A check is about bytes, not about history: whoever needs history puts a revision in the bytes.
  await store.commit(change)
}

async function unchanged({ store }: Trial): Promise<void> {
  await store.commit(batch({ put: [row('a', 'same'), row('b', 'x')] }))
  const stale = batch({ checks: [row('a', 'older')], put: [row('a', 'same'), row('b', 'y')] })
  await expectRejection(store.commit(stale), 'write_conflict')
  await expectRows(store, [row('a', 'same'), row('b', 'x')], 'rows after a stale rewrite')
  await store.commit(batch({ checks: [row('a', 'same')], put: [row('a', 'same'), row('b', 'y')] }))
  await expectRows(store, [row('a', 'same'), row('b', 'y')], 'rows after a rewrite that held')
}

async function fences({ store }: Trial): Promise<void> {
  await store.commit(batch({ put: [row('fence', '0'), row('x', 'on'), row('y', 'on')] }))
  const checks = [row('fence', '0')]
  const outcomes = await Promise.allSettled([
    store.commit(batch({ checks, put: [row('fence', 'x'), row('x', 'off')] })),
    store.commit(batch({ checks, put: [row('fence', 'y'), row('y', 'off')] })),
  ])
  const passed = outcomes.filter(({ status }) => status === 'fulfilled')
  expectEqual(passed.length, 1, 'the number of batches that passed the fence')
  const rows = await store.scan('', { limit: 3 })
  const off = rows.filter(([, value]) => value.length === 'off'.length)
  expectEqual(off.length, 1, 'the number of rows that were switched off')
}
