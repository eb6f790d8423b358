import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromUtf8, utf8 } from '../../src/base/bytes.ts'
import {
  cosignedMessage,
  decodeCosignature,
  encodeCosignature,
} from '../../src/crypto/cosignature.ts'
import { verifySignature } from '../../src/crypto/signature.ts'
import { fixedKey } from '../support/fixed-key.ts'

const TEXT = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'
const LAST_SECOND = 253_402_300_799

/** The line of the witness in the example of tlog-cosignature.md, without its key id. */
const EXAMPLE = Buffer.from(
  'jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==',
  'base64',
).subarray(4)

describe('a cosignature', () => {
  test('signs a header, the time and the text, as the specification shows it', () => {
    expect(fromUtf8(cosignedMessage(TEXT, 1_679_315_147))).toBe(
      `cosignature/v1\ntime 1679315147\n${TEXT}`,
    )
  })

  test('of the specification has the time that stands beside it', () => {
    expect(decodeCosignature(new Uint8Array(EXAMPLE))).toEqual({
      seconds: 1_679_315_147,
      signature: new Uint8Array(EXAMPLE.subarray(8)),
    })
  })

  test('reads back what was written', () => {
    const cosignature = fc.record({
      seconds: fc.integer({ min: 0, max: LAST_SECOND }),
      signature: fc.uint8Array({ minLength: 64, maxLength: 64 }),
    })
    fc.assert(
      fc.property(cosignature, (one) => {
        expect(decodeCosignature(encodeCosignature(one))).toEqual(one)
      }),
      { seed: 20_261_122, numRuns: 2_000 },
    )
  })

  test('is refused with any other length', () => {
    for (const length of [0, 8, 64, 71, 73, 76, 2_428])
      expect(decodeCosignature(new Uint8Array(length))).toBeUndefined()
  })

  test('is refused with a time that no instant can say', () => {
    const bytes = new Uint8Array(72)
    const view = new DataView(bytes.buffer)
    for (const seconds of [LAST_SECOND + 1, 2 ** 53, 2 ** 63]) {
      view.setBigUint64(0, BigInt(seconds))
      expect(decodeCosignature(bytes)).toBeUndefined()
    }
    view.setBigUint64(0, BigInt(LAST_SECOND))
    expect(decodeCosignature(bytes)?.seconds).toBe(LAST_SECOND)
  })

  test('is no signature of the text, nor the other way round', async () => {
    const key = await fixedKey(3)
    const message = cosignedMessage(TEXT, 7)
    const signature = await key.sign(message)
    const { publicKey } = key
    expect(await verifySignature({ publicKey, message, signature })).toBe(true)
    expect(await verifySignature({ publicKey, message: utf8(TEXT), signature })).toBe(false)
  })
})
