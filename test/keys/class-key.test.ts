import { createHmac, hkdfSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { createClassKey } from '../../src/keys/class-key.ts'
import { openEnvelope, ROW_KIND, sealEnvelope } from '../../src/keys/envelope.ts'

const ID = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const SECRET = new Uint8Array(32).fill(9)
const CONTEXT = {
  kind: ROW_KIND.head,
  storeId: '00'.repeat(16),
  personId: '11'.repeat(16),
  accessClass: 0,
  revision: 0,
} as const

/** The output of HKDF for one use, by node:crypto. */
function derived(use: string): Uint8Array {
  const info = `privity/envelope/v1/${use}`
  return new Uint8Array(hkdfSync('sha256', SECRET, new Uint8Array(0), info, 32))
}

describe('a class key', () => {
  test('derives cipher key and commitment of each suite apart', () => {
    const key = createClassKey(ID, SECRET)
    for (const suite of [1, 2] as const) {
      expect(key.suite(suite)).toEqual({
        cipher: derived(`${suite}/cipher`),
        commitment: derived(`${suite}/commitment`),
      })
    }
    expect(key.suite(1)).toBe(key.suite(1))
  })

  test('tags under a key of its own', () => {
    const key = createClassKey(ID, SECRET)
    const tag = createHmac('sha256', derived('tag')).update('message').digest()
    expect(key.tag(utf8('message'))).toEqual(new Uint8Array(tag))
    expect(key.tag(utf8('message'))).toEqual(new Uint8Array(tag))
  })

  test('keeps a copy of its secret', () => {
    const secret = SECRET.slice()
    const key = createClassKey(ID, secret)
    secret.fill(0)
    expect(key.suite(1).cipher).toEqual(derived('1/cipher'))
  })
})

describe('a wiped key', () => {
  test('neither seals nor opens, whether or not it was used before', () => {
    const used = createClassKey(ID, SECRET)
    const sealed = sealEnvelope(used, CONTEXT, utf8('x'))
    const unused = createClassKey(ID, SECRET)
    for (const key of [used, unused]) {
      key.wipe()
      expect(() => sealEnvelope(key, CONTEXT, utf8('x'))).toThrow(
        expect.objectContaining({ code: 'erased' }),
      )
      expect(() => openEnvelope(key, CONTEXT, sealed)).toThrow(
        expect.objectContaining({ code: 'erased' }),
      )
    }
  })

  test('does not tag when it was never used', () => {
    const key = createClassKey(ID, SECRET)
    key.wipe()
    expect(() => key.tag(utf8('message'))).toThrow(expect.objectContaining({ code: 'erased' }))
  })

  test('does not tag under zeros when it was used before', () => {
    const key = createClassKey(ID, SECRET)
    key.tag(utf8('message'))
    key.wipe()
    expect(() => key.tag(utf8('message'))).toThrow(expect.objectContaining({ code: 'erased' }))
  })

  test('leaves no derived key behind', () => {
    const key = createClassKey(ID, SECRET)
    const suites = [key.suite(1), key.suite(2)]
    key.wipe()
    for (const { cipher } of suites) expect(cipher).toEqual(new Uint8Array(32))
  })

  test('gives a copy of the key of its tags, until it is wiped', () => {
    const key = createClassKey(ID, SECRET)
    const message = Uint8Array.of(1, 2, 3)
    key.tagKey().fill(0)
    expect(key.tagKey()).toEqual(derived('tag'))
    expect(key.tag(message)).toEqual(
      new Uint8Array(createHmac('sha256', key.tagKey()).update(message).digest()),
    )
    key.wipe()
    expect(() => key.tagKey()).toThrow(expect.objectContaining({ code: 'erased' }))
  })
})
