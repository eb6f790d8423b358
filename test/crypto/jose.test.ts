import fc from 'fast-check'
import { CompactSign, importJWK } from 'jose'
import { beforeAll, expect, test } from 'vitest'
import { fromBase64url, toBase64url, utf8 } from '../../src/base/bytes.ts'
import { canonicalJson, type JsonObject } from '../../src/base/canonical.ts'
import { signJws, toJwk } from '../../src/crypto/jose.ts'
import { type Jwks, verifyJws } from '../../src/crypto/verify-jws.ts'
import { importPrivateKey } from '../../src/crypto/private-key.ts'
import { generateSigningKey } from '../../src/crypto/signature.ts'
import { rfcVectors } from './vectors.ts'

fc.configureGlobal({ seed: 20_261_121 })

const TYP = 'privity-receipt+jws'
const PAYLOAD: JsonObject = { id: 'a1', purposes: ['support'], at: '2026-11-21T00:00:00.000Z' }

interface Signer {
  readonly publicKey: Uint8Array
  readonly pkcs8: Uint8Array
  readonly jwk: Awaited<ReturnType<typeof toJwk>>
}
let signer: Signer
let other: Signer
let jwks: Jwks
let jws: string

async function newSigner(): Promise<Signer> {
  const { key, secret } = await generateSigningKey()
  return { publicKey: key.publicKey, pkcs8: secret, jwk: await toJwk(key.publicKey) }
}

beforeAll(async () => {
  signer = await newSigner()
  other = await newSigner()
  jwks = { keys: [other.jwk, signer.jwk] }
  jws = await signJws({ payload: PAYLOAD, typ: TYP, pkcs8: signer.pkcs8 })
})

/** A JWS with any header, over any payload, properly signed. */
async function signed(header: object, payload: Uint8Array = utf8(canonicalJson(PAYLOAD))) {
  const { handle } = await importPrivateKey(signer.pkcs8)
  const protectedHeader = { alg: 'EdDSA', typ: TYP, kid: signer.jwk.kid, ...header }
  return new CompactSign(payload).setProtectedHeader(protectedHeader).sign(handle)
}

test('the key id is the thumbprint of RFC 8037', async () => {
  const { thumbprint } = rfcVectors()['rfc8037_A3'] ?? {}
  const x = fromBase64url('11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo') ?? new Uint8Array(0)
  expect(await toJwk(x)).toEqual({
    kty: 'OKP',
    crv: 'Ed25519',
    x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
    kid: thumbprint,
    alg: 'EdDSA',
    use: 'sig',
  })
})

test('gives back the payload and the key that signed it', async () => {
  expect(await verifyJws(jws, { typ: TYP, jwks })).toEqual({
    ok: true,
    payload: PAYLOAD,
    kid: signer.jwk.kid,
  })
})

test('the header says algorithm, kind and key, and nothing else', () => {
  const header = JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString())
  expect(header).toEqual({ alg: 'EdDSA', typ: TYP, kid: signer.jwk.kid })
})

test('the payload is canonical JSON, so one document has one signature', async () => {
  const reordered = Object.fromEntries(Object.entries(PAYLOAD).reverse())
  expect(await signJws({ payload: reordered, typ: TYP, pkcs8: signer.pkcs8 })).toBe(jws)
  expect(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()).toBe(canonicalJson(PAYLOAD))
})

test('any payload comes back as it was', async () => {
  const payload = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }))
  await fc.assert(
    fc.asyncProperty(payload, async (value) => {
      const json: JsonObject = JSON.parse(canonicalJson(value))
      const text = await signJws({ payload: json, typ: TYP, pkcs8: signer.pkcs8 })
      expect(await verifyJws(text, { typ: TYP, jwks })).toMatchObject({ ok: true, payload: json })
    }),
    { numRuns: 50 },
  )
})

test('a change of any one character is refused', async () => {
  for (let at = 0; at < jws.length; at += 1) {
    const swapped = jws.charAt(at) === 'A' ? 'B' : 'A'
    const altered = jws.slice(0, at) + swapped + jws.slice(at + 1)
    expect((await verifyJws(altered, { typ: TYP, jwks })).ok, `at ${at}`).toBe(false)
  }
})

