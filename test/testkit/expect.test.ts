import { expect, test } from 'vitest'
import { PrivityError } from '../../src/base/errors.ts'
import { expectEqual, expectRejection, expectThat, rejectionOf } from '../../src/testkit/expect.ts'

test('equal values pass', () => {
  const same: readonly (readonly [unknown, unknown])[] = [
    [1, 1],
    [Number.NaN, Number.NaN],
    [undefined, undefined],
    ['a', 'a'],
    [new Uint8Array([1, 2]), Buffer.from([1, 2])],
    [
      [1, [new Uint8Array(0), undefined]],
      [1, [new Uint8Array(0), undefined]],
    ],
  ]
  for (const [actual, expected] of same) expectEqual(actual, expected, 'it')
})

test('different values do not, and the error says where', () => {
  const different: readonly (readonly [unknown, unknown, string])[] = [
    [1, 2, 'it is 1, expected 2'],
    ['1', 1, 'it is "1", expected 1'],
    [undefined, null, 'it is undefined, expected null'],
    [new Uint8Array([1]), new Uint8Array([2]), 'it is 1 bytes 01, expected 1 bytes 02'],
    [new Uint8Array([1]), new Uint8Array([1, 2]), 'it is 1 bytes 01, expected 2 bytes 0102'],
    [undefined, new Uint8Array(0), 'it is undefined, expected 0 bytes '],
    [new Uint8Array(0), [], 'it is 0 bytes , expected 0 entries'],
    [[1, [2, 3]], [1, [2, 4]], 'it[1][1] is 3, expected 4'],
    [[1], [1, 2], 'it has 1 entries, expected 2'],
    [[], [undefined], 'it has 0 entries, expected 1'],
  ]
  for (const [actual, expected, message] of different) {
    expect(() => expectEqual(actual, expected, 'it')).toThrow(new TypeError(message))
  }
  expect(() => expectThat(false, 'it holds')).toThrow(new TypeError('expected that it holds'))
  expectThat(true, 'it holds')
})

test('a rejection passes with one of the codes only', async () => {
  const closed = new PrivityError('store_closed', { reason: 'closed' })
  expect(await expectRejection(Promise.reject(closed), 'store_full', 'store_closed')).toBe(closed)
  const wrong = [Promise.resolve(1), Promise.reject(new TypeError('x')), Promise.reject(closed)]
  for (const promise of wrong) {
    await expect(expectRejection(promise, 'store_full')).rejects.toBeInstanceOf(TypeError)
  }
})

test('a promise that rejects with nothing has rejected all the same', async () => {
  expect(await rejectionOf(Promise.resolve(1))).toBeUndefined()
  expect(await rejectionOf(Promise.reject(undefined))).toBeInstanceOf(TypeError)
})
