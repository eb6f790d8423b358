import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { dueAtOf } from '../../src/erasure/pending.ts'

const DAY = 86_400_000

test('an erasure is due within a month, and within 30 days', () => {
  const days = (from: string): number =>
    (dueAtOf({ plannedAt: Date.parse(from) }) - Date.parse(from)) / DAY
  expect(days('2026-11-21T09:00:00Z')).toBe(30)
  // Article 12(3) GDPR says a month, and February is a short one.
  expect(days('2027-02-01T09:00:00Z')).toBe(28)
  expect(days('2027-01-31T09:00:00Z')).toBe(28)
  expect(days('2028-02-01T09:00:00Z')).toBe(29)
})

test('it is never due later than in 30 days, nor sooner than in 28', () => {
  fc.assert(
    fc.property(fc.nat(4_102_444_800_000), (plannedAt) => {
      const left = dueAtOf({ plannedAt }) - plannedAt
      expect(left).toBeGreaterThanOrEqual(28 * DAY)
      expect(left).toBeLessThanOrEqual(30 * DAY)
    }),
  )
})