test('a dropped or added character is refused', async () => {
  for (let at = 0; at < jws.length; at += 1) {
    const shorter = jws.slice(0, at) + jws.slice(at + 1)
    expect((await verifyJws(shorter, { typ: TYP, jwks })).ok, `at ${at}`).toBe(false)
    const longer = `${jws.slice(0, at)}A${jws.slice(at)}`
    expect((await verifyJws(longer, { typ: TYP, jwks })).ok, `at ${at}`).toBe(false)
  }
})

test('another kind of document does not pass, even from the same key', async () => {
  expect(await verifyJws(jws, { typ: 'privity-certificate+jws', jwks })).toEqual({
    ok: false,
    reason: 'wrong_typ',
  })
})

test('a key outside the set is not trusted', async () => {
  const stranger = await newSigner()
  const foreign = await signJws({ payload: PAYLOAD, typ: TYP, pkcs8: stranger.pkcs8 })
  const verdict = await verifyJws(foreign, { typ: TYP, jwks })
  expect(verdict).toEqual({ ok: false, reason: 'unknown_key' })
})

test('a signature of one key does not pass under the id of another', async () => {
  const forged = await signed({ kid: other.jwk.kid })
  const verdict = await verifyJws(forged, { typ: TYP, jwks })
  expect(verdict).toEqual({ ok: false, reason: 'bad_signature' })
})

test('a set that names one id twice is not trusted for it', async () => {
  const keys = [signer.jwk, { ...other.jwk, kid: signer.jwk.kid }]
  const verdict = await verifyJws(jws, { typ: TYP, jwks: { keys } })
  expect(verdict).toEqual({ ok: false, reason: 'unknown_key' })
})

test('a key embedded in the header is not used', async () => {
  const stranger = await newSigner()
  const { handle } = await importPrivateKey(stranger.pkcs8)
  const { kty, crv, x } = stranger.jwk
  const header = { alg: 'EdDSA', typ: TYP, kid: stranger.jwk.kid, jwk: { kty, crv, x } }
  const forged = await new CompactSign(utf8('{}')).setProtectedHeader(header).sign(handle)
  expect(await verifyJws(forged, { typ: TYP, jwks })).toEqual({ ok: false, reason: 'unknown_key' })
})

test('both names of the algorithm are good', async () => {
  const text = await signed({ alg: 'Ed25519' })
  expect(await verifyJws(text, { typ: TYP, jwks })).toMatchObject({ ok: true })
  const keys = [{ ...signer.jwk, alg: 'Ed25519' }]
  expect(await verifyJws(jws, { typ: TYP, jwks: { keys } })).toMatchObject({ ok: true })
})

test('no algorithm but Ed25519 is accepted, least of all none', async () => {
  const [, payload = '', signature = ''] = jws.split('.')
  for (const alg of ['none', 'None', 'HS256', 'ES256', 'RS256', 'eddsa', 'ML-DSA-44', '']) {
    const header = toBase64url(utf8(JSON.stringify({ alg, typ: TYP, kid: signer.jwk.kid })))
    for (const proof of [signature, '']) {
      const verdict = await verifyJws(`${header}.${payload}.${proof}`, { typ: TYP, jwks })
      expect(verdict).toEqual({ ok: false, reason: 'wrong_algorithm' })
    }
  }
})

test('the public key is no HMAC secret', async () => {
  const secret = await importJWK({ kty: 'oct', k: signer.jwk.x }, 'HS256')
  const header = { alg: 'HS256', typ: TYP, kid: signer.jwk.kid }
  const forged = await new CompactSign(utf8('{}')).setProtectedHeader(header).sign(secret)
  const verdict = await verifyJws(forged, { typ: TYP, jwks })
  expect(verdict).toEqual({ ok: false, reason: 'wrong_algorithm' })
})

test.each([
  ['a repeated name', '{"a":1,"a":2}'],
  ['white space', '{"a": 1}'],
  ['a list', '[]'],
  ['a text', '"a"'],
  ['null', 'null'],
  ['no JSON', 'a'],
  ['nothing', ''],
])('a payload with %s is malformed, however well signed', async (_, payload) => {
  const text = await signed({}, utf8(payload))
  expect(await verifyJws(text, { typ: TYP, jwks })).toEqual({ ok: false, reason: 'malformed' })
})

