import { equalBytes } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { createFrame } from '../base/frame.ts'
import { platformAead, type Suite } from '../crypto/aead.ts'
import { randomBytes } from '../crypto/random.ts'
import type { ClassKey } from './class-key.ts'

/**
 * Envelope v1: version, suite, key id (8), nonce (12), commitment (32), ciphertext, tag (16).
 *
 * The commitment is a second output of the key's HKDF, compared before anything is decrypted: neither
 * suite commits to its key, so one ciphertext could otherwise be opened to two contents.
 */
export interface EnvelopeContext {
  readonly kind: RowKind
  readonly storeId: string
  readonly personId: string
  readonly accessClass: number
  /** Number of the record type; 0 where the row belongs to none. */
  readonly recordType?: number
  /** Id of a `many` record, sequence of a body, name of a page: what tells rows of one kind apart. */
  readonly recordId?: string
  /** 16 hex digits; absent where a row has none. */
  readonly layout?: string
  /** From the head, so that a section set back to its older self does not open; 0 for what has none. */
  readonly revision: number
}

/** Row kinds are associated data: never reuse a number. */
export const ROW_KIND = { head: 1, fields: 2, record: 3, page: 4, body: 5, operation: 6 } as const
export type RowKind = (typeof ROW_KIND)[keyof typeof ROW_KIND]

const VERSION = 1
const KEY_ID = 2
const NONCE = 10
const COMMITMENT = 22
const CIPHERTEXT = 54
const TAG = 16
const DEFAULT_SUITE: Suite = 1
const FRAME = createFrame()

/** Seals under a fresh nonce. */
export function sealEnvelope(
  key: ClassKey,
  context: EnvelopeContext,
  plaintext: Uint8Array,
): Uint8Array {
  const { cipher, commitment } = key.suite(DEFAULT_SUITE)
  const nonce = randomBytes(COMMITMENT - NONCE)
  const envelope = new Uint8Array(CIPHERTEXT + plaintext.length + TAG)
  envelope[0] = VERSION
  envelope[1] = DEFAULT_SUITE
  envelope.set(key.id, KEY_ID)
  envelope.set(nonce, NONCE)
  envelope.set(commitment, COMMITMENT)
  const ad = associatedData(envelope.subarray(0, CIPHERTEXT), context)
  const into = envelope.subarray(CIPHERTEXT)
  platformAead().seal({ suite: DEFAULT_SUITE, key: cipher, nonce, ad, plaintext, into })
  return envelope
}

/**
 * Opens what {@link sealEnvelope} sealed in the same context.
 *
 * @throws {@link unsupported_format} when it is no envelope of a version and suite known here
 * @throws {@link key_unknown} when another key sealed it
 * @throws {@link decryption_failed} when it was changed, or belongs to another context
 */
export function openEnvelope(
  key: ClassKey,
  context: EnvelopeContext,
  envelope: Uint8Array,
): Uint8Array {
  const suite = parseSuite(envelope)
  const { cipher, commitment } = sealerOf(key, context, envelope).suite(suite)
  const committed = equalBytes(envelope.subarray(COMMITMENT, CIPHERTEXT), commitment)
  const plaintext = committed
    ? platformAead().open({
        suite,
        key: cipher,
        nonce: envelope.subarray(NONCE, COMMITMENT),
        ad: associatedData(envelope.subarray(0, CIPHERTEXT), context),
        ciphertext: envelope.subarray(CIPHERTEXT),
      })
    : undefined
  if (plaintext === undefined)
    throw new PrivityError('decryption_failed', { what: nameOf(context.kind) })
  return plaintext
}

function sealerOf(key: ClassKey, { kind }: EnvelopeContext, envelope: Uint8Array): ClassKey {
  const id = envelope.subarray(KEY_ID, NONCE)
  if (equalBytes(id, key.id)) return key
  const older = key.older?.find((candidate) => equalBytes(id, candidate.id))
  if (older === undefined) throw new PrivityError('key_unknown', { what: nameOf(kind) })
  return older
}

function parseSuite(envelope: Uint8Array): Suite {
  const [version = 0, suite = 0] = envelope
  if (version !== VERSION || (suite !== 1 && suite !== 2) || envelope.length < CIPHERTEXT + TAG) {
    throw new PrivityError('unsupported_format', { what: 'envelope', version })
  }
  return suite
}

function associatedData(header: Uint8Array, context: EnvelopeContext): Uint8Array {
  const { kind, storeId, personId, recordType = 0, recordId = '', layout = '' } = context
  return FRAME.begin(9)
    .bytes(header)
    .uint(kind, 1)
    .hex(storeId)
    .hex(personId)
    .uint(recordType, 2)
    .text(recordId)
    .uint(context.accessClass, 2)
    .hex(layout)
    .uint(context.revision, 8)
    .end()
}

function nameOf(kind: RowKind): string {
  return Object.entries(ROW_KIND).find(([, number]) => number === kind)?.[0] ?? 'row'
}
