import { createCipheriv, createHmac, hkdfSync } from 'node:crypto'
import type { EnvelopeContext, RowKind } from '../../src/keys/envelope.ts'

/**
 * Envelopes assembled byte by byte with node:crypto, from the description in `about` alone: nothing of
 * src/keys or src/crypto takes part, so that a mistake has to be made twice to go unseen.
 */
export interface EnvelopeVector {
  readonly name: string
  readonly suite: 1 | 2
  /** The class key's secret, its id, and the nonce. */
  readonly secret: string
  readonly keyId: string
  readonly nonce: string
  readonly context: EnvelopeContext
  readonly plaintext: string
  readonly associatedData: string
  readonly envelope: string
}

export interface EnvelopeVectorFile {
  readonly about: readonly string[]
  readonly vectors: readonly EnvelopeVector[]
}

const ABOUT = [
  'Envelope v1, all numbers big-endian, everything here in hexadecimal.',
  'Bytes: version 01 | suite (01 ChaCha20-Poly1305, 02 AES-256-GCM) | key id (8) | nonce (12) | commitment (32) | ciphertext | tag (16).',
  'cipher key = HKDF-SHA-256(secret, no salt, info "privity/envelope/v1/<suite>/cipher", 32 bytes).',
  'commitment = the same with info "privity/envelope/v1/<suite>/commitment".',
  'Associated data: number of parts (4 bytes), then each part with its length (4 bytes) before it.',
  'Parts: bytes 0 to 53 of the envelope; row kind (1); store id; person id; record type (2); record id (UTF-8); access class (2); layout id, or nothing; revision (8).',
  'Row kinds: 1 head, 2 fields, 3 record, 4 page, 5 body, 6 operation.',
]

const STORE = '00112233445566778899aabbccddeeff'
const PERSON = 'f0e1d2c3b4a5968778695a4b3c2d1e0f'
const LAYOUT = '0123456789abcdef'

const CASES: readonly (readonly [name: string, context: EnvelopeContext, plaintext: string])[] = [
  ['a head', contextOf(1, { accessClass: 0, revision: 0 }), '7b2276223a317d'],
  [
    'fields of a single record',
    contextOf(2, { accessClass: 3, recordType: 1, layout: LAYOUT, revision: 7 }),
    '7b226e616d65223a22416e6e61227d',
  ],
  [
    'one of many records',
    contextOf(3, {
      accessClass: 65_535,
      recordType: 65_535,
      recordId: '00000000000000000000000000000001',
      layout: LAYOUT,
      revision: Number.MAX_SAFE_INTEGER,
    }),
    '',
  ],
  ['a page', contextOf(4, { accessClass: 0, recordId: 'a7', revision: 256 }), '00'.repeat(64)],
  ['a body', contextOf(5, { accessClass: 0, recordId: '12', revision: 0 }), 'ff'.repeat(65)],
  [
    'an operation with a name beyond ASCII',
    contextOf(6, { accessClass: 0, recordId: 'één', revision: 4_294_967_296 }),
    '01',
  ],
]

/** What stands in test/vectors/envelope-v1.json. */
export function envelopeVectors(): EnvelopeVectorFile {
  const suites = [1, 2] as const
  return {
    about: ABOUT,
    vectors: suites.flatMap((suite) =>
      CASES.map(([name, context, plaintext], index) =>
        toVector({ name, suite, context, plaintext }, suite * 16 + index),
      ),
    ),
  }
}

function contextOf(
  kind: RowKind,
  rest: Omit<EnvelopeContext, 'kind' | 'storeId' | 'personId'>,
): EnvelopeContext {
  return { kind, storeId: STORE, personId: PERSON, ...rest }
}

function toVector(
  input: Pick<EnvelopeVector, 'name' | 'suite' | 'context' | 'plaintext'>,
  seed: number,
): EnvelopeVector {
  const { suite, context } = input
  const secret = filler('secret', seed, 32)
  const [keyId, nonce] = [filler('key id', seed, 8), filler('nonce', seed, 12)]
  const commitment = derive(secret, `${suite}/commitment`)
  const header = Buffer.concat([Buffer.from([1, suite]), keyId, nonce, commitment])
  const associatedData = parts([
    header,
    Buffer.from([context.kind]),
    Buffer.from(context.storeId, 'hex'),
    Buffer.from(context.personId, 'hex'),
    number(context.recordType ?? 0, 2),
    Buffer.from(context.recordId ?? '', 'utf8'),
    number(context.accessClass, 2),
    Buffer.from(context.layout ?? '', 'hex'),
    number(context.revision, 8),
  ])
  const plaintext = Buffer.from(input.plaintext, 'hex')
  const key = derive(secret, `${suite}/cipher`)
  const sealed = encrypt({ suite, key, nonce, associatedData, plaintext })
  return {
    ...input,
    secret: secret.toString('hex'),
    keyId: keyId.toString('hex'),
    nonce: nonce.toString('hex'),
    associatedData: associatedData.toString('hex'),
    envelope: Buffer.concat([header, sealed]).toString('hex'),
  }
}

interface Encrypting {
  readonly suite: 1 | 2
  readonly key: Buffer
  readonly nonce: Buffer
  readonly associatedData: Buffer
  readonly plaintext: Buffer
}

function encrypt({ suite, key, nonce, associatedData, plaintext }: Encrypting): Buffer {
  const cipher =
    suite === 1
      ? createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 })
      : createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 })
  cipher.setAAD(associatedData, { plaintextLength: plaintext.length })
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

function derive(secret: Buffer, use: string): Buffer {
  const info = Buffer.from(`privity/envelope/v1/${use}`)
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), info, 32))
}

function parts(list: readonly Buffer[]): Buffer {
  return Buffer.concat([
    number(list.length, 4),
    ...list.flatMap((it) => [number(it.length, 4), it]),
  ])
}

function number(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes.subarray(8 - length)
}

/** Bytes without a pattern that are the same every time. */
function filler(label: string, seed: number, length: number): Buffer {
  return createHmac('sha256', 'privity test vectors')
    .update(`${label} ${seed}`)
    .digest()
    .subarray(0, length)
}