test('critical extensions are refused, the unencoded payload too', async () => {
  const [, payload = '', signature = ''] = jws.split('.')
  for (const extra of [{ crit: ['b64'], b64: false }, { crit: ['exp'], exp: 1 }, { crit: [] }]) {
    const header = { alg: 'EdDSA', typ: TYP, kid: signer.jwk.kid, ...extra }
    const text = `${toBase64url(utf8(JSON.stringify(header)))}.${payload}.${signature}`
    expect(await verifyJws(text, { typ: TYP, jwks })).toEqual({ ok: false, reason: 'malformed' })
  }
})

test.each<[string, object]>([
  ['no id', { kid: undefined }],
  ['another type', { kty: 'EC' }],
  ['another curve', { crv: 'X25519' }],
  ['another use', { use: 'enc' }],
  ['another algorithm', { alg: 'ES256' }],
  ['an algorithm that is no text', { alg: 7 }],
  ['no coordinate', { x: undefined }],
  ['a coordinate that is no text', { x: 7 }],
])('a trusted key with %s is passed over', async (_, change) => {
  const keys = [{ ...signer.jwk, ...change }]
  const verdict = await verifyJws(jws, { typ: TYP, jwks: { keys } })
  expect(verdict).toEqual({ ok: false, reason: 'unknown_key' })
})

test('a trusted key whose coordinate is too short verifies nothing', async () => {
  const keys = [{ ...signer.jwk, x: 'AAAA' }]
  expect((await verifyJws(jws, { typ: TYP, jwks: { keys } })).ok).toBe(false)
})

test('a header without kind or key is refused', async () => {
  const { handle } = await importPrivateKey(signer.pkcs8)
  const bare = await new CompactSign(utf8('{}')).setProtectedHeader({ alg: 'EdDSA' }).sign(handle)
  expect(await verifyJws(bare, { typ: TYP, jwks })).toEqual({ ok: false, reason: 'wrong_typ' })
  const typed = { alg: 'EdDSA', typ: TYP }
  const nameless = await new CompactSign(utf8('{}')).setProtectedHeader(typed).sign(handle)
  expect(await verifyJws(nameless, { typ: TYP, jwks })).toEqual({ ok: false, reason: 'malformed' })
})

test('a key id that is no text names no key', async () => {
  const [, payload = '', signature = ''] = jws.split('.')
  const header = toBase64url(utf8(JSON.stringify({ alg: 'EdDSA', typ: TYP, kid: 7 })))
  const keys = [{ ...signer.jwk, kid: 7 }]
  const verdict = await verifyJws(`${header}.${payload}.${signature}`, { typ: TYP, jwks: { keys } })
  expect(verdict).toEqual({ ok: false, reason: 'malformed' })
})

const throwing = new Proxy(
  {},
  {
    get: () => {
      throw new TypeError('hostile')
    },
  },
)

test('nothing makes it throw', async () => {
  const texts: readonly unknown[] = ['', '.', '..', '...', 'a.b.c', '{}', undefined, null, 7, {}]
  for (const text of texts) {
    const verdict = await verifyJws(text as string, { typ: TYP, jwks })
    expect(verdict).toEqual({ ok: false, reason: 'malformed' })
  }
  const sets: readonly unknown[] = [undefined, {}, { keys: [null] }, { keys: [throwing] }, throwing]
  for (const set of sets) {
    expect((await verifyJws(jws, { typ: TYP, jwks: set as Jwks })).ok).toBe(false)
  }
  await fc.assert(
    fc.asyncProperty(fc.string(), async (text) => {
      expect((await verifyJws(text, { typ: TYP, jwks })).ok).toBe(false)
    }),
  )
})

test('opens the JWS of RFC 8037 no further than its missing kind', async () => {
  const { jws: published = '' } = rfcVectors()['rfc8037_A4'] ?? {}
  const verdict = await verifyJws(published, { typ: TYP, jwks })
  expect(verdict).toEqual({ ok: false, reason: 'wrong_typ' })
})

test('signs no payload that is not JSON, and with no key that is none', async () => {
  const wrong = JSON.parse('{"a":1e400}')
  await expect(signJws({ payload: wrong, typ: TYP, pkcs8: signer.pkcs8 })).rejects.toMatchObject({
    code: 'invalid_input',
  })
  await expect(signJws({ payload: {}, typ: TYP, pkcs8: new Uint8Array(48) })).rejects.toMatchObject(
    { code: 'key_unreadable' },
  )
})
