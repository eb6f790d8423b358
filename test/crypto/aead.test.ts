import * as node from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import {
  type Aead,
  nobleAead,
  nodeAead,
  platformAead,
  type SealInput,
  type Suite,
} from '../../src/crypto/aead.ts'
import { type AeadTest, type Group, hex, withoutNode, wycheproof } from './vectors.ts'

fc.configureGlobal({ seed: 20_261_121 })

function required(aead: Aead | undefined): Aead {
  if (aead === undefined) throw new TypeError('this runtime has no node:crypto')
  return aead
}

const IMPLEMENTATIONS: readonly (readonly [string, Aead])[] = [
  ['nodeAead', required(nodeAead())],
  ['nobleAead', nobleAead()],
]
const FILES: readonly (readonly [Suite, string])[] = [
  [1, 'chacha20_poly1305'],
  [2, 'aes_gcm'],
]
const suite = fc.constantFrom<Suite>(1, 2)
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const input: fc.Arbitrary<SealInput> = fc.record({
  suite,
  key: bytes(32),
  nonce: bytes(12),
  ad: fc.uint8Array({ maxLength: 300 }),
  plaintext: fc.uint8Array({ maxLength: 2_000 }),
})

function sample(): SealInput {
  return {
    suite: 1,
    key: new Uint8Array(32).fill(1),
    nonce: new Uint8Array(12).fill(2),
    ad: utf8('row 7'),
    plaintext: utf8('hello'),
  }
}

describe.each(IMPLEMENTATIONS)('%s', (_, aead) => {
  describe.each(FILES)('suite %d against %s of Wycheproof', (id, file) => {
    const groups = wycheproof<AeadTest>(file)
    const fits = ({ ivSize, keySize, tagSize }: Group<AeadTest>): boolean =>
      ivSize === 96 && keySize === 256 && tagSize === 128

    test('gives the published bytes and refuses what is not valid', () => {
      const cases = groups.filter(fits).flatMap(({ tests }) => tests)
      expect(cases.length).toBeGreaterThan(60)
      for (const { tcId, key, iv, aad, msg, ct, tag, result } of cases) {
        const context = { suite: id, key: hex(key), nonce: hex(iv), ad: hex(aad) }
        const opened = aead.open({ ...context, ciphertext: hex(ct + tag) })
        const expected = result === 'valid' ? hex(msg) : undefined
        expect(opened, `test ${tcId}`).toEqual(expected)
        if (result !== 'valid') continue
        expect(aead.seal({ ...context, plaintext: hex(msg) }), `test ${tcId}`).toEqual(
          hex(ct + tag),
        )
      }
    })

    test('takes no key and no nonce of another size', () => {
      const cases = groups.filter((group) => !fits(group)).flatMap(({ tests }) => tests)
      expect(cases.length).toBeGreaterThan(8)
      for (const { tcId, key, iv, aad, msg, ct, tag } of cases) {
        const context = { suite: id, key: hex(key), nonce: hex(iv), ad: hex(aad) }
        const refusal = expect.objectContaining({ code: 'invalid_input' })
        expect(() => aead.seal({ ...context, plaintext: hex(msg) }), `test ${tcId}`).toThrow(
          refusal,
        )
        expect(() => aead.open({ ...context, ciphertext: hex(ct + tag) }), `test ${tcId}`).toThrow(
          refusal,
        )
      }
    })
  })

  test('opens what it sealed', () => {
    fc.assert(
      fc.property(input, (it) => {
        const ciphertext = aead.seal(it)
        expect(ciphertext).toHaveLength(it.plaintext.length + 16)
        expect(aead.open({ ...it, ciphertext })).toEqual(it.plaintext)
      }),
    )
  })

  test('refuses any flipped bit, in the ciphertext, the tag and the context', () => {
    const flipped = (value: Uint8Array, at: number): Uint8Array => {
      const copy = Uint8Array.from(value)
      const index = (at >> 3) % copy.length
      copy[index] = (copy[index] ?? 0) ^ (1 << (at & 7))
      return copy
    }
    const part = fc.constantFrom('ciphertext', 'key', 'nonce', 'ad')
    fc.assert(
      fc.property(input, part, fc.nat(), (it, name, at) => {
        const sealed = { ...it, ciphertext: aead.seal(it) }
        fc.pre(sealed[name].length > 0)
        expect(aead.open({ ...sealed, [name]: flipped(sealed[name], at) })).toBeUndefined()
      }),
    )
  })

  test('refuses a ciphertext that was cut or belongs to the other suite', () => {
    fc.assert(
      fc.property(input, fc.nat(), (it, at) => {
        const ciphertext = aead.seal(it)
        const cut = ciphertext.subarray(0, at % ciphertext.length)
        expect(aead.open({ ...it, ciphertext: cut })).toBeUndefined()
        expect(aead.open({ ...it, suite: it.suite === 1 ? 2 : 1, ciphertext })).toBeUndefined()
      }),
    )
  })

  test('refuses an unknown suite by number', () => {
    const wrong = { ...sample(), suite: 3 as Suite, ciphertext: new Uint8Array(16) }
    const refusal = expect.objectContaining({
      code: 'unsupported_format',
      details: { what: 'suite', version: 3 },
    })
    expect(() => aead.seal(wrong)).toThrow(refusal)
    expect(() => aead.open(wrong)).toThrow(refusal)
  })

  test.each<[Suite]>([[1], [2]])('suite %d gives plain bytes, not Buffers', (id) => {
    const it = { ...sample(), suite: id }
    const ciphertext = aead.seal(it)
    expect(ciphertext.constructor).toBe(Uint8Array)
    expect(aead.open({ ...it, ciphertext })?.constructor).toBe(Uint8Array)
  })

  test('reads views within their bounds and leaves its input alone', () => {
    fc.assert(
      fc.property(input, (it) => {
        const shifted = (value: Uint8Array): Uint8Array => {
          const larger = new Uint8Array(value.length + 7).fill(0xee)
          larger.set(value, 3)
          return larger.subarray(3, 3 + value.length)
        }
        const { suite: id, key, nonce, ad, plaintext } = it
        const views = {
          suite: id,
          key: shifted(key),
          nonce: shifted(nonce),
          ad: shifted(ad),
          plaintext: shifted(plaintext),
        }
        const ciphertext = aead.seal(views)
        expect(ciphertext).toEqual(aead.seal(it))
        expect(aead.open({ ...views, ciphertext: shifted(ciphertext) })).toEqual(plaintext)
        expect(views.plaintext).toEqual(plaintext)
        expect(views.key).toEqual(key)
      }),
      { numRuns: 30 },
    )
  })

  test('writes into the place that it is given, and nowhere else', () => {
    const around = new Uint8Array(sample().plaintext.length + 16 + 2).fill(9)
    const into = around.subarray(1, -1)
    expect(aead.seal({ ...sample(), into })).toBe(into)
    expect(into).toEqual(aead.seal(sample()))
    expect([around[0], around.at(-1)]).toEqual([9, 9])
  })

  test.each([-1, 1])('refuses a place that is %i bytes too long', (more) => {
    const into = new Uint8Array(sample().plaintext.length + 16 + more)
    expect(() => aead.seal({ ...sample(), into })).toThrow(
      expect.objectContaining({ code: 'invalid_input' }),
    )
  })

  test('nothing it returns changes when it is called again', () => {
    const first = aead.seal(sample())
    const kept = Uint8Array.from(first)
    for (let round = 0; round < 50; round += 1) aead.seal({ ...sample(), plaintext: utf8('other') })
    expect(first).toEqual(kept)
  })
})

