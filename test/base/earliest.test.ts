import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { earliest, latest } from '../../src/base/earliest.ts'

test('the earliest and the latest of no times are undefined', () => {
  expect([earliest([]), latest([])]).toEqual([undefined, undefined])
})

test('the earliest and the latest of some times are what Math says of few', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (times) => {
      expect(earliest(times)).toBe(Math.min(...times))
      expect(latest(times)).toBe(Math.max(...times))
    }),
  )
})

test('there may be more times than a call takes arguments', () => {
  const times = Array.from({ length: 1_000_000 }, (_, at) => at)
  expect([earliest(times), latest(times)]).toEqual([0, 999_999])
})
