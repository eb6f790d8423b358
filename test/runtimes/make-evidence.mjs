/**
 * Prints good evidence as JSON: what the built package signed, and what was signed here to be strange.
 * Runs once, in Node.
 */
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import * as z from 'zod'
import { createPrivity, definePolicy, definePurposes, defineRecord, localKeys } from 'privity'
import { memoryStore } from 'privity/memory'
import { parseCheckpoint } from 'privity/verify'

/** The neutral point, and a signature that fits every message when it is the key. */
const NEUTRAL = Buffer.from([1, ...new Uint8Array(31)])
const NEUTRAL_SIGNATURE = Buffer.concat([NEUTRAL, Buffer.alloc(32)])
/** Order of the group that Ed25519 signatures are made in (RFC 8032 section 5.1). */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
const SECONDS = 1_800_000_000n
const RECEIPT = 'privity-receipt+jws'

const [key, other, witness] = ['log', 'other', 'witness'].map(createKey)
const privity = await createPrivity({
  policy: policyOf(),
  store: memoryStore(),
  keys: localKeys(new Uint8Array(32).fill(7)),
})
const { stays, ...documents } = await consentAndErasure()
const checkpoint = await privity.ledger.checkpoint()
const bundle = await collect(privity.ledger.export({ subjects: [stays], disclose: ['controller'] }))
const { jwks, verifierKeys } = privity.ledger.publicKeys
const head = parseCheckpoint(checkpoint)
process.stdout.write(
  JSON.stringify({
    ...documents,
    jwks,
    otherJwks: { keys: [other.jwk] },
    signed: [...strangeTokens(), weakToken()],
    weak: [hollowSignature()],
    checkpoint,
    origin: privity.ledger.origin,
    bundle: bundle.toString('base64'),
    vkeys: verifierKeys,
    otherVkey: vkeyOf(other, 1),
    notes: {
      read: `${privity.ledger.origin} ${head.size} ${Buffer.from(head.root).toString('hex')}`,
      signed: strangeNotes(),
    },
  }),
)
await privity.close()

async function consentAndErasure() {
  const { id } = await privity.subjects.register({ jurisdiction: 'NL' })
  const texts = { en: 'We send you offers by e-mail, if you agree.' }
  const notice = await privity.notices.publish({ id: 'privacy', version: '1', texts })
  const { servedId } = await privity.notices.serve(notice, { subjectId: id, language: 'en' })
  const method = { channel: 'web', control: 'checkbox', servedId }
  const given = await privity.consent.give(id, { purposes: ['marketing'], notice, method })
  const { id: stays } = await privity.subjects.register({ jurisdiction: 'BE' })
  const marketing = privity.accessor({
    purpose: 'marketing',
    actor: { id: 'staff:1', roles: ['marketer'] },
  })
  await privity.consent.give(stays, {
    purposes: ['marketing'],
    notice,
    method: { channel: 'paper' },
  })
  await marketing.contact.create(stays, { name: 'Anna' })
  await marketing.contact.read(stays)
  return {
    stays,
    receipt: given.receipt,
    receipts: await privity.consent.bundle(id),
    certificate: await privity.erasure.erase(id, { reason: 'subject_request' }),
  }
}

async function collect(pieces) {
  const all = []
  for await (const piece of pieces) all.push(piece)
  return Buffer.concat(all)
}

