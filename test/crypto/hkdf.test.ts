import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as native from '../../src/crypto/hkdf.ts'
import { hex, rfcVectors, type Test, withoutNode, wycheproof } from './vectors.ts'

fc.configureGlobal({ seed: 20_261_121 })

interface HkdfTest extends Test {
  readonly ikm: string
  readonly salt: string
  readonly info: string
  readonly size: number
  readonly okm: string
}

const bare = await withoutNode(() => import('../../src/crypto/hkdf.ts'))
const vectors = rfcVectors()

describe.each([
  ['by node:crypto', native],
  ['by noble', bare],
])('%s', (_, { createKeyTree, hkdfSha256 }) => {
  test.each(['rfc5869_A1', 'rfc5869_A2', 'rfc5869_A3'])('derives as in %s', (name) => {
    const { ikm, salt, info, L, okm } = vectors[name] ?? {}
    const options = { salt: hex(salt), info: hex(info), length: Number(L) }
    expect(hkdfSha256(hex(ikm), options)).toEqual(hex(okm))
  })

  test('agrees with all of Wycheproof, too long outputs refused', () => {
    for (const { tests } of wycheproof<HkdfTest>('hkdf_sha256')) {
      for (const { tcId, ikm, salt, info, size, okm, result } of tests) {
        const derive = () => {
          return hkdfSha256(hex(ikm), { salt: hex(salt), info: hex(info), length: size })
        }
        if (result === 'valid') expect(derive(), `test ${tcId}`).toEqual(hex(okm))
        else {
          const refusal = expect.objectContaining({ code: 'invalid_input' })
          expect(derive, `test ${tcId}`).toThrow(refusal)
        }
      }
    }
  })

  test('no salt is the same as an empty one', () => {
    const options = { info: hex('01'), length: 32 }
    expect(hkdfSha256(hex('02'), options)).toEqual(
      hkdfSha256(hex('02'), { ...options, salt: new Uint8Array(0) }),
    )
  })

  test.each([
    [0, 'too_small'],
    [-1, 'too_small'],
    [1.5, 'too_small'],
    [Number.NaN, 'too_small'],
    [8_161, 'too_big'],
  ])('refuses a length of %d', (length, code) => {
    expect(() => hkdfSha256(hex('00'), { info: hex(''), length })).toThrow(
      expect.objectContaining({
        code: 'invalid_input',
        details: { issues: [{ path: ['length'], code }] },
      }),
    )
  })

  test('a tree derives what each derivation by itself does, in any order and again', () => {
    const texts = fc.array(fc.uint8Array({ maxLength: 1_100 }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), texts, (ikm, infos) => {
        const tree = createKeyTree(ikm)
        for (const info of [...infos, ...infos.toReversed()]) {
          const expected = hkdf(sha256, ikm, undefined, info, 32)
          expect(tree.derive(info)).toEqual(expected)
          expect(hkdfSha256(ikm, { info, length: 32 })).toEqual(expected)
        }
      }),
    )
  })

  test('a tree agrees with Wycheproof', () => {
    const tests = wycheproof<HkdfTest>('hkdf_sha256')
      .flatMap((group) => group.tests)
      .filter(({ salt, size }) => salt === '' && size >= 32)
    expect(tests.length).toBeGreaterThan(5)
    for (const { tcId, ikm, info, okm } of tests.filter(({ result }) => result === 'valid'))
      expect(createKeyTree(hex(ikm)).derive(hex(info)), `test ${tcId}`).toEqual(
        hex(okm).subarray(0, 32),
      )
  })

  test('a tree that was wiped derives nothing, and leaves the key to its owner', () => {
    const ikm = hex('0102')
    const tree = createKeyTree(ikm)
    const key = tree.derive(hex('03'))
    tree.wipe()
    expect(() => tree.derive(hex('03'))).toThrow()
    expect([ikm, key]).toEqual([hex('0102'), hkdfSha256(ikm, { info: hex('03'), length: 32 })])
  })

  test('gives plain bytes of their own', () => {
    const key = hkdfSha256(hex('00'), { info: hex(''), length: 64 })
    expect(key.constructor).toBe(Uint8Array)
    expect(key.buffer.byteLength).toBe(64)
  })
})

test('node and noble agree, also where node limits the info to 1,024 bytes', () => {
  const bytes = fc.uint8Array({ maxLength: 100 })
  const info = fc.oneof(bytes, fc.uint8Array({ minLength: 1_020, maxLength: 1_030 }))
  const length = fc.integer({ min: 1, max: 200 })
  fc.assert(
    fc.property(bytes, bytes, info, length, (ikm, salt, label, size) => {
      const options = { salt, info: label, length: size }
      const expected = hkdf(sha256, ikm, salt, label, size)
      expect(native.hkdfSha256(ikm, options)).toEqual(expected)
      expect(bare.hkdfSha256(ikm, options)).toEqual(expected)
    }),
  )
})
