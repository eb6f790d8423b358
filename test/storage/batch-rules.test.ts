import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  assertBatch,
  assertKeys,
  assertScan,
  MAX_READ_KEYS,
  MAX_SCAN_ROWS,
  MAX_VALUE_BYTES,
} from '../../src/storage/batch-rules.ts'
import type { Batch, Key, StoreLimits } from '../../src/storage/store.ts'

const LIMITS: StoreLimits = { maxOps: 4, maxBytes: 1_048_576 }
const X = new Uint8Array([1])

const key = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 256,
})
const notKey = fc.oneof(
  fc.constantFrom('', 'a'.repeat(257), ' ', 'a b', 'a\n', 'é', '\u007f', '\u0000'),
  fc
    .string({ unit: 'grapheme', minLength: 1 })
    .filter((text) => !/^[\x21-\x7e]{1,256}$/.test(text)),
)

function issueOf(run: () => void): unknown {
  try {
    run()
    return undefined
  } catch (error) {
    return JSON.parse(JSON.stringify(error))
  }
}

function invalid(path: readonly (string | number)[], code: string): unknown {
  return { code: 'invalid_input', details: { issues: [{ path, code }] } }
}

function refusal(parts: Partial<Batch>): unknown {
  return issueOf(() => assertBatch({ checks: [], put: [], del: [], ...parts }, LIMITS))
}

test('a batch within all limits passes', () => {
  const full = new Uint8Array(MAX_VALUE_BYTES)
  const checks: Batch['checks'] = [
    ['a', null],
    ['b', full],
    ['c', X],
  ]
  expect(refusal({})).toBeUndefined()
  expect(
    refusal({
      checks,
      put: [
        ['a', full],
        ['b', full],
      ],
      del: ['c', 'd'],
    }),
  ).toBeUndefined()
})

test('too many operations, or too many bytes, are refused as a whole', () => {
  const keys = ['a', 'b', 'c', 'd', 'e']
  const put = keys.map((name) => [name, X] as const)
  expect(refusal({ put })).toEqual(invalid([], 'too_many_ops'))
  expect(refusal({ put: put.slice(1), del: ['a'] })).toEqual(invalid([], 'too_many_ops'))
  expect(refusal({ del: keys })).toEqual(invalid([], 'too_many_ops'))
  const full = new Uint8Array(MAX_VALUE_BYTES)
  const heavy: Batch['put'] = [
    ['a', full],
    ['b', full],
    ['c', X],
  ]
  expect(refusal({ put: heavy })).toEqual(invalid(['put'], 'too_many_bytes'))
})

test('a value that is too long, or no bytes, is refused at its place', () => {
  const long = new Uint8Array(MAX_VALUE_BYTES + 1)
  expect(
    refusal({
      put: [
        ['a', X],
        ['b', long],
      ],
    }),
  ).toEqual(invalid(['put', 1], 'too_long'))
  expect(refusal({ checks: [['a', long]], del: ['a'] })).toEqual(invalid(['checks', 0], 'too_long'))
  for (const value of ['text', null, undefined, [1], new ArrayBuffer(1), new Uint16Array(1)]) {
    const put = [['a', value]] as unknown as Batch['put']
    expect(refusal({ put })).toEqual(invalid(['put', 0], 'not_bytes'))
    if (value === null) continue
    const checks = [['a', value]] as unknown as Batch['checks']
    expect(refusal({ checks, del: ['a'] })).toEqual(invalid(['checks', 0], 'not_bytes'))
  }
})

test('a key that stands twice is refused where it stands again', () => {
  const twice: Batch['put'] = [
    ['a', X],
    ['b', X],
    ['a', X],
  ]
  expect(refusal({ put: twice })).toEqual(invalid(['put', 2], 'repeated'))
  expect(refusal({ put: twice.slice(0, 2), del: ['c', 'b'] })).toEqual(
    invalid(['del', 1], 'repeated'),
  )
  expect(refusal({ del: ['a', 'a'] })).toEqual(invalid(['del', 1], 'repeated'))
  const checks: Batch['checks'] = [
    ['a', null],
    ['a', X],
  ]
  expect(refusal({ checks, del: ['a'] })).toEqual(invalid(['checks', 1], 'repeated'))
})

test('a check on a row that the batch does not write is refused', () => {
  expect(refusal({ checks: [['a', null]] })).toEqual(invalid(['checks', 0], 'not_written'))
  const checks: Batch['checks'] = [
    ['a', null],
    ['b', null],
  ]
  expect(refusal({ checks, put: [['a', X]] })).toEqual(invalid(['checks', 1], 'not_written'))
})

test('every string of printable ASCII up to 256 characters is a key, and nothing else is', () => {
  fc.assert(
    fc.property(key, (good) => {
      expect(issueOf(() => assertKeys(['a', good]))).toBeUndefined()
      expect(refusal({ put: [[good, X]] })).toBeUndefined()
      expect(issueOf(() => assertScan(good, { after: good, limit: 1 }))).toBeUndefined()
    }),
  )
  fc.assert(
    fc.property(notKey, (bad) => {
      expect(issueOf(() => assertKeys(['a', bad]))).toEqual(invalid([1], 'key'))
      expect(refusal({ put: [[bad, X]] })).toEqual(invalid(['put', 0], 'key'))
      expect(refusal({ del: ['a', bad] })).toEqual(invalid(['del', 1], 'key'))
      expect(refusal({ checks: [[bad, X]], del: ['a'] })).toEqual(invalid(['checks', 0], 'key'))
      expect(issueOf(() => assertScan('', { after: bad, limit: 1 }))).toEqual(
        invalid(['after'], 'key'),
      )
    }),
  )
})

test('what is no string is no key', () => {
  for (const bad of [undefined, null, 1, {}, ['a'], Symbol('a')]) {
    expect(issueOf(() => assertKeys([bad] as unknown as Key[]))).toEqual(invalid([0], 'key'))
    expect(issueOf(() => assertScan(bad as unknown as Key, { limit: 1 }))).toEqual(
      invalid(['prefix'], 'prefix'),
    )
  }
})

test('a read takes 10,000 keys and not one more', () => {
  const keys = new Array<Key>(MAX_READ_KEYS).fill('a')
  expect(issueOf(() => assertKeys(keys))).toBeUndefined()
  expect(issueOf(() => assertKeys([...keys, 'a']))).toEqual(invalid([], 'too_many_keys'))
})

test('a page has a size from 1 to 10,000 and starts under its prefix', () => {
  expect(issueOf(() => assertScan('', { limit: 1 }))).toBeUndefined()
  expect(issueOf(() => assertScan('a/', { after: 'a/', limit: MAX_SCAN_ROWS }))).toBeUndefined()
  for (const limit of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, MAX_SCAN_ROWS + 1]) {
    expect(issueOf(() => assertScan('', { limit }))).toEqual(invalid(['limit'], 'out_of_range'))
  }
  for (const after of ['a', 'b/', 'a0']) {
    expect(issueOf(() => assertScan('a/', { after, limit: 1 }))).toEqual(
      invalid(['after'], 'outside_prefix'),
    )
  }
  expect(issueOf(() => assertScan('a'.repeat(257), { limit: 1 }))).toEqual(
    invalid(['prefix'], 'prefix'),
  )
})
