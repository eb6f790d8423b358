import * as node from 'node:crypto'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import * as native from '../../src/crypto/hash.ts'
import { hex, type Test, withoutNode, wycheproof } from './vectors.ts'

fc.configureGlobal({ seed: 20_261_121 })

interface HmacTest extends Test {
  readonly key: string
  readonly msg: string
  readonly tag: string
}

const bare = await withoutNode(() => import('../../src/crypto/hash.ts'))
const message = fc.uint8Array({ maxLength: 1_000 })

afterEach(() => {
  vi.restoreAllMocks()
})

describe.each([
  ['by node:crypto', native],
  ['by noble', bare],
])('%s', (_, room) => {
  const { createMacKey, hmacSha256, platformHmac, sha256, sha256OfText, sha256Text } = room

  // FIPS 180-4 examples.
  test.each([
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    ],
  ])('SHA-256 of %j', (text, digest) => {
    expect(Buffer.from(sha256(new TextEncoder().encode(text))).toString('hex')).toBe(digest)
  })

  test('HMAC agrees with all of Wycheproof', () => {
    for (const { tagSize, tests } of wycheproof<HmacTest>('hmac_sha256')) {
      for (const { tcId, key, msg, tag, result } of tests) {
        const computed = hmacSha256(hex(key), hex(msg)).subarray(0, tagSize / 8)
        const agrees = Buffer.from(computed).toString('hex') === tag
        expect(agrees, `test ${tcId}`).toBe(result === 'valid')
      }
    }
  })

  test('HMAC for those who wait is the same', async () => {
    for (const { tests } of wycheproof<HmacTest>('hmac_sha256')) {
      for (const { key, msg } of tests)
        expect(await platformHmac(hex(key), hex(msg))).toEqual(hmacSha256(hex(key), hex(msg)))
    }
  })

  test('a key of many HMACs gives the same, whatever becomes of its bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), message, message, (key, first, second) => {
        const expected = [first, second, first].map((it) => hmacSha256(key, it))
        const macKey = createMacKey(key)
        key.fill(0)
        expect([first, second, first].map((it) => macKey.mac(it))).toEqual(expected)
      }),
    )
  })

  test('a key of many HMACs makes none once it is wiped', () => {
    const key = createMacKey(hex('00'))
    key.wipe()
    expect(() => key.mac(hex('01'))).toThrow()
  })

  test('HMAC takes a message in parts', () => {
    fc.assert(
      fc.property(message, message, (first, second) => {
        const whole = Uint8Array.of(...first, ...second)
        expect(hmacSha256(hex('07'), first, second)).toEqual(hmacSha256(hex('07'), whole))
      }),
    )
  })

  test('SHA-256 of a text is that of its UTF-8 bytes, and its text is base64url', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const digest = sha256(new TextEncoder().encode(text))
        expect(sha256OfText(text)).toEqual(digest)
        expect(sha256Text(new TextEncoder().encode(text))).toBe(
          Buffer.from(digest).toString('base64url'),
        )
      }),
    )
  })

  test('gives plain bytes of their own', () => {
    for (const digest of [sha256(hex('00')), sha256OfText('0'), hmacSha256(hex('00'), hex('01'))]) {
      expect(digest.constructor).toBe(Uint8Array)
      expect(digest).toHaveLength(32)
      expect(digest.buffer.byteLength).toBe(32)
    }
  })
})

test('node and noble agree on SHA-256', () => {
  fc.assert(
    fc.property(message, (bytes) => {
      expect(native.sha256(bytes)).toEqual(nobleSha256(bytes))
      expect(bare.sha256(bytes)).toEqual(nobleSha256(bytes))
    }),
  )
})

test('node and noble agree on HMAC, with keys of any length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), message, (key, bytes) => {
      expect(native.hmacSha256(key, bytes)).toEqual(hmac(nobleSha256, key, bytes))
      expect(bare.hmacSha256(key, bytes)).toEqual(hmac(nobleSha256, key, bytes))
    }),
  )
})

test('a node:crypto without the one-call hash gives the same digest', async () => {
  const older = { ...node, hash: undefined }
  vi.spyOn(process, 'getBuiltinModule').mockReturnValue(older)
  vi.resetModules()
  const { sha256 } = await import('../../src/crypto/hash.ts')
  expect(sha256(hex('616263'))).toEqual(native.sha256(hex('616263')))
  expect(sha256(hex('616263')).constructor).toBe(Uint8Array)
})
