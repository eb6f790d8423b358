import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  sign,
} from 'node:crypto'
import { fixedPkcs8 } from './fixed-key.ts'
import { treeHash } from '../crypto/naive-tree.ts'

/**
 * The bytes of a log, assembled with node:crypto from the description in `about` alone: nothing of
 * src/ledger, src/audit or src/crypto takes part. Texts are UTF-8; everything else is hexadecimal.
 */
export interface LedgerVectorFile {
  readonly about: readonly string[]
  readonly keys: {
    readonly classSecret: string
    readonly signingSeed: number
    readonly random: string
  }
  readonly body: BodyVector
  readonly leaf: { readonly sequence: number; readonly commitment: string; readonly text: string }
  readonly segment: SegmentVector
  readonly head: HeadVector
}

export interface BodyVector {
  readonly place: { readonly index: number; readonly sequence: number; readonly prefix: string }
  readonly at: number
  readonly event: { readonly type: string; readonly jurisdiction: string }
  readonly replaces: string
  readonly put: readonly (readonly [key: string, value: string])[]
  readonly del: readonly string[]
  readonly secret: string
  readonly text: string
  readonly commitment: string
}

export interface SegmentVector {
  readonly writer: number
  readonly index: number
  readonly accesses: readonly AccessVector[]
  readonly salts: readonly string[]
  readonly text: string
  readonly root: string
  readonly leaf: string
}

export interface AccessVector {
  readonly pseudonym: string
  readonly actor: { readonly id: string; readonly roles: readonly string[] }
  readonly purpose: string
  readonly action: 'read' | 'refused'
  readonly record: string
  readonly classes: readonly number[]
  readonly head: number
  readonly at: number
  readonly task?: string
  readonly reasons?: readonly string[]
}

export interface HeadVector {
  readonly origin: string
  readonly leaves: readonly string[]
  readonly at: number
  readonly state: { readonly controllerSequence: number; readonly policy: string }
  readonly note: string
  readonly text: string
}

const ABOUT = [
  'Canonical JSON is RFC 8785; b64url is base64url without padding (RFC 4648 section 5).',
  'Body row, before sealing: 32 random bytes r, then canonical JSON {at, event, index, replaces, rows, sequence, v}.',
  'rows: [key without the tenant prefix, b64url(SHA-256(value)) or null] in the order put, then deleted; replaces: b64url(SHA-256(document)) or null.',
  'Commitment b = HMAC-SHA-256(r, "privity/body/v1" 00, body JSON).',
  'Tag key = HKDF-SHA-256(class secret, no salt, info "privity/envelope/v1/tag", 32 bytes); s = HMAC-SHA-256(tag key, "privity/leaf/v1" 00, sequence in decimal).',
  'Leaf: canonical JSON {b, s, v}, b and s in b64url.',
  'Segment, before sealing: canonical JSON list of entries {action, actor, at, classes, head, purpose, record, roles, salt, subject, v}, and reasons and task where there are any; salt is 16 random bytes in b64url.',
  'Its root: RFC 6962 over the canonical JSON of each entry. Its leaf: b = root, s = HMAC-SHA-256(tag key, 00000003, then each of "privity/segment/v1", writer, index in decimal with its length (4 bytes) before it).',
  'Head row: canonical JSON {at, edge, generation, mac, note, size, state, v}; edge: b64url hashes of the perfect subtrees, largest first; note: C2SP signed note over origin, size, base64(root).',
  'Its mac: b64url(HMAC-SHA-256(tag key, "privity/head/v1" 00, canonical JSON {at, generation, origin, size, state})). In generation n > 0 the note has the origin with "/restored/n" behind it.',
]

const CLASS_SECRET = filler('class secret', 32)
const PREFIX = '0123456789abcdef/'
const PERSON = 'f0e1d2c3b4a5968778695a4b3c2d1e0f'
const SIGNING_SEED = 7

/** What stands in test/vectors/ledger-v1.json. */
export function ledgerVectors(): LedgerVectorFile {
  const body = bodyVector()
  const commitment = body.commitment
  return {
    about: ABOUT,
    keys: {
      classSecret: CLASS_SECRET.toString('hex'),
      signingSeed: SIGNING_SEED,
      random: filler('random', 64).toString('hex'),
    },
    body,
    leaf: { sequence: 12, commitment, text: leafText(12, Buffer.from(commitment, 'hex')) },
    segment: segmentVector(),
    head: headVector(),
  }
}

function bodyVector(): BodyVector {
  const put = [
    [`${PREFIX}p/${PERSON}`, 'the document'],
    [`${PREFIX}p/${PERSON}/o/abc`, ''],
  ] as const
  const del = [`${PREFIX}t/0000/0001/00/${PERSON}/-`]
  const event = { type: 'subject.registered', jurisdiction: 'NL' }
  const rows = [
    ...put.map(([key, value]) => [key.slice(PREFIX.length), b64url(sha256(value))]),
    ...del.map((key) => [key.slice(PREFIX.length), null]),
  ]
  const replaces = 'the document before'
  // The members stand here in the order that RFC 8785 gives them.
  const text = JSON.stringify({
    at: 1_795_251_600_000,
    event: { jurisdiction: event.jurisdiction, type: event.type },
    index: 4_711,
    replaces: b64url(sha256(replaces)),
    rows,
    sequence: 12,
    v: 1,
  })
  const secret = filler('random', 64).subarray(0, 32)
  const commitment = hmac(secret, Buffer.from('privity/body/v1\0'), Buffer.from(text))
  return {
    place: { index: 4_711, sequence: 12, prefix: PREFIX },
    at: 1_795_251_600_000,
    event,
    replaces,
    put,
    del,
    secret: secret.toString('hex'),
    text,
    commitment: commitment.toString('hex'),
  }
}

