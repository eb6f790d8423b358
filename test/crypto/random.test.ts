import { expect, test } from 'vitest'
import { randomBytes } from '../../src/crypto/random.ts'

test.each([0, 1, 12, 24, 32, 65_536, 65_537, 200_000])('gives %d bytes', (length) => {
  const bytes = randomBytes(length)
  expect(bytes).toHaveLength(length)
  expect(bytes.constructor).toBe(Uint8Array)
  expect(bytes.buffer.byteLength).toBe(length)
})

test('does not repeat itself', () => {
  const seen = Array.from({ length: 1_000 }, () => Buffer.from(randomBytes(16)).toString('hex'))
  expect(new Set(seen).size).toBe(seen.length)
})

test('fills to the last byte, beyond the quota of one platform call', () => {
  const bytes = randomBytes(65_536 * 2 + 64)
  for (const start of [0, 65_536, 65_536 * 2]) {
    expect(bytes.subarray(start, start + 64).some((byte) => byte !== 0)).toBe(true)
  }
  expect(bytes.subarray(-32).some((byte) => byte !== 0)).toBe(true)
})
