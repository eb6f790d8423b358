import { compactDecrypt } from 'jose'
import { fromBase64url, fromUtf8 } from '../base/bytes.ts'
import type { JsonValue } from '../base/canonical.ts'
import { hasMembers } from '../base/json-shape.ts'
import type { FormKey } from './form-key.ts'

/** A compact JWE of the one shape that is taken here; nothing is decrypted yet. */
export interface ParsedJwe {
  readonly compact: string
  /** Names the key that it was sealed to. */
  readonly kid: string
}

const ALG = 'ECDH-ES'
const ENC = 'A256GCM'
const IV_BYTES = 12
const TAG_BYTES = 16
const ALLOWED = { keyManagementAlgorithms: [ALG], contentEncryptionAlgorithms: [ENC] }

/** Reads a compact JWE; undefined for any other algorithm, type, member or spelling. */
export function parseJwe(compact: string, typ: string): ParsedJwe | undefined {
  const [encodedHeader = '', ...parts] = compact.split('.')
  // One spelling of the same bytes each: else a sealed text could be changed and still open.
  const [encryptedKey, iv, ciphertext, tag] = parts.map(fromBase64url)
  if (parts.length !== 4 || encryptedKey?.length !== 0 || ciphertext === undefined) return undefined
  if (iv?.length !== IV_BYTES || tag?.length !== TAG_BYTES) return undefined
  // All that a header may say: no `zip`, `crit` or `apu`, and no key but the ephemeral one.
  const header = parseHeader(encodedHeader)
  if (!hasMembers(header, 5) || !isPoint(header['epk'])) return undefined
  const { alg, enc, kid } = header
  // Chosen here and not by the header: RFC 8725 section 3.1.
  if (alg !== ALG || enc !== ENC || header['typ'] !== typ) return undefined
  return typeof kid === 'string' ? { compact, kid } : undefined
}

/** The plaintext; undefined when it was altered, or sealed to another key. */
export async function openJwe(
  { compact }: ParsedJwe,
  { jwk, d }: FormKey,
): Promise<Uint8Array | undefined> {
  const { kty, crv, x, y } = jwk
  try {
    const { plaintext } = await compactDecrypt(compact, { kty, crv, x, y, d }, ALLOWED)
    return plaintext
  } catch {
    // What the platform says may quote the key.
    return undefined
  }
}

function parseHeader(encoded: string): JsonValue | undefined {
  const bytes = fromBase64url(encoded)
  const text = bytes === undefined ? undefined : fromUtf8(bytes)
  try {
    return JSON.parse(text ?? '') as JsonValue
  } catch {
    return undefined
  }
}

function isPoint(epk: JsonValue | undefined): boolean {
  if (!hasMembers(epk, 4)) return false
  const { kty, crv, x, y } = epk
  return kty === 'EC' && crv === 'P-256' && typeof x === 'string' && typeof y === 'string'
}
