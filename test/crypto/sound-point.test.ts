import fc from 'fast-check'
import { expect, test } from 'vitest'
import { verifyJws } from '../../src/crypto/verify-jws.ts'
import { generateSigningKey, verifySignature } from '../../src/crypto/signature.ts'
import { isSoundPoint } from '../../src/crypto/sound-point.ts'
import { hex } from './vectors.ts'

/** All points of small order, in every spelling. */
const SMALL = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000080',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
]
const [NEUTRAL = ''] = SMALL
/** Under the neutral point as key, it fits every message. */
const FITS_ALL = hex(NEUTRAL + '00'.repeat(32))

test.for(SMALL)(
  'no key of small order is sound, nor a signature that begins with it: %s',
  (point) => {
    expect(isSoundPoint(hex(point))).toBe(false)
  },
)

test('numbers not below the prime are not sound', () => {
  for (let last = 0xed; last <= 0xff; last += 1) {
    const bytes = new Uint8Array(32).fill(0xff).with(0, last)
    expect(isSoundPoint(bytes)).toBe(false)
    expect(isSoundPoint(bytes.with(31, 0x7f))).toBe(false)
  }
})

test('the base point and the keys of honest signers are sound', async () => {
  expect(isSoundPoint(hex('58'.padEnd(64, '6')))).toBe(true)
  for (let round = 0; round < 20; round += 1) {
    const { key } = await generateSigningKey()
    expect(isSoundPoint(key.publicKey)).toBe(true)
  }
})

test('nothing is signed under a key of small order', async () => {
  const publicKey = hex(NEUTRAL)
  await fc.assert(
    fc.asyncProperty(fc.uint8Array(), async (message) => {
      expect(await verifySignature({ publicKey, message, signature: FITS_ALL })).toBe(false)
    }),
    { seed: 20_261_122 },
  )
})

test('a token under a key of small order fits nothing, and a padded key is none', async () => {
  const parts = ['{"alg":"EdDSA","typ":"note+jws","kid":"k"}', '{}'].map((part) =>
    Buffer.from(part).toString('base64url'),
  )
  const jws = [...parts, Buffer.from(FITS_ALL).toString('base64url')].join('.')
  const x = Buffer.from(NEUTRAL, 'hex').toString('base64url')
  const reasons = { [x]: 'bad_signature', [`${x}=`]: 'unknown_key' }
  for (const [spelling, reason] of Object.entries(reasons)) {
    const keys = [{ kty: 'OKP', crv: 'Ed25519', kid: 'k', x: spelling }]
    expect(await verifyJws(jws, { typ: 'note+jws', jwks: { keys } })).toEqual({ ok: false, reason })
  }
})
