import * as node from 'node:crypto'
import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { fromBase64url, utf8 } from '../../src/base/bytes.ts'
import { importPrivateKey } from '../../src/crypto/private-key.ts'
import {
  generateSigningKey,
  importSigningKey,
  verifySignature,
} from '../../src/crypto/signature.ts'
import { hex, type Test, wycheproof } from './vectors.ts'

fc.configureGlobal({ seed: 20_261_121 })

interface EddsaTest extends Test {
  readonly msg: string
  readonly sig: string
}

/** RFC 8410: what stands before the 32 bytes of an Ed25519 seed in PKCS #8. */
const PKCS8_PREFIX = '302e020100300506032b657004220420'
/** RFC 8032 section 7.1, test 2. */
const SEED = '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'
const PUBLIC_KEY = '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'
const SIGNATURE =
  '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
  '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00'

afterEach(() => {
  vi.restoreAllMocks()
})

test('agrees with all of Wycheproof for Ed25519', async () => {
  for (const { publicKey, tests } of wycheproof<EddsaTest>('ed25519')) {
    for (const { tcId, msg, sig, result } of tests) {
      const input = { publicKey: hex(publicKey.pk), message: hex(msg), signature: hex(sig) }
      expect(await verifySignature(input), `test ${tcId}`).toBe(result === 'valid')
    }
  }
})

test('signs as RFC 8032 publishes it', async () => {
  const key = await importSigningKey(hex(PKCS8_PREFIX + SEED))
  expect(key.publicKey).toEqual(hex(PUBLIC_KEY))
  expect(await key.sign(hex('72'))).toEqual(hex(SIGNATURE))
})

test('a new key signs, and its secret gives the same key again', async () => {
  const { key, secret } = await generateSigningKey()
  const again = await importSigningKey(secret)
  expect(again.publicKey).toEqual(key.publicKey)
  expect(await again.sign(utf8('a'))).toEqual(await key.sign(utf8('a')))
  const other = await generateSigningKey()
  expect(other.key.publicKey).not.toEqual(key.publicKey)
})

test('node:crypto accepts what it signs', async () => {
  const { key, secret } = await generateSigningKey()
  const signature = await key.sign(utf8('hello'))
  const privateKey = node.createPrivateKey({
    key: Buffer.from(secret),
    format: 'der',
    type: 'pkcs8',
  })
  const publicKey = node.createPublicKey(privateKey)
  expect(node.verify(null, utf8('hello'), publicKey, signature)).toBe(true)
  const { x = '' } = publicKey.export({ format: 'jwk' })
  expect(fromBase64url(x)).toEqual(key.publicKey)
})

test('refuses every flipped bit of signature and key', async () => {
  const whole = { publicKey: hex(PUBLIC_KEY), message: hex('72'), signature: hex(SIGNATURE) }
  expect(await verifySignature(whole)).toBe(true)
  for (const part of ['signature', 'publicKey', 'message'] as const) {
    for (let bit = 0; bit < whole[part].length * 8; bit += 1) {
      const altered = Uint8Array.from(whole[part])
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(await verifySignature({ ...whole, [part]: altered }), `${part} ${bit}`).toBe(false)
    }
  }
})

test('signs what the message was at the call, whatever becomes of it', async () => {
  const { key } = await generateSigningKey()
  const message = utf8('hello')
  const signing = key.sign(message)
  message.fill(0)
  const signature = await signing
  const { publicKey } = key
  expect(await verifySignature({ publicKey, message: utf8('hello'), signature })).toBe(true)
})

test('wrong shapes are false and never an exception', async () => {
  const bytes = fc.uint8Array({ maxLength: 70 })
  await fc.assert(
    fc.asyncProperty(bytes, bytes, bytes, async (publicKey, message, signature) => {
      expect(await verifySignature({ publicKey, message, signature })).toBe(false)
    }),
    { numRuns: 200 },
  )
  const nothing = JSON.parse('{}')
  expect(await verifySignature(nothing)).toBe(false)
})

test('shared memory can be signed and verified', async () => {
  const { key } = await generateSigningKey()
  const message = new Uint8Array(new SharedArrayBuffer(8)).fill(7)
  const signature = await key.sign(message)
  expect(await verifySignature({ publicKey: key.publicKey, message, signature })).toBe(true)
})

const x25519 = node.generateKeyPairSync('x25519').privateKey
const p256 = node.generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const der = { format: 'der', type: 'pkcs8' } as const

test.each<[string, Uint8Array]>([
  ['nothing', new Uint8Array(0)],
  ['noise', new Uint8Array(48).fill(9)],
  ['a seed without its frame', hex(SEED)],
  ['a cut key', hex(PKCS8_PREFIX + SEED).subarray(0, 40)],
  ['a key agreement key', Uint8Array.from(x25519.export(der))],
  ['a key of another curve', Uint8Array.from(p256.export(der))],
])('%s is no signing key, and the error says nothing of it', async (_, pkcs8) => {
  const refusal = await importSigningKey(pkcs8).catch((error: unknown) => error)
  expect(refusal).toMatchObject({ code: 'key_unreadable', details: { what: 'signing key' } })
  expect(Object(refusal).cause).toBeUndefined()
})

test('the public half comes without the private one', async () => {
  const { handle, publicKey } = await importPrivateKey(hex(PKCS8_PREFIX + SEED))
  expect(publicKey).toEqual(hex(PUBLIC_KEY))
  expect(handle.usages).toEqual(['sign'])
})

test('a platform without Ed25519 is told apart from a bad key', async () => {
  vi.spyOn(crypto.subtle, 'generateKey').mockRejectedValue(new TypeError('unknown algorithm'))
  await expect(generateSigningKey()).rejects.toMatchObject({
    code: 'not_supported',
    details: { what: 'Ed25519' },
  })
})
