import { describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import {
  decodeHead,
  decodePage,
  encodeHead,
  encodePage,
  type Head,
  type Page,
} from '../../src/subjects/head.ts'
import { refusal } from '../support/acme.ts'

const HEAD: Head = {
  sequence: 7,
  at: 1_795_251_600_000,
  registeredAt: 1_795_251_500_000,
  jurisdiction: 'NL',
  externalId: 'crm:é',
  pseudonym: 'AAECAwQFBgcICQoLDA0ODw',
  consents: {
    marketing: {
      state: 'given',
      at: 5,
      validUntil: 9,
      policy: 'sha256:abc',
      notice: { id: 'privacy', ordinal: 2, hash: 'sha256:x', language: 'nl' },
    },
  },
  objections: { analytics: 6 },
  singles: {
    '0': { revision: 3, sections: { '1': [3, '0123456789abcdef'] }, tokens: [[0, 1, 'ff']] },
  },
  pages: { a7: 4 },
  many: { '1': 2 },
}
const PAGE: Page = {
  records: { '1/00': { revision: 4, sections: { '2': [4, 'ff'] }, tokens: [] } },
}

describe.for([
  ['head', () => encodeHead(HEAD), decodeHead, HEAD],
  ['page', () => encodePage(PAGE), decodePage, PAGE],
] as const)('the plaintext of a %s', ([what, encode, decode, value]) => {
  test('reads back what was written', () => {
    expect(decode(encode())).toEqual(value)
  })

  test('is the same bytes for the same facts', () => {
    expect(encode()).toEqual(encode())
    expect(JSON.parse(new TextDecoder().decode(encode())).v).toBe(1)
  })

  test('of a later version is unsupported', async () => {
    const later = utf8(JSON.stringify({ v: 2, ...value }))
    expect(await refusal(() => decode(later))).toEqual({
      code: 'unsupported_format',
      details: { what, version: 2 },
    })
  })

  const wrong: readonly (readonly [string, Uint8Array])[] = [
    ['without a version', utf8('{}')],
    ['of no bytes', new Uint8Array(0)],
    ['cut short', utf8('{"v":1,"sequence":')],
    ['that is no JSON', utf8('anna@example.com')],
    ['that is no UTF-8', Uint8Array.of(0xff, 0xfe)],
    ['that is a list', utf8('[]')],
    ['that is null', utf8('null')],
    ['that is a number', utf8('7')],
  ]
  test.for(wrong)('%s is unsupported, and quoted nowhere', async ([, bytes]) => {
    expect(await refusal(() => decode(bytes))).toEqual({
      code: 'unsupported_format',
      details: { what, version: 0 },
    })
  })
})