function leafText(sequence: number, commitment: Buffer): string {
  const tag = hmac(tagKey(), Buffer.from('privity/leaf/v1\0'), Buffer.from(String(sequence)))
  return JSON.stringify({ b: b64url(commitment), s: b64url(tag), v: 1 })
}

const ACCESSES: readonly AccessVector[] = [
  {
    pseudonym: 'q83vASNFZ4mrze8BI0VniQ',
    actor: { id: 'staff:ida', roles: ['agent', 'boss'] },
    purpose: 'support',
    action: 'read',
    record: 'contact',
    classes: [1, 2],
    head: 5,
    at: 1_795_251_600_001,
    task: 'ticket-7',
  },
  {
    pseudonym: 'AAECAwQFBgcICQoLDA0ODw',
    actor: { id: 'staff:bo', roles: [] },
    purpose: 'marketing',
    action: 'refused',
    record: 'contact',
    classes: [],
    head: 6,
    at: 1_795_251_600_002,
    reasons: ['role', 'not_asked'],
  },
]

function segmentVector(): SegmentVector {
  const random = filler('random', 64)
  const salts = ACCESSES.map((_, index) => random.subarray(index * 16, index * 16 + 16))
  const entries = ACCESSES.map((access, index) => entryText(access, salts[index]))
  const root = Buffer.from(treeHash(entries.map((entry) => Buffer.from(entry))))
  const [writer, index] = [3, 41]
  const parts = ['privity/segment/v1', String(writer), String(index)].map((it) => Buffer.from(it))
  const message = Buffer.concat([u32(parts.length), ...parts.flatMap((it) => [u32(it.length), it])])
  return {
    writer,
    index,
    accesses: ACCESSES,
    salts: salts.map((salt) => salt.toString('hex')),
    text: `[${entries.join(',')}]`,
    root: root.toString('hex'),
    leaf: JSON.stringify({ b: b64url(root), s: b64url(hmac(tagKey(), message)), v: 1 }),
  }
}

function entryText(access: AccessVector, salt: Buffer | undefined): string {
  const { action, actor, at, classes, head, purpose, reasons, record, task } = access
  return JSON.stringify({
    action,
    actor: actor.id,
    at,
    classes,
    head,
    purpose,
    ...(reasons === undefined ? {} : { reasons }),
    record,
    roles: actor.roles,
    salt: b64url(salt ?? Buffer.alloc(0)),
    subject: access.pseudonym,
    ...(task === undefined ? {} : { task }),
    v: 1,
  })
}

function headVector(): HeadVector {
  const origin = 'privity/00112233445566778899aabbccddeeff'
  const leaves = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((it) => `leaf ${it}`)
  const bytes = leaves.map((leaf) => Buffer.from(leaf))
  const edge = [bytes.slice(0, 4), bytes.slice(4, 6), bytes.slice(6)].map((it) =>
    b64url(Buffer.from(treeHash(it))),
  )
  const signed = `${origin}\n7\n${Buffer.from(treeHash(bytes)).toString('base64')}\n`
  const note = `${signed}\n— ${origin} ${signature(origin, signed)}\n`
  const state = { controllerSequence: 3, policy: 'sha256:abc' }
  const [at, generation, size] = [1_795_251_600_003, 0, 7]
  const beside = JSON.stringify({ at, generation, origin, size, state })
  const mac = b64url(hmac(tagKey(), Buffer.from('privity/head/v1\0'), Buffer.from(beside)))
  const text = JSON.stringify({ at, edge, generation, mac, note, size, state, v: 1 })
  return { origin, leaves, at, state, note, text }
}

/** Key id and signature as a signature line holds them (c2sp.org/signed-note). */
function signature(name: string, text: string): string {
  const der = Buffer.from(fixedPkcs8(SIGNING_SEED))
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  const typed = Buffer.concat([Buffer.from([1]), spki.subarray(-32)])
  const keyId = createHash('sha256').update(`${name}\n`).update(typed).digest().subarray(0, 4)
  return Buffer.concat([keyId, sign(null, Buffer.from(text), key)]).toString('base64')
}

function tagKey(): Buffer {
  const info = 'privity/envelope/v1/tag'
  return Buffer.from(hkdfSync('sha256', CLASS_SECRET, Buffer.alloc(0), info, 32))
}

function hmac(key: Buffer, ...parts: readonly Buffer[]): Buffer {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function b64url(bytes: Buffer): string {
  return bytes.toString('base64url')
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Bytes without a pattern that are the same every time. */
function filler(label: string, length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, block) =>
    createHmac('sha256', 'privity test vectors').update(`${label} ${block}`).digest(),
  )
  return Buffer.concat(blocks).subarray(0, length)
}
