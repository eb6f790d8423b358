import { createHmac } from 'node:crypto'

/**
 * Tokens assembled with node:crypto from the description in `about` alone: nothing of src takes part, so that a
 * mistake has to be made twice to go unseen.
 */
export interface LookupVector {
  /** Of the lookup, in the catalogue. */
  readonly lookup: string
  /** By field id. */
  readonly values: { readonly [fieldId: string]: string | number | boolean }
  /** Key of the lookup, 32 bytes. */
  readonly secret: string
  readonly message: string
  readonly token: string
}

export interface LookupVectorFile {
  readonly about: readonly string[]
  readonly vectors: readonly LookupVector[]
}

const ABOUT = [
  'Lookup tokens; secret, message and token in hexadecimal.',
  'A lookup is named record/field ids/normalisers, then for a part or a claim /startsWith.n, /endsWith.n or /unique, then /bits when its tokens are cut; ids and normalisers of several fields stand with + between them, sorted by id.',
  'Message: the normalised value in UTF-8; of a part its first or last n characters; of several fields the number of fields (u32, big-endian), then each normalised value with its length (u32) before it. A number or boolean is normalised to U+0000 and its JSON.',
  'Token: the first 128 bits of HMAC-SHA-256(secret, message), or as many as the name says, in as few bytes as hold them; bits that are not kept are zero.',
]

export const LOOKUP_SECRET: Buffer = Buffer.alloc(32, 0x5a)

type Case = readonly [
  lookup: string,
  values: LookupVector['values'],
  message: Buffer,
  bits?: number,
]

const CASES: readonly Case[] = [
  ['contact/email/email', { email: ' Anna@Example.com' }, text('anna@example.com')],
  ['contact/email/exact', { email: ' Anna@Example.com' }, text(' Anna@Example.com')],
  ['contact/phone/phone-e164', { phone: '0031 (0)20 123' }, text('+3120123')],
  ['contact/name/nfkc-lower', { name: 'Ｋöln ' }, text('köln')],
  ['contact/email/email/unique', { email: 'anna@example.com' }, text('anna@example.com')],
  ['contact/email/email/15', { email: 'anna@example.com' }, text('anna@example.com'), 15],
  ['contact/email/email/3', { email: 'anna@example.com' }, text('anna@example.com'), 3],
  ['contact/email/email/16', { email: 'anna@example.com' }, text('anna@example.com'), 16],
  ['contact/phone/phone-e164/endsWith.4/9', { phone: '+31 20 12 34' }, text('1234'), 9],
  ['contact/name/exact/startsWith.2', { name: '😀a𝒃c' }, text('😀a')],
  [
    'contact/city+name/nfkc-lower+nfkc-lower',
    { name: 'Anna', city: 'Bonn' },
    together('bonn', 'anna'),
  ],
  ['contact/city+vip/exact+exact/18', { city: 'Bonn', vip: true }, together('Bonn', '\0true'), 18],
  ['contact/city+year/exact+exact', { city: 'Bonn', year: 1990 }, together('Bonn', '\x001990')],
]

export function makeLookupVectors(): LookupVectorFile {
  return {
    about: ABOUT,
    vectors: CASES.map(([lookup, values, message, bits = 128]) => ({
      lookup,
      values,
      secret: LOOKUP_SECRET.toString('hex'),
      message: message.toString('hex'),
      token: cut(createHmac('sha256', LOOKUP_SECRET).update(message).digest(), bits),
    })),
  }
}

/** By text, so that it has nothing in common with how the library does it. */
function cut(digest: Buffer, bits: number): string {
  const digits = [...digest].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const kept = digits.slice(0, bits).padEnd(8 * Math.ceil(bits / 8), '0')
  return (kept.match(/.{4}/g) ?? []).map((four) => Number.parseInt(four, 2).toString(16)).join('')
}

function text(value: string): Buffer {
  return Buffer.from(value)
}

function together(...values: readonly string[]): Buffer {
  const parts = values.flatMap((value) => [u32(Buffer.byteLength(value)), Buffer.from(value)])
  return Buffer.concat([u32(values.length), ...parts])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
