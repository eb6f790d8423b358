import { fromBase64 } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { nodeCrypto } from '../base/platform.ts'
import { toPlatform } from './platform-bytes.ts'

/** A public key that checks RSASSA-PKCS1-v1_5 signatures with SHA-256 (RFC 8017, section 8.2). */
export interface RsaKey {
  /** From when to when it may be used, milliseconds; a bare key may be used always. */
  readonly from: number
  readonly until: number
  /** Tells whether the signature is good; false, and never an exception, for whatever is not. */
  verify(message: Uint8Array, signature: Uint8Array): Promise<boolean>
}

const ALGORITHM = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const
/** NIST SP 800-131A: less than 112 bits of strength does not verify. */
const MIN_BITS = 2048
const MAX_BITS = 8192
const PEM = /^\s*-----BEGIN (PUBLIC KEY|CERTIFICATE)-----\s([A-Za-z0-9+/=\s]+)-----END \1-----\s*$/

/** What a text in PEM holds. */
export interface PemBlock {
  readonly label: 'PUBLIC KEY' | 'CERTIFICATE'
  readonly bytes: Uint8Array
}

/** One public key (RFC 5280 SubjectPublicKeyInfo) or one certificate; undefined for anything else. */
export function parsePem(text: string): PemBlock | undefined {
  const [, label, base64 = ''] = PEM.exec(text) ?? []
  const bytes = fromBase64(base64.replace(/\s/g, ''))
  if (bytes === undefined || (label !== 'PUBLIC KEY' && label !== 'CERTIFICATE')) return undefined
  return { label, bytes }
}

/**
 * Reads a key that the caller trusts. Of a certificate the key, the period and the name are used; who issued it is
 * not looked at, because the caller pinned it.
 *
 * @throws {@link key_unreadable} for no RSA key of 2,048 bits or more, and for a certificate with another name
 * @throws {@link not_supported} for a certificate in a runtime without node:crypto
 */
export async function importRsaKey({ label, bytes }: PemBlock, host: string): Promise<RsaKey> {
  const certificate = label === 'CERTIFICATE' ? readCertificate(bytes, host) : undefined
  const spki = certificate?.spki ?? bytes
  const key = await importSpki(spki)
  return {
    from: certificate?.from ?? Number.NEGATIVE_INFINITY,
    until: certificate?.until ?? Number.POSITIVE_INFINITY,
    verify: async (message, signature) => {
      try {
        const signed = toPlatform(signature)
        return await crypto.subtle.verify(ALGORITHM.name, key, signed, toPlatform(message))
      } catch {
        return false
      }
    },
  }
}

async function importSpki(spki: Uint8Array): Promise<CryptoKey> {
  try {
    const key = await crypto.subtle.importKey('spki', toPlatform(spki), ALGORITHM, false, [
      'verify',
    ])
    const { modulusLength } = key.algorithm as { readonly modulusLength?: number }
    if (Number(modulusLength) >= MIN_BITS && Number(modulusLength) <= MAX_BITS) return key
  } catch {
    // What the platform says of the bytes is no help to anybody.
  }
  throw unreadable()
}

interface Certificate {
  readonly spki: Uint8Array
  readonly from: number
  readonly until: number
}

function readCertificate(der: Uint8Array, host: string): Certificate {
  const node = nodeCrypto()
  if (typeof node?.X509Certificate !== 'function')
    throw new PrivityError('not_supported', { what: 'X509Certificate' })
  try {
    const certificate = new node.X509Certificate(der)
    const spki = certificate.publicKey.export({ type: 'spki', format: 'der' })
    const [from, until] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]
    const isNamed = certificate.checkHost(host, { wildcards: false }) !== undefined
    if (isNamed && from <= until) return { spki: new Uint8Array(spki), from, until }
  } catch {
    // Neither.
  }
  throw unreadable()
}

function unreadable(): PrivityError {
  return new PrivityError('key_unreadable', { what: 'signer' })
}
