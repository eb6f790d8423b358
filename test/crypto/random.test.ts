import { expect, test, vi } from 'vitest'
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

test('gives what nobody was given before, however many are asked for in one turn', () => {
  const lengths = [12, 32, 24, 16, 64, 8]
  const texts = Array.from({ length: 20_000 }, (_, at) =>
    Buffer.from(randomBytes(lengths[at % lengths.length] ?? 12)).toString('hex'),
  )
  expect(new Set(texts.map((text) => text.slice(0, 16))).size).toBe(texts.length)
  const ones = texts.reduce((sum, text) => sum + (Number.parseInt(text.slice(-2), 16) & 1), 0)
  expect(Math.abs(ones - texts.length / 2)).toBeLessThan(texts.length / 20)
})

test('keeps nothing for the next turn, and nothing of what it gave', async () => {
  await Promise.resolve()
  const filled: Uint8Array[] = []
  const real = crypto.getRandomValues.bind(crypto)
  const spy = vi.spyOn(crypto, 'getRandomValues').mockImplementation((target) => {
    if (target instanceof Uint8Array) filled.push(target)
    return real(target)
  })
  try {
    const first = randomBytes(12)
    expect(filled.map(({ length }) => length)).toEqual([12])
    const pooled = [randomBytes(12), randomBytes(32)]
    const pool = filled[1] ?? first
    expect(pool.subarray(0, 44)).toEqual(new Uint8Array(44))
    expect(pooled.every((bytes) => bytes.some((byte) => byte !== 0))).toBe(true)
    await Promise.resolve()
    expect(pool).toEqual(new Uint8Array(pool.length))
    randomBytes(12)
    expect(filled.map(({ length }) => length)).toEqual([12, pool.length, 12])
  } finally {
    spy.mockRestore()
  }
})
