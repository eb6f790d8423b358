import { createHmac, hkdfSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { createControllerKey } from '../../src/keys/controller-key.ts'

const SECRET = new Uint8Array(32).fill(3)
const STORE = '00'.repeat(16)
const KEY = createControllerKey(SECRET, STORE)
const ROW = '0123456789abcdef/c/catalogue'

function refusal(open: () => unknown): unknown {
  try {
    open()
  } catch (error) {
    const { code, details } = error as { readonly code: string; readonly details: object }
    return { code, details }
  }
  return 'opened'
}

const TAMPERED = { code: 'decryption_failed', details: { what: 'controller' } }

describe('the controller key', () => {
  test('opens what it sealed for a row', () => {
    for (const text of ['', 'x', 'words '.repeat(1_000)]) {
      const sealed = KEY.seal(ROW, utf8(text))
      expect(sealed).toHaveLength(1 + 24 + utf8(text).length + 16)
      expect(sealed[0]).toBe(1)
      expect(KEY.open(ROW, sealed)).toEqual(utf8(text))
    }
  })

  test('seals the same words differently each time', () => {
    expect(KEY.seal(ROW, utf8('x'))).not.toEqual(KEY.seal(ROW, utf8('x')))
  })

  test('opens nothing that was moved to another row, another store, or sealed by another', () => {
    const sealed = KEY.seal(ROW, utf8('x'))
    expect(refusal(() => KEY.open(`${ROW}2`, sealed))).toEqual(TAMPERED)
    const elsewhere = createControllerKey(SECRET, '11'.repeat(16))
    expect(refusal(() => elsewhere.open(ROW, sealed))).toEqual(TAMPERED)
    const other = createControllerKey(new Uint8Array(32).fill(4), STORE)
    expect(refusal(() => other.open(ROW, sealed))).toEqual(TAMPERED)
  })

  test('opens nothing of which a bit was changed, or that is cut short', () => {
    const sealed = KEY.seal(ROW, utf8('some words'))
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const copy = sealed.slice()
      copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const wanted =
        bit < 8
          ? { code: 'unsupported_format', details: { what: 'controller', version: copy[0] } }
          : TAMPERED
      expect([bit, refusal(() => KEY.open(ROW, copy))]).toEqual([bit, wanted])
    }
    for (let length = 1; length < sealed.length; length += 1)
      expect(refusal(() => KEY.open(ROW, sealed.subarray(0, length)))).toEqual(TAMPERED)
    expect(refusal(() => KEY.open(ROW, new Uint8Array(0)))).toEqual({
      code: 'unsupported_format',
      details: { what: 'controller', version: 0 },
    })
  })

  test('blinds with one derived key per use', () => {
    const mac = (use: string, message: Uint8Array): Uint8Array => {
      const info = `privity/controller/v1/${use}`
      const key = Buffer.from(hkdfSync('sha256', SECRET, new Uint8Array(0), info, 32))
      return new Uint8Array(createHmac('sha256', key).update(message).digest())
    }
    expect(KEY.tag(utf8('x'))).toEqual(mac('tag', utf8('x')))
    expect(KEY.leaf(utf8('x'))).toEqual(mac('leaf', utf8('x')))
    const disclosed = createHmac('sha256', KEY.leafKey()).update(utf8('x')).digest()
    expect(KEY.leaf(utf8('x'))).toEqual(new Uint8Array(disclosed))
    expect(KEY.externalToken('crm:1')).toEqual(mac('external', utf8('crm:1')))
    const parts = Buffer.from('000000020000000261620000000163', 'hex')
    expect(KEY.operationToken('ab', 'c')).toEqual(mac('operation', parts))
    const named = Buffer.from('0000000200000005' + '6163746f72' + '0000000163', 'hex')
    expect(KEY.accessToken('actor', 'c')).toEqual(mac('access', named))
  })

  test('tells operations apart, whoever they are about', () => {
    expect(KEY.operationToken('ab', 'c')).not.toEqual(KEY.operationToken('a', 'bc'))
    expect(KEY.operationToken('a', 'x')).not.toEqual(KEY.operationToken('b', 'x'))
  })

  test('gives the same tokens in every process, and others under another secret', () => {
    const again = createControllerKey(SECRET.slice(), STORE)
    const other = createControllerKey(new Uint8Array(32).fill(4), STORE)
    expect(again.externalToken('crm:1')).toEqual(KEY.externalToken('crm:1'))
    expect(other.externalToken('crm:1')).not.toEqual(KEY.externalToken('crm:1'))
  })

  test('keeps nothing of the secret that it was made of', () => {
    const secret = SECRET.slice()
    const key = createControllerKey(secret, STORE)
    secret.fill(0)
    expect(key.open(ROW, KEY.seal(ROW, utf8('x')))).toEqual(utf8('x'))
  })
})
