import { fromBase64url, fromUtf8, utf8 } from '../base/bytes.ts'
import type { JsonObject } from '../base/canonical.ts'
import { isJsonObject } from '../base/json-shape.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { verifySignature } from './signature.ts'

/** Keys that a verifier trusts (RFC 7517). */
export interface Jwks {
  /** In any order; `ledger.publicKeys` has the newest first. */
  readonly keys: readonly object[]
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
const ALGORITHMS: readonly unknown[] = ['EdDSA', 'Ed25519']
const POINT_BYTES = 32

/** The three parts of a compact JWS, decoded. */
interface Compact {
  readonly header: { readonly [name: string]: unknown }
  readonly payload: Uint8Array
  readonly signature: Uint8Array
  readonly signed: Uint8Array
}

/**
 * Checks a compact JWS (RFC 7515) against trusted keys and gives its payload; never throws. It has one
 * spelling; the payload must be a canonical JSON object, `typ` must be the one asked for, and `kid` must name
 * exactly one trusted key.
 */
export async function verifyJws(jws: string, trust: VerifyJwsInput): Promise<JwsVerdict> {
  try {
    const compact = parseCompact(jws)
    if (compact === undefined) return refused('malformed')
    const { alg, typ, kid, crit } = compact.header
    // Chosen here and not by the header: RFC 8725 section 3.1.
    if (!ALGORITHMS.includes(alg)) return refused('wrong_algorithm')
    if (typ !== trust.typ) return refused('wrong_typ')
    if (crit !== undefined || typeof kid !== 'string') return refused('malformed')
    const publicKey = findKey(trust.jwks, kid)
    if (publicKey === undefined) return refused('unknown_key')
    const { signed: message, signature, payload } = compact
    if (!(await verifySignature({ publicKey, message, signature }))) return refused('bad_signature')
    const value = parseCanonical(payload)
    return isJsonObject(value) ? { ok: true, payload: value, kid } : refused('malformed')
  } catch {
    return refused('malformed')
  }
}

/** Who is trusted to have signed a document, and about whom it must be. */
export interface DocumentTrust {
  /** Public keys of the app. */
  readonly jwks: Jwks
  /** Id of the person whose paper it must be. Default: that of anybody will do. */
  readonly subjectId?: string
}

/** What a document must be. */
export interface DocumentCheck {
  readonly typ: string
  readonly trust: DocumentTrust
}

/** Judges what {@link verifyJws} gives; a document that cannot be judged is refused. */
export async function verifyDocument<V>(
  jws: string,
  { typ, trust }: DocumentCheck,
  judge: (payload: JsonObject) => V | Promise<V>,
): Promise<V | { readonly ok: false; readonly reason: JwsReason | 'other_person' }> {
  try {
    const verdict = await verifyJws(jws, { typ, jwks: { keys: [...trust.jwks.keys] } })
    if (!verdict.ok) return verdict
    const { ref = null } = Object(verdict.payload['subject'])
    // Its value decides, also where a caller of JavaScript has none to give.
    if ('subjectId' in trust && trust.subjectId !== ref) return refused('other_person')
    return await judge(verdict.payload)
  } catch {
    // No keys, or none that can be read: nothing is trusted.
    return refused('unknown_key')
  }
}

function refused<R extends string>(reason: R): { readonly ok: false; readonly reason: R } {
  return { ok: false, reason }
}

/** Base64url without stray bits at the end, and a header without a member twice: nothing has two spellings. */
function parseCompact(jws: string): Compact | undefined {
  const texts = jws.split('.')
  if (texts.length !== 3) return undefined
  const [head, payload, signature] = texts.map(fromBase64url)
  const text = head === undefined ? undefined : fromUtf8(head)
  if (text === undefined || payload === undefined || signature === undefined) return undefined
  const header: unknown = JSON.parse(text)
  if (JSON.stringify(header) !== text) return undefined
  const signed = utf8(jws.slice(0, jws.lastIndexOf('.')))
  return { header: Object(header), payload, signature, signed }
}

function findKey(jwks: Jwks, kid: string): Uint8Array | undefined {
  const found = jwks.keys.map(readKey).filter((key) => key?.kid === kid)
  return found.length === 1 ? found[0]?.publicKey : undefined
}

function readKey(
  jwk: object,
): { readonly kid: unknown; readonly publicKey: Uint8Array } | undefined {
  const {
    kty,
    crv,
    x,
    kid,
    use = 'sig',
    alg = 'EdDSA',
  } = jwk as { readonly [name: string]: unknown }
  if (kty !== 'OKP' || crv !== 'Ed25519' || use !== 'sig') return undefined
  if (!ALGORITHMS.includes(alg) || typeof x !== 'string') return undefined
  const publicKey = fromBase64url(x)
  return publicKey?.length === POINT_BYTES ? { kid, publicKey } : undefined
}
