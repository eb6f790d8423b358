import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { hookBackoff, longestWait } from '../../src/erasure/backoff.ts'

const DAY = 86_400_000

test('the longest wait grows from a minute to a day and never shrinks', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 100].map(longestWait)).toEqual([
    60_000,
    240_000,
    960_000,
    3_840_000,
    15_360_000,
    61_440_000,
    DAY,
    DAY,
  ])
})

test('a wait is a whole number between one and the longest, whatever the jitter', () => {
  const chance = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(
    fc.property(fc.integer({ min: -5, max: 10_000 }), chance, (failures, random) => {
      const wait = hookBackoff(failures, random)
      expect(Number.isSafeInteger(wait)).toBe(true)
      expect(wait).toBeGreaterThanOrEqual(1)
      expect(wait).toBeLessThanOrEqual(longestWait(failures))
    }),
  )
})

test('the jitter is full: waits are spread over all of the time', () => {
  const waits = Array.from({ length: 400 }, () => hookBackoff(20))
  expect(Math.min(...waits)).toBeLessThan(DAY / 10)
  expect(Math.max(...waits)).toBeGreaterThan(DAY - DAY / 10)
  expect(new Set(waits).size).toBeGreaterThan(390)
})

test('twenty tries in a row take more than three days in all but very rare cases', () => {
  const sums = Array.from({ length: 1_000 }, () =>
    Array.from({ length: 19 }, (_, n) => hookBackoff(n + 1)).reduce((sum, ms) => sum + ms, 0),
  )
  const short = sums.filter((sum) => sum < 3 * DAY).length
  expect(short).toBeLessThan(10)
})
