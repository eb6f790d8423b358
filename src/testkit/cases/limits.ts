import { MAX_READ_KEYS, MAX_SCAN_ROWS, MAX_VALUE_BYTES } from '../../storage/batch-rules.ts'
import type { Batch, Key, Row, Store } from '../../storage/store.ts'
import { expectEqual, expectRejection, expectThat } from '../expect.ts'
import { batch, expectRows, keysUnder, numbered, row } from '../rows.ts'
import type { StoreCase, Trial } from './case.ts'

/** What is allowed works up to the limit; what is not has no effect at all. */
export const LIMIT_CASES: readonly StoreCase[] = [
  { title: 'C5 every printable character may stand in a key', run: everyCharacter },
  { title: 'C5 keys that mean something elsewhere mean nothing here', run: strangeKeys },
  { title: 'C6 a batch that breaks a rule is invalid_input and has no effect', run: badBatches },
  { title: 'C6 a read or scan that breaks a rule is invalid_input', run: badReads },
  { title: 'C15 a key that stands twice in a batch is invalid_input', run: repeatedKeys },
  { title: 'C16 an empty batch resolves', run: emptyBatch },
  { title: 'C17 the largest batch is applied, one more is invalid_input', run: largestBatch },
]

const BAD_KEYS: readonly string[] = ['', ' ', 'a b', 'a\n', 'a\u0000', 'a\u007f', 'é', '😀']

const STRANGE_KEYS: readonly Key[] = [
  '%',
  '_',
  '\\',
  "'",
  '"',
  '`',
  '..',
  '../a',
  '//',
  '__proto__',
  'constructor',
  'toString',
  'null',
  'NaN',
  '0',
  '-1',
  '1e3',
  '$where',
  "';--",
  '"a":1',
  '["a"]',
  '\\u0041',
  '?',
  '#',
  'a?q=1',
  'a?q=2',
  'k'.repeat(256),
]

async function everyCharacter({ store }: Trial): Promise<void> {
  const rows = printable().map((character) => row(character, `is ${character}`))
  await store.commit(batch({ put: rows }))
  await expectRows(store, rows, 'keys of one character')
  for (const [key] of rows) {
    expectEqual(await store.scan(key, { limit: 2 }), [row(key, `is ${key}`)], 'a prefix')
  }
}

async function strangeKeys({ store }: Trial): Promise<void> {
  const rows = STRANGE_KEYS.map((key, index) => row(key, String(index)))
  await store.commit(batch({ put: rows }))
  expectEqual(
    await store.read(STRANGE_KEYS),
    rows.map(([, value]) => value),
    'strange keys',
  )
  expectEqual((await keysUnder(store, '', 5)).length, rows.length, 'the number of strange keys')
  await store.commit(batch({ del: STRANGE_KEYS }))
  await expectRows(store, [], 'the store with every strange key removed')
}

async function badBatches({ store }: Trial): Promise<void> {
  const long = new Uint8Array(MAX_VALUE_BYTES + 1)
  const fine = row('fine', 'fine')
  const bad: readonly Batch[] = [
    ...[...BAD_KEYS, 'k'.repeat(257)].flatMap((key) => [
      batch({ put: [fine, row(key, '1')] }),
      batch({ put: [fine], del: [key] }),
      batch({ checks: [[key, null]], put: [fine] }),
    ]),
    batch({ put: [fine, ['a', long]] }),
    batch({ checks: [['a', long]], put: [fine, row('a', '1')] }),
    batch({ checks: [['a', null]], put: [fine] }),
  ]
  for (const change of bad) await expectRefused(store, change)
}

async function badReads({ store }: Trial): Promise<void> {
  for (const key of [...BAD_KEYS, 'k'.repeat(257)]) {
    await expectRejection(store.read(['a', key]), 'invalid_input')
    await expectRejection(store.scan('', { after: key, limit: 1 }), 'invalid_input')
    if (key !== '') await expectRejection(store.scan(key, { limit: 1 }), 'invalid_input')
  }
  const tooMany = new Array<Key>(MAX_READ_KEYS + 1).fill('a')
  await expectRejection(store.read(tooMany), 'invalid_input')
  expectEqual((await store.read(tooMany.slice(1))).length, MAX_READ_KEYS, 'the largest read')
  for (const limit of [0, -1, 1.5, Number.NaN, MAX_SCAN_ROWS + 1]) {
    await expectRejection(store.scan('', { limit }), 'invalid_input')
  }
  await expectRejection(store.scan('a/', { after: 'b/', limit: 1 }), 'invalid_input')
}

async function repeatedKeys({ store }: Trial): Promise<void> {
  const [a, b] = [row('a', '1'), row('b', '1')]
  await expectRefused(store, batch({ put: [a, b, a] }))
  await expectRefused(store, batch({ del: ['a', 'a'] }))
  await expectRefused(store, batch({ put: [a, b], del: ['a'] }))
  const checks: Batch['checks'] = [
    ['a', null],
    ['a', null],
  ]
  await expectRefused(store, batch({ checks, put: [a] }))
}

async function emptyBatch({ store }: Trial): Promise<void> {
  await store.commit(batch({}))
  await expectRows(store, [], 'the store after an empty batch')
}

async function largestBatch({ store }: Trial): Promise<void> {
  const { maxOps, maxBytes } = store.limits
  expectThat(maxOps >= 1_000 && maxBytes >= 1_048_576, 'the limits are not below the minimum')
  const rows = numbered('k/', maxOps + 1)
  await expectRefused(store, batch({ put: rows }))
  await expectRefused(store, batch({ put: rows.slice(2), del: ['a', 'b'] }))
  await store.commit(batch({ put: rows.slice(1) }))
  expectEqual((await keysUnder(store, 'k/', 1_000)).length, maxOps, 'the rows of the largest batch')
  await store.commit(batch({ del: rows.slice(1).map(([key]) => key) }))
  const heavy = heavyRows(maxBytes)
  await expectRefused(store, batch({ put: [...heavy, row('one-more', '1')] }))
  await store.commit(batch({ put: heavy }))
  expectEqual((await keysUnder(store, 'h/', 10)).length, heavy.length, 'the rows of most bytes')
}

async function expectRefused(store: Store, change: Batch): Promise<void> {
  await expectRejection(store.commit(change), 'invalid_input')
  await expectRows(store, [], 'the store after a refused batch')
}

/** As few rows as can hold exactly so many bytes. */
function heavyRows(bytes: number): readonly Row[] {
  const full = new Uint8Array(MAX_VALUE_BYTES).fill(1)
  const count = Math.ceil(bytes / MAX_VALUE_BYTES)
  return Array.from({ length: count }, (_, index) => {
    const value = full.subarray(0, Math.min(MAX_VALUE_BYTES, bytes - index * MAX_VALUE_BYTES))
    return [`h/${index}`, value]
  })
}

function printable(): readonly Key[] {
  return Array.from({ length: 0x7e - 0x20 }, (_, index) => String.fromCharCode(0x21 + index))
}
