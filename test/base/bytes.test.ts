import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  concatBytes,
  equalBytes,
  fromBase64,
  fromBase64url,
  fromHex,
  fromUtf8,
  lengthPrefixed,
  toBase64,
  toBase64url,
  toHex,
  utf8,
} from '../../src/base/bytes.ts'

fc.configureGlobal({ seed: 20_261_121 })

const bytes = fc.uint8Array({ maxLength: 200 })

test('hex agrees with Buffer and reads back', () => {
  fc.assert(
    fc.property(bytes, (value) => {
      expect(toHex(value)).toBe(Buffer.from(value).toString('hex'))
      expect(fromHex(toHex(value))).toEqual(value)
    }),
  )
})

test('base64 agrees with Buffer and reads back', () => {
  fc.assert(
    fc.property(bytes, (value) => {
      expect(toBase64(value)).toBe(Buffer.from(value).toString('base64'))
      expect(fromBase64(toBase64(value))).toEqual(value)
    }),
  )
})

test('base64url agrees with Buffer and reads back', () => {
  fc.assert(
    fc.property(bytes, (value) => {
      expect(toBase64url(value)).toBe(Buffer.from(value).toString('base64url'))
      expect(fromBase64url(toBase64url(value))).toEqual(value)
    }),
  )
})

test('whatever base64 reads, it writes back the same', () => {
  const digits = fc.string({
    unit: fc.constantFrom(...'AZaz09+/-_=\n QBgw'),
    maxLength: 12,
  })
  fc.assert(
    fc.property(digits, (text) => {
      const [padded, plain] = [fromBase64(text), fromBase64url(text)]
      if (padded !== undefined) expect(toBase64(padded)).toBe(text)
      if (plain !== undefined) expect(toBase64url(plain)).toBe(text)
    }),
    { numRuns: 2000 },
  )
})

test.each([
  ['padding missing', 'QQ'],
  ['padding doubled', 'QUI=='],
  ['padding only', '===='],
  ['padding in the middle', 'QQ==QQ=='],
  ['bits left over', 'QR=='],
  ['the url alphabet', '-_-_'],
  ['white space', 'QUI=\n'],
  ['a character beyond ASCII', 'QUIé'],
])('base64 refuses %s', (_, text) => {
  expect(fromBase64(text)).toBeUndefined()
})

test.each([
  ['padding', 'QQ=='],
  ['one digit', 'Q'],
  ['bits left over', 'QR'],
  ['the standard alphabet', '+/+/'],
])('base64url refuses %s', (_, text) => {
  expect(fromBase64url(text)).toBeUndefined()
})

test.each([
  ['half a byte', 'abc'],
  ['upper case', 'AB'],
  ['another letter', 'ag'],
  ['a line end', 'ab\n'],
])('hex refuses %s', (_, text) => {
  expect(fromHex(text)).toBeUndefined()
})

test('text survives UTF-8, a byte order mark included', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(fromUtf8(utf8(text))).toBe(text)
    }),
  )
  expect(fromUtf8(utf8('\ufefftext'))).toBe('\ufefftext')
})

test.each([
  ['a lone continuation byte', [0x80]],
  ['an overlong zero', [0xc0, 0x80]],
  ['a surrogate', [0xed, 0xa0, 0x80]],
  ['a cut sequence', [0xe2, 0x82]],
])('malformed UTF-8 gives no text: %s', (_, malformed) => {
  expect(fromUtf8(Uint8Array.from(malformed))).toBeUndefined()
})

test('equality is that of the contents', () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0)
      expect(equalBytes(a, Uint8Array.from(a))).toBe(true)
    }),
  )
})

test('one different bit anywhere is noticed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.nat(), (value, at) => {
      const other = Uint8Array.from(value)
      const index = at % value.length
      other[index] = (other[index] ?? 0) ^ (1 << (at % 8))
      expect(equalBytes(value, other)).toBe(false)
    }),
  )
})

test('joining keeps the order and copies', () => {
  const part = Uint8Array.of(2, 3)
  const joined = concatBytes([Uint8Array.of(1), part, new Uint8Array(0), part])
  part[0] = 9
  expect([...joined]).toEqual([1, 2, 3, 2, 3])
  expect([...concatBytes([])]).toEqual([])
})

test('length prefixes are 32-bit big-endian, the count first', () => {
  expect(toHex(lengthPrefixed([Uint8Array.of(0xaa, 0xbb), new Uint8Array(0)]))).toBe(
    '00000002' + '00000002aabb' + '00000000',
  )
})

test('no two lists of parts have the same prefixed bytes', () => {
  const lists = fc.array(fc.uint8Array({ maxLength: 3, max: 1 }), { maxLength: 4 })
  fc.assert(
    fc.property(lists, lists, (a, b) => {
      const same = JSON.stringify(a.map(toHex)) === JSON.stringify(b.map(toHex))
      expect(toHex(lengthPrefixed(a)) === toHex(lengthPrefixed(b))).toBe(same)
    }),
    { numRuns: 2000 },
  )
})

test('views into larger buffers are read within their bounds', () => {
  const view = Uint8Array.of(9, 9, 1, 2, 9).subarray(2, 4)
  expect(toHex(view)).toBe('0102')
  expect(toBase64(view)).toBe('AQI=')
  expect(toHex(concatBytes([view]))).toBe('0102')
})
