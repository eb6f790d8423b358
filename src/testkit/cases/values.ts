import { utf8 } from '../../base/bytes.ts'
import { MAX_VALUE_BYTES } from '../../storage/batch-rules.ts'
import type { Row } from '../../storage/store.ts'
import { expectEqual, expectThat } from '../expect.ts'
import { batch, numbered, numberedKey, row } from '../rows.ts'
import type { StoreCase, Trial } from './case.ts'

/** What was written comes back, byte for byte, and belongs to nobody else. */
export const VALUE_CASES: readonly StoreCase[] = [
  { title: 'C1 a commit has happened when it resolves', run: happened },
  { title: 'C1 an absent key reads as undefined, a written one as written', run: absent },
  { title: 'C2 a value of no bytes is present, and is not an absent one', run: empty },
  { title: 'C3 every byte and every size up to the limit comes back', run: sizes },
  { title: 'C4 the caller may change what it passed right after the call', run: aliasedInput },
  { title: 'C4 what is given out belongs to the caller alone', run: aliasedOutput },
  { title: 'C4 a view of a larger or shared buffer is taken by its own bytes', run: views },
  { title: 'C7 a read keeps order and repeats for 1,000 keys', run: manyKeys },
]

/** First of all, because whoever resolves too early fails in most other cases as well, and in none as clearly. */
async function happened({ store }: Trial): Promise<void> {
  const early = 'commit resolves once its rows can be read, and not before: most cases rest on that'
  await store.commit(batch({ put: [row('a', '1')] }))
  const [written] = await store.read(['a'])
  expectThat(written !== undefined, early)
  await store.commit(batch({ del: ['a'] }))
  const [removed] = await store.read(['a'])
  expectThat(removed === undefined, early)
}

async function absent({ store }: Trial): Promise<void> {
  expectEqual(await store.read(['a']), [undefined], 'a key nobody wrote')
  expectEqual(await store.read([]), [], 'a read of no keys')
  await store.commit(batch({ put: [row('a', '1')] }))
  expectEqual(await store.read(['a', 'b']), [row('a', '1')[1], undefined], 'one of two keys')
  await store.commit(batch({ put: [row('a', '2')] }))
  expectEqual(await store.read(['a']), [row('a', '2')[1]], 'a key written twice')
  await store.commit(batch({ del: ['a', 'b'] }))
  expectEqual(await store.read(['a', 'b']), [undefined, undefined], 'two removed keys')
}

async function empty({ store }: Trial): Promise<void> {
  const none = new Uint8Array(0)
  await store.commit(batch({ put: [['a', none]] }))
  expectEqual(await store.read(['a']), [none], 'an empty value')
  expectEqual(await store.read(['a', 'b']), [none, undefined], 'an empty value beside none')
  expectEqual(await store.scan('a', { limit: 2 }), [['a', none]], 'a page with an empty value')
  await store.commit(batch({ checks: [['a', none]], put: [row('a', 'x')] }))
  await store.commit(batch({ checks: [['a', row('a', 'x')[1]]], put: [['a', none]] }))
  expectEqual(await store.read(['a']), [none], 'a value emptied again')
}

async function sizes({ store }: Trial): Promise<void> {
  const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte)
  const values = [everyByte, ...[0, 1, MAX_VALUE_BYTES - 1_024, MAX_VALUE_BYTES].map(patterned)]
  for (const [index, value] of values.entries()) {
    await store.commit(batch({ put: [[`v${index}`, value]] }))
  }
  expectEqual(await store.read(['v0', 'v1', 'v2', 'v3', 'v4']), values, 'values of all sizes')
  const page = await store.scan('v', { limit: 5 })
  expectEqual(
    page.map(([, value]) => value),
    values,
    'a page of all sizes',
  )
  for (const [index, value] of values.entries()) {
    const key = `v${index}`
    await store.commit(batch({ checks: [[key, value]], put: [[key, new Uint8Array([7])]] }))
    expectEqual(await store.read([key]), [new Uint8Array([7])], 'a value replaced under a check')
  }
}

async function aliasedInput({ store }: Trial): Promise<void> {
  const value = new Uint8Array([1, 2, 3])
  const expected = utf8('old')
  const put: Row[] = [['a', value], row('c', 'new')]
  const del = ['b']
  const checks: Row[] = [['c', expected]]
  await store.commit(batch({ put: [row('b', 'old'), row('c', 'old')] }))
  const committed = store.commit({ checks, put, del })
  value.fill(9)
  expected.fill(9)
  put.length = 0
  del[0] = 'c'
  checks.length = 0
  await committed
  const keys = ['a', 'b', 'c']
  const read = store.read(keys)
  keys.reverse()
  expectEqual(
    await read,
    [new Uint8Array([1, 2, 3]), undefined, row('c', 'new')[1]],
    'rows of a batch that was changed after the call',
  )
}

async function aliasedOutput({ store }: Trial): Promise<void> {
  const value = new Uint8Array([1, 2, 3])
  await store.commit(batch({ put: [['a', value]] }))
  value.fill(9)
  const given = [
    ...(await store.read(['a'])),
    ...(await store.read(['a', 'a', 'b'])),
    ...(await store.scan('a', { limit: 1 })).map(([, bytes]) => bytes),
  ].filter((bytes) => bytes !== undefined)
  expectEqual(given.length, 4, 'the number of copies')
  for (const bytes of given) {
    expectEqual(bytes, new Uint8Array([1, 2, 3]), 'a copy, after others were changed')
    expectThat(bytes.constructor === Uint8Array, 'a value is a plain Uint8Array')
    expectEqual(bytes.buffer.byteLength, bytes.length, 'the buffer behind a value of three bytes')
    bytes.fill(8)
  }
  expectEqual(await store.read(['a']), [new Uint8Array([1, 2, 3])], 'the row itself')
}

async function views({ store }: Trial): Promise<void> {
  const window = new Uint8Array(new ArrayBuffer(16), 4, 3)
  window.set([1, 2, 3])
  const shared = new Uint8Array(new ArrayBuffer(8)).subarray(8)
  await store.commit(
    batch({
      put: [
        ['a', window],
        ['b', shared],
      ],
    }),
  )
  const expected = [new Uint8Array([1, 2, 3]), new Uint8Array(0)]
  expectEqual(await store.read(['a', 'b']), expected, 'values of views')
  await store.commit(batch({ checks: [['a', window]], put: [['a', window.subarray(1, 2)]] }))
  expectEqual(await store.read(['a']), [new Uint8Array([2])], 'a value checked through a view')
}

async function manyKeys({ store }: Trial): Promise<void> {
  const rows = numbered('k/', 400)
  await store.commit(batch({ put: rows }))
  const asked = Array.from({ length: 1_000 }, (_, index) => (index * 7) % 500)
  const values = await store.read(asked.map((number) => numberedKey('k/', number)))
  expectEqual(
    values,
    asked.map((number) => rows[number]?.[1]),
    '1,000 values, some absent, some repeated',
  )
}

function patterned(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31) % 251)
}
