import { CompactSign, calculateJwkThumbprint } from 'jose'
import { toBase64url } from '../base/bytes.ts'
import { canonicalBytes, type JsonObject } from '../base/canonical.ts'
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

/** What to sign. */
export interface SignJwsInput {
  readonly payload: JsonObject
  /** Names the kind of document, so that one kind cannot pass for another. */
  readonly typ: string
  /** The Ed25519 private key, never to change: what was read from it is kept with it. */
  readonly pkcs8: Uint8Array
}

/** One key signs every receipt, and reading it costs 50 µs and more. */
const SIGNERS = /* @__PURE__ */ new WeakMap<Uint8Array, Signer>()

type Signer = Pick<PrivateKey, 'handle'> & Pick<PublicJwk, 'alg' | 'kid'>

/** Writes a public key of 32 bytes as a JSON Web Key. */
export async function toJwk(publicKey: Uint8Array): Promise<PublicJwk> {
  const key = { kty: 'OKP', crv: 'Ed25519', x: toBase64url(publicKey) } as const
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

async function signerOf(pkcs8: Uint8Array): Promise<Signer> {
  const known = SIGNERS.get(pkcs8)
  if (known !== undefined) return known
  const { handle, publicKey } = await importPrivateKey(pkcs8)
  const { alg, kid } = await toJwk(publicKey)
  const signer = { handle, alg, kid }
  SIGNERS.set(pkcs8, signer)
  return signer
}
