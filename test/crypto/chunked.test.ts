import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concatBytes, toHex } from '../../src/base/bytes.ts'
import { CHUNK_BYTES, type Chunked, openChunked } from '../../src/crypto/chunked.ts'
import { openDeterministic, sealDeterministic } from '../../src/crypto/deterministic.ts'
import { refusal } from '../support/acme.ts'
import { hex } from './vectors.ts'

fc.configureGlobal({ seed: 20_261_122 })

interface ChunkedVector {
  readonly key: string
  readonly context: string
  readonly length: number
  readonly salt: string
  readonly commitment: string
  readonly sha256: string
  readonly ciphertext?: string
}

interface DeterministicVector {
  readonly key: string
  readonly ad: string
  readonly length: number
  readonly sealed: string
}

const { chunked, deterministic } = JSON.parse(
  readFileSync(new URL('../vectors/chunked.json', import.meta.url), 'utf8'),
) as {
  readonly chunked: readonly ChunkedVector[]
  readonly deterministic: readonly DeterministicVector[]
}

const KEY = new Uint8Array(32).fill(1)
const SALT = new Uint8Array(24).fill(2)
const CONTEXT = new Uint8Array(5).fill(3)

/** As in the vectors. */
function plaintextOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (7 * at + 3) % 256)
}

async function sealAll(message: Chunked, plaintext: Uint8Array): Promise<Uint8Array> {
  const count = Math.floor(plaintext.length / CHUNK_BYTES) + 1
  const chunks = Array.from({ length: count }, (_, index) =>
    message.seal(index, plaintext.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)),
  )
  return concatBytes(await Promise.all(chunks))
}

describe('chunked encryption', () => {
  test('gives the bytes of another implementation of Cobblestone-256', async () => {
    expect(chunked).toHaveLength(8)
    for (const { key, context, length, salt, commitment, ...vector } of chunked) {
      const input = { key: hex(key), salt: hex(salt), context: hex(context) }
      const message = await openChunked(input)
      expect(toHex(message.commitment)).toBe(commitment)
      const sealed = await sealAll(message, plaintextOf(length))
      expect(createHash('sha256').update(sealed).digest('hex')).toBe(vector.sha256)
      if (vector.ciphertext !== undefined) expect(toHex(sealed)).toBe(vector.ciphertext)
    }
  })

  test('a chunk opens at its own number only', async () => {
    const message = await openChunked({ key: KEY, salt: SALT, context: CONTEXT })
    const index = fc.oneof(fc.nat(300), fc.integer({ min: 2 ** 31, max: 2 ** 38 - 1 }))
    await fc.assert(
      fc.asyncProperty(index, index, fc.uint8Array({ maxLength: 40 }), async (at, other, bytes) => {
        const sealed = await message.seal(at, bytes)
        expect(await message.open(at, sealed)).toEqual(bytes)
        if (other !== at) expect(await message.open(other, sealed)).toBeUndefined()
      }),
      { numRuns: 50 },
    )
  })

  test('another key, salt or context gives another commitment', async () => {
    const base = { key: KEY, salt: SALT, context: CONTEXT }
    const inputs = [
      base,
      { ...base, key: KEY.map((byte) => byte ^ 1) },
      { ...base, salt: SALT.map((byte) => byte ^ 1) },
      { ...base, context: CONTEXT.subarray(1) },
    ]
    const messages = await Promise.all(inputs.map(openChunked))
    expect(new Set(messages.map(({ commitment }) => toHex(commitment))).size).toBe(4)
  })

  test('sizes and numbers out of range are refused', async () => {
    const base = { key: KEY, salt: SALT, context: CONTEXT }
    const message = await openChunked(base)
    for (const attempt of [
      () => openChunked({ ...base, key: KEY.subarray(1) }),
      () => openChunked({ ...base, salt: SALT.subarray(1) }),
      () => message.seal(2 ** 38, KEY),
      () => message.seal(-1, KEY),
      () => message.seal(0.5, KEY),
      () => message.open(2 ** 38, KEY),
    ])
      expect(await refusal(attempt)).toMatchObject({ code: 'invalid_input' })
    expect(await message.open(0, new Uint8Array(15))).toBeUndefined()
  })
})

describe('deterministic encryption', () => {
  test('gives the bytes of another implementation of AES-256-GCM-SIV', () => {
    expect(deterministic).toHaveLength(5)
    for (const { key, ad, length, sealed } of deterministic) {
      expect(toHex(sealDeterministic(hex(key), plaintextOf(length), hex(ad)))).toBe(sealed)
      expect(openDeterministic(hex(key), hex(sealed), hex(ad))).toEqual(plaintextOf(length))
    }
  })

  test('no bit may be changed, and no other key or associated data opens it', () => {
    const sealed = sealDeterministic(KEY, plaintextOf(16), CONTEXT)
    for (let bit = 0; bit < 8 * sealed.length; bit += 1) {
      const changed = sealed.slice()
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(openDeterministic(KEY, changed, CONTEXT)).toBeUndefined()
    }
    expect(
      openDeterministic(
        KEY.map((byte) => byte ^ 1),
        sealed,
        CONTEXT,
      ),
    ).toBeUndefined()
    expect(openDeterministic(KEY, sealed, CONTEXT.subarray(1))).toBeUndefined()
    for (let length = 0; length < sealed.length; length += 1)
      expect(openDeterministic(KEY, sealed.subarray(0, length), CONTEXT)).toBeUndefined()
  })

  test('a key of another size is refused', async () => {
    for (const attempt of [
      () => sealDeterministic(KEY.subarray(1), SALT, CONTEXT),
      () => openDeterministic(KEY.subarray(1), SALT, CONTEXT),
    ])
      expect(await refusal(attempt)).toMatchObject({ code: 'invalid_input' })
  })
})