function policyOf() {
  const purposes = definePurposes({
    marketing: { basis: 'consent', description: 'Send you offers by e-mail' },
  })
  const contact = defineRecord(purposes, ({ field }) => ({
    name: field(z.string(), { purposes: ['marketing'] }),
  }))
  return definePolicy({
    controller: { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' },
    purposes,
    records: { contact },
    roles: { marketer: { purposes: ['marketing'] } },
  })
}

/** Rightly signed by a trusted key; all the same most are no receipts. */
function strangeTokens() {
  const keys = [key.jwk]
  const header = { alg: 'EdDSA', typ: RECEIPT, kid: key.jwk.kid }
  const cases = [
    ['named by the newer algorithm name', true, { ...header, alg: 'Ed25519' }, '{"a":1}'],
    ['of no type', false, { alg: 'EdDSA', kid: key.jwk.kid }, '{"a":1}'],
    ['of no key', false, { alg: 'EdDSA', typ: RECEIPT }, '{"a":1}'],
    ['signed and critical', false, { ...header, crit: ['exp'], exp: 1 }, '{"a":1}'],
    ['that is an array', false, header, '[1]'],
    ['that is null', false, header, 'null'],
    ['that is no JSON', false, header, 'a'],
    ['that is empty JSON text', false, header, ''],
    ['with members out of order', false, header, '{"b":1,"a":1}'],
    ['with a member twice', false, header, '{"a":1,"a":1}'],
    ['with spaces', false, header, '{"a": 1}'],
    ['with a number spelled otherwise', false, header, '{"a":1.0}'],
    ['with minus zero', false, header, '{"a":-0}'],
    ['with a lone surrogate', false, header, '{"a":"\\ud800"}'],
    ['with a byte order mark', false, header, '\ufeff{"a":1}'],
    ['with bytes that are no UTF-8', false, header, Buffer.from('7b2261223a22ff227d', 'hex')],
    ['of a huge number', false, header, '{"a":1e400}'],
    ['nested too deep', false, header, `${'['.repeat(100)}${']'.repeat(100)}`],
  ]
  return cases.map(([name, good, head, payload]) => ({
    name,
    good,
    token: signToken(key, head, payload),
    keys,
  }))
}

/** Signed by nobody, for a key that should never have been trusted. */
function weakToken() {
  const jwk = { ...key.jwk, x: NEUTRAL.toString('base64url'), kid: 'weak' }
  const parts = [JSON.stringify({ alg: 'EdDSA', typ: RECEIPT, kid: 'weak' }), '{"a":1}']
  const text = parts.map((part) => Buffer.from(part).toString('base64url')).join('.')
  const token = `${text}.${NEUTRAL_SIGNATURE.toString('base64url')}`
  return { name: 'under the neutral point', good: false, token, keys: [jwk] }
}

/** Signed with the nonce zero: it tells the secret key to whoever reads it. */
function hollowSignature() {
  const { d } = key.privateKey.export({ format: 'jwk' })
  const expanded = createHash('sha512').update(Buffer.from(d, 'base64url')).digest().subarray(0, 32)
  expanded[0] &= 248
  expanded[31] = (expanded[31] & 127) | 64
  const message = Buffer.from('hollow')
  const hash = createHash('sha512').update(NEUTRAL).update(key.bytes).update(message).digest()
  const scalar = (fromLittleEndian(hash) * fromLittleEndian(expanded)) % ORDER
  const hex = scalar.toString(16).padStart(64, '0')
  const signature = Buffer.concat([NEUTRAL, Buffer.from(hex, 'hex').reverse()])
  return {
    name: 'signature without a nonce',
    good: false,
    publicKey: key.bytes.toString('hex'),
    message: message.toString('hex'),
    signature: signature.toString('hex'),
  }
}

function fromLittleEndian(bytes) {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
}

function strangeNotes() {
  const name = privity.ledger.origin
  const text = `${name}\n3\n${Buffer.alloc(32, 1).toString('base64')}\n`
  const log = lineOf(key, 1, sign(null, Buffer.from(text), key.privateKey))
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(SECONDS)
  const seen = sign(
    null,
    Buffer.from(`cosignature/v1\ntime ${SECONDS}\n${text}`),
    witness.privateKey,
  )
  const cosigned = lineOf(witness, 4, Buffer.concat([time, seen]))
  const late = Buffer.from(time)
  late[7] += 1
  const misdated = lineOf(witness, 4, Buffer.concat([late, seen]))
  const untimed = lineOf(witness, 4, sign(null, Buffer.from(text), witness.privateKey))
  const forged = lineOf(key, 1, sign(null, Buffer.from(text), other.privateKey))
  const keys = [vkeyOf(key, 1), vkeyOf(witness, 4)]
  const cases = [
    ['by its log alone', true, [log]],
    ['by its witness alone', true, [cosigned]],
    ['by log and witness', true, [log, cosigned]],
    ['by one line twice', true, [log, log]],
    ['by a stranger too', true, [log, lineOf(other, 1, Buffer.alloc(64))]],
    ['by a stranger only', false, [lineOf(other, 1, Buffer.alloc(64))]],
    ['by another in the name of the log', false, [forged]],
    ['rightly and falsely', false, [log, forged]],
    ['falsely by the witness', false, [log, misdated]],
    ['by a witness without a time', false, [log, untimed]],
    ['by half a signature', false, [lineOf(key, 1, Buffer.alloc(32))]],
  ]
  return cases.map(([signer, good, lines]) => ({
    name: `signed ${signer}`,
    good,
    note: `${text}\n${lines.join('')}`,
    keys,
  }))
}

function createKey(name) {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const { x } = publicKey.export({ format: 'jwk' })
  return {
    name: `example.com/${name}`,
    privateKey,
    bytes: Buffer.from(x, 'base64url'),
    jwk: { kty: 'OKP', crv: 'Ed25519', x, kid: name, alg: 'EdDSA', use: 'sig' },
  }
}

function signToken({ privateKey }, header, payload) {
  const parts = [JSON.stringify(header), payload]
  const text = parts.map((part) => Buffer.from(part).toString('base64url')).join('.')
  return `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`
}

function lineOf(signer, type, signature) {
  const keyId = Buffer.from(keyIdOf(signer, type), 'hex')
  return `\u2014 ${signer.name} ${Buffer.concat([keyId, signature]).toString('base64')}\n`
}

function vkeyOf(signer, type) {
  const typed = Buffer.concat([Buffer.of(type), signer.bytes]).toString('base64')
  return `${signer.name}+${keyIdOf(signer, type)}+${typed}`
}

function keyIdOf({ name, bytes }, type) {
  const hash = createHash('sha256').update(`${name}\n`).update(Buffer.of(type)).update(bytes)
  return hash.digest('hex').slice(0, 8)
}
