import { CompactSign, calculateJwkThumbprint, compactVerify, decodeProtectedHeader } from 'jose'
import { fromBase64url, toBase64url } from '../base/bytes.ts'
import {
  canonicalBytes,
  type JsonObject,
  type JsonValue,
  parseCanonical,
} from '../base/canonical.ts'
import { importPrivateKey, type PrivateKey } from './private-key.ts'

/** The public half of a signing key as a JSON Web Key (RFC 8037). */
export interface PublicJwk {
  readonly kty: 'OKP'
  readonly crv: 'Ed25519'
  readonly x: string
  /** The thumbprint of the key (RFC 7638). */
  readonly kid: string
  readonly alg: 'EdDSA'
  readonly use: 'sig'
}

/** Keys that a verifier trusts (RFC 7517). */
export interface Jwks {
  readonly keys: readonly object[]
}

/** What to sign. */
export interface SignJwsInput {
  readonly payload: JsonObject
  /** Names the kind of document, so that one kind cannot pass for another. */
  readonly typ: string
  /** The Ed25519 private key, never to change: what was read from it is kept with it. */
  readonly pkcs8: Uint8Array
}

/** What a JWS is held against. */
export interface VerifyJwsInput {
  readonly typ: string
  readonly jwks: Jwks
}

/** Why a JWS was refused. */
export type JwsReason =
  | 'malformed'
  | 'wrong_typ'
  | 'wrong_algorithm'
  | 'unknown_key'
  | 'bad_signature'

/** The payload and the key that signed it, or why it was refused. */
export type JwsVerdict =
  | { readonly ok: true; readonly payload: JsonObject; readonly kid: string }
  | { readonly ok: false; readonly reason: JwsReason }

// RFC 9864 names `Ed25519` what RFC 8037 called `EdDSA`; with this kind of key they are one.
const ALGORITHMS: readonly string[] = ['EdDSA', 'Ed25519']

/** One key signs every receipt, and reading it costs 50 µs and more. */
const SIGNERS = /* @__PURE__ */ new WeakMap<Uint8Array, Signer>()

type Signer = Pick<PrivateKey, 'handle'> & Pick<PublicJwk, 'alg' | 'kid'>
type Okp = Pick<PublicJwk, 'kty' | 'crv' | 'x'>
type UntrustedJwk = { readonly [K in keyof PublicJwk]?: unknown }

/** Writes a public key of 32 bytes as a JSON Web Key. */
export async function toJwk(publicKey: Uint8Array): Promise<PublicJwk> {
  const key = okp(toBase64url(publicKey))
  return { ...key, kid: await calculateJwkThumbprint(key), alg: 'EdDSA', use: 'sig' }
}

/**
 * Signs canonical JSON as a compact JWS (RFC 7515) with `alg`, `typ` and `kid`.
 *
 * @throws {@link invalid_input} with `not_json` for a payload that is not JSON.
 * @throws {@link key_unreadable} for bytes that are no Ed25519 private key.
 * @example
 * ```ts
 * const { key, secret } = await generateSigningKey()
 * const jws = await signJws({ payload: { a: 1 }, typ: 'note+jws', pkcs8: secret })
 * const jwks = { keys: [await toJwk(key.publicKey)] }
 * await verifyJws(jws, { typ: 'note+jws', jwks }) // { ok: true, payload: { a: 1 }, kid: '…' }
 * ```
 */
export async function signJws({ payload, typ, pkcs8 }: SignJwsInput): Promise<string> {
  const bytes = canonicalBytes(payload)
  const { handle, alg, kid } = await signerOf(pkcs8)
  return new CompactSign(bytes).setProtectedHeader({ alg, typ, kid }).sign(handle)
}

/**
 * Checks a compact JWS against trusted keys and gives its payload; never throws. The payload
 * must be a canonical JSON object, `typ` must be the one asked for, and `kid` must name exactly
 * one trusted key.
 */
export async function verifyJws(jws: string, trust: VerifyJwsInput): Promise<JwsVerdict> {
  try {
    if (!isCanonicalCompact(jws)) return refused('malformed')
    const { alg, typ, kid, crit } = decodeProtectedHeader(jws)
    // Chosen here and not by the header: RFC 8725 section 3.1.
    if (alg === undefined || !ALGORITHMS.includes(alg)) return refused('wrong_algorithm')
    if (typ !== trust.typ) return refused('wrong_typ')
    if (crit !== undefined || typeof kid !== 'string') return refused('malformed')
    const key = findKey(trust.jwks, kid)
    if (key === undefined) return refused('unknown_key')
    const payload = await verifiedPayload(jws, key)
    if (payload === undefined) return refused('bad_signature')
    const value = parseCanonical(payload)
    return isJsonObject(value) ? { ok: true, payload: value, kid } : refused('malformed')
  } catch {
    return refused('malformed')
  }
}

async function signerOf(pkcs8: Uint8Array): Promise<Signer> {
  const known = SIGNERS.get(pkcs8)
  if (known !== undefined) return known
  const { handle, publicKey } = await importPrivateKey(pkcs8)
  const { alg, kid } = await toJwk(publicKey)
  const signer = { handle, alg, kid }
  SIGNERS.set(pkcs8, signer)
  return signer
}

function refused(reason: JwsReason): JwsVerdict {
  return { ok: false, reason }
}

/** Decoders forgive stray bits at the end, which would give one signature several spellings. */
function isCanonicalCompact(jws: string): boolean {
  const parts = jws.split('.')
  return parts.length === 3 && parts.every((part) => fromBase64url(part) !== undefined)
}

function findKey(jwks: Jwks, kid: string): Okp | undefined {
  const found = jwks.keys.map(readKey).filter((key) => key?.kid === kid)
  return found.length === 1 ? found[0]?.key : undefined
}

function readKey(jwk: object): { readonly kid: unknown; readonly key: Okp } | undefined {
  const { kty, crv, x, kid, use = 'sig', alg = 'EdDSA' }: UntrustedJwk = jwk
  if (kty !== 'OKP' || crv !== 'Ed25519' || use !== 'sig') return undefined
  if (!ALGORITHMS.some((name) => name === alg) || typeof x !== 'string') return undefined
  // Without `alg`: both names of the algorithm are good for either key.
  return { kid, key: okp(x) }
}

function okp(x: string): Okp {
  return { kty: 'OKP', crv: 'Ed25519', x }
}

async function verifiedPayload(jws: string, key: Okp): Promise<Uint8Array | undefined> {
  try {
    return (await compactVerify(jws, key, { algorithms: [...ALGORITHMS] })).payload
  } catch {
    return undefined
  }
}

function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
