import { afterEach, expect, test, vi } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { makeWebKey, openWithWebKey, sealWithWebKey } from '../../src/crypto/web-key.ts'

const AD = utf8('person 7')
const MESSAGE = utf8('hello')

afterEach(() => {
  vi.unstubAllGlobals()
})

async function made(): Promise<CryptoKey> {
  const key = await makeWebKey()
  if (key === undefined) throw new TypeError('no WebCrypto')
  return key
}

test('a key of the platform opens what it sealed, and gives its bytes to nobody', async () => {
  const key = await made()
  const sealed = await sealWithWebKey(key, MESSAGE, AD)
  expect(sealed).toHaveLength(12 + MESSAGE.length + 16)
  expect(await openWithWebKey(key, sealed, AD)).toEqual(MESSAGE)
  await expect(crypto.subtle.exportKey('raw', key)).rejects.toMatchObject({
    name: 'InvalidAccessError',
  })
})

test('the same message is sealed differently each time', async () => {
  const key = await made()
  expect(await sealWithWebKey(key, MESSAGE, AD)).not.toEqual(await sealWithWebKey(key, MESSAGE, AD))
})

test('nothing opens that was changed, cut, moved or sealed by another key', async () => {
  const [key, other] = [await made(), await made()]
  const sealed = await sealWithWebKey(key, MESSAGE, AD)
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const copy = sealed.slice()
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    expect(await openWithWebKey(key, copy, AD)).toBeUndefined()
  }
  for (let length = 0; length < sealed.length; length += 1)
    expect(await openWithWebKey(key, sealed.subarray(0, length), AD)).toBeUndefined()
  expect(await openWithWebKey(key, sealed, utf8('person 8'))).toBeUndefined()
  expect(await openWithWebKey(other, sealed, AD)).toBeUndefined()
})

test('there is no key where there is no WebCrypto', async () => {
  vi.stubGlobal('crypto', {})
  expect(await makeWebKey()).toBeUndefined()
})
