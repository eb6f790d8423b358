import fc from 'fast-check'
import { expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { unwrapBytes, wrapBytes } from '../../src/crypto/wrap.ts'
import { type AeadTest, hex, rfcVectors, wycheproof } from './vectors.ts'

fc.configureGlobal({ seed: 20_261_121 })

const key32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
const bytes = fc.uint8Array({ maxLength: 200 })

test('agrees with all of Wycheproof for XChaCha20-Poly1305', () => {
  for (const { ivSize, tests } of wycheproof<AeadTest>('xchacha20_poly1305')) {
    for (const { tcId, key, iv, aad, msg, ct, tag, result } of tests) {
      const opened = unwrapBytes(hex(key), hex(iv + ct + tag), hex(aad))
      // A nonce of another size cannot be told from the ciphertext, so its tag cannot match.
      const expected = result === 'valid' && ivSize === 192 ? hex(msg) : undefined
      expect(opened, `test ${tcId}`).toEqual(expected)
    }
  }
})

test('opens the example of draft-irtf-cfrg-xchacha', () => {
  const { key, nonce, aad, ct_tag, plaintextUtf8 } = rfcVectors()['draft_xchacha_A31'] ?? {}
  const opened = unwrapBytes(hex(key), hex(`${nonce}${ct_tag}`), hex(aad))
  expect(new TextDecoder().decode(opened)).toBe(plaintextUtf8)
})

test('opens what it wrapped, for the same key and data only', () => {
  fc.assert(
    fc.property(key32, bytes, bytes, (key, plaintext, ad) => {
      const wrapped = wrapBytes(key, plaintext, ad)
      expect(wrapped).toHaveLength(24 + plaintext.length + 16)
      expect(unwrapBytes(key, wrapped, ad)).toEqual(plaintext)
      expect(
        unwrapBytes(
          key.map((byte) => byte ^ 1),
          wrapped,
          ad,
        ),
      ).toBeUndefined()
      expect(unwrapBytes(key, wrapped, Uint8Array.of(...ad, 0))).toBeUndefined()
    }),
  )
})

test('refuses every flipped bit', () => {
  const key = new Uint8Array(32).fill(7)
  const wrapped = wrapBytes(key, utf8('class key'), utf8('person 7'))
  for (let bit = 0; bit < wrapped.length * 8; bit += 1) {
    const altered = Uint8Array.from(wrapped)
    altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    expect(unwrapBytes(key, altered, utf8('person 7'))).toBeUndefined()
  }
})

test('refuses every shorter form', () => {
  const key = new Uint8Array(32).fill(7)
  const wrapped = wrapBytes(key, utf8('class key'), utf8('person 7'))
  for (let length = 0; length < wrapped.length; length += 1) {
    expect(unwrapBytes(key, wrapped.subarray(0, length), utf8('person 7'))).toBeUndefined()
  }
})

test('every wrapping has a nonce of its own', () => {
  const key = new Uint8Array(32)
  const nonces = Array.from({ length: 500 }, () =>
    Buffer.from(wrapBytes(key, new Uint8Array(1), key).subarray(0, 24)).toString('hex'),
  )
  expect(new Set(nonces).size).toBe(nonces.length)
})

test.each([0, 16, 31, 33])('refuses a key of %d bytes', (length) => {
  const key = new Uint8Array(length)
  const refusal = expect.objectContaining({ code: 'invalid_input' })
  expect(() => wrapBytes(key, key, key)).toThrow(refusal)
  expect(() => unwrapBytes(key, new Uint8Array(60), key)).toThrow(refusal)
})
