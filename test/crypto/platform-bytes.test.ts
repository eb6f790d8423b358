import { expect, test } from 'vitest'
import { fromPlatform, toPlatform } from '../../src/crypto/platform-bytes.ts'

test('a Buffer becomes a plain view of the same bytes', () => {
  const buffer = Buffer.from('xhellox').subarray(1, 6)
  const plain = fromPlatform(buffer)
  expect(plain.constructor).toBe(Uint8Array)
  expect(new TextDecoder().decode(plain)).toBe('hello')
  buffer[0] = 0x6a
  expect(new TextDecoder().decode(plain)).toBe('jello')
})

test('bytes of this thread go to the platform as they are', () => {
  const bytes = Uint8Array.of(1, 2)
  expect(toPlatform(bytes)).toBe(bytes)
})

test('shared memory is copied: another thread could change it during the call', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(4), 1, 2).fill(7)
  const own = toPlatform(shared)
  shared.fill(0)
  expect([...own]).toEqual([7, 7])
  expect(own.buffer).toBeInstanceOf(ArrayBuffer)
})