test('node and noble give the same bytes and open each other', () => {
  const [native, noble] = [required(nodeAead()), nobleAead()]
  fc.assert(
    fc.property(input, (it) => {
      const ciphertext = native.seal(it)
      expect(ciphertext).toEqual(noble.seal(it))
      expect(noble.open({ ...it, ciphertext })).toEqual(native.open({ ...it, ciphertext }))
    }),
    { numRuns: 300 },
  )
})

test('the known answers of the self-test are those of noble', () => {
  const ciphertext = (id: Suite): string => {
    const it = { ...sample(), suite: id, ad: utf8('associated'), plaintext: utf8('plaintext') }
    return Buffer.from(nobleAead().seal(it)).toString('hex')
  }
  expect(ciphertext(1)).toBe('96709347e3d78da205ebacba527dd49c53fa3672dfa4b5472a')
  expect(ciphertext(2)).toBe('77baa8202423a485a7bd983e613fb2296855bfdf2f9d3d6082')
})

/** node:crypto with another idea of some ciphers. */
function crippled(replace: (algorithm: string) => string | undefined): typeof node {
  const swap = (create: (...args: never[]) => unknown) => {
    return (algorithm: string, ...rest: readonly unknown[]): unknown => {
      const other = replace(algorithm)
      if (other === undefined) throw new TypeError('unknown cipher')
      return Reflect.apply(create, node, [other, ...rest])
    }
  }
  return {
    ...node,
    createCipheriv: swap(node.createCipheriv) as typeof node.createCipheriv,
    createDecipheriv: swap(node.createDecipheriv) as typeof node.createDecipheriv,
  }
}

test.each<[string, (algorithm: string) => string | undefined]>([
  ['lacks ChaCha20-Poly1305', (name) => (name.startsWith('chacha') ? undefined : name)],
  ['lacks AES-GCM', (name) => (name.startsWith('aes') ? undefined : name)],
  ['does another cipher under that name', () => 'aes-256-gcm'],
])('a runtime whose node:crypto %s still does both suites', (_, replace) => {
  const aead = required(nodeAead(crippled(replace)))
  fc.assert(
    fc.property(input, (it) => {
      const ciphertext = aead.seal(it)
      expect(ciphertext).toEqual(nobleAead().seal(it))
      expect(aead.open({ ...it, ciphertext })).toEqual(it.plaintext)
    }),
    { numRuns: 20 },
  )
})

test('a node:crypto where no suite works is not used', () => {
  expect(nodeAead(crippled(() => undefined))).toBeUndefined()
})

test('a node:crypto that opens without checking the tag is not used', () => {
  const careless = {
    ...node,
    createDecipheriv: ((...args: Parameters<typeof node.createDecipheriv>) => {
      const decipher = Reflect.apply(node.createDecipheriv, node, args)
      return Object.assign(decipher, { final: () => Buffer.alloc(0) })
    }) as typeof node.createDecipheriv,
  }
  expect(nodeAead(careless)).toBeUndefined()
})

test('the choice is made once', () => {
  expect(platformAead()).toBe(platformAead())
  expect(platformAead().seal(sample())).toEqual(nobleAead().seal(sample()))
})

test('without node:crypto the choice is noble', async () => {
  const aead = await withoutNode(async () => {
    const module = await import('../../src/crypto/aead.ts')
    expect(module.nodeAead()).toBeUndefined()
    return module.platformAead()
  })
  expect(aead.seal(sample())).toEqual(nobleAead().seal(sample()))
})
