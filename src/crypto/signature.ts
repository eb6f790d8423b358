import { PrivityError } from '../base/errors.ts'
import { lackOf, nodeCrypto } from '../base/platform.ts'
import { toPlatform } from './platform-bytes.ts'
import { importPrivateKey } from './private-key.ts'
import { isSoundPoint } from './sound-point.ts'

/** An Ed25519 key (RFC 8032) that signs; its private half stays inside. */
export interface SigningKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** A signature of 64 bytes. */
  sign(message: Uint8Array): Promise<Uint8Array>
}

/** What a signature is held against. */
export interface SignatureInput {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  readonly message: Uint8Array
  /** 64 bytes. */
  readonly signature: Uint8Array
}

const ED25519 = 'Ed25519'
const PUBLIC_KEY_BYTES = 32
const SIGNATURE_BYTES = 64

/**
 * Makes a new Ed25519 key; `secret` is its private half as PKCS #8, for sealing.
 *
 * @throws {@link not_supported} where WebCrypto lacks Ed25519.
 * @example
 * ```ts
 * const { key, secret } = await generateSigningKey()
 * const signature = await key.sign(utf8('hello'))
 * await verifySignature({ publicKey: key.publicKey, message: utf8('hello'), signature }) // true
 * ```
 */
export async function generateSigningKey(): Promise<{
  readonly key: SigningKey
  readonly secret: Uint8Array
}> {
  const secret = await generateSecret()
  return { key: await importSigningKey(secret), secret }
}

/**
 * Reads a signing key from PKCS #8.
 *
 * @throws {@link key_unreadable} for bytes that are no Ed25519 private key.
 */
export async function importSigningKey(pkcs8: Uint8Array): Promise<SigningKey> {
  const { handle, publicKey } = await importPrivateKey(pkcs8)
  const signNow = nodeSigner(pkcs8)
  return {
    publicKey,
    sign: async (message) =>
      signNow?.(message) ??
      new Uint8Array(await crypto.subtle.sign(ED25519, handle, toPlatform(message))),
  }
}

/** Tells whether the signature is good; false, and never an exception, for whatever is not. */
export async function verifySignature(input: SignatureInput): Promise<boolean> {
  try {
    const { publicKey, message, signature } = input
    if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false
    // A signature is a point, then a number.
    if (!isSoundPoint(publicKey) || !isSoundPoint(signature.subarray(0, PUBLIC_KEY_BYTES)))
      return false
    const key = await crypto.subtle.importKey('raw', toPlatform(publicKey), ED25519, false, [
      'verify',
    ])
    return await crypto.subtle.verify(ED25519, key, toPlatform(signature), toPlatform(message))
  } catch {
    return false
  }
}

/**
 * A batch waits for its one signature: to hand that to another thread takes longer than to make it. Undefined
 * where node:crypto cannot sign so.
 */
function nodeSigner(pkcs8: Uint8Array): ((message: Uint8Array) => Uint8Array) | undefined {
  try {
    const node = nodeCrypto()
    if (node === undefined) return undefined
    // A view: a copy of the key would be nobody's to overwrite.
    const der = Buffer.from(pkcs8.buffer, pkcs8.byteOffset, pkcs8.length)
    const key = node.createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    const sign = (message: Uint8Array): Uint8Array => new Uint8Array(node.sign(null, message, key))
    return sign(new Uint8Array(0)).length === SIGNATURE_BYTES ? sign : undefined
  } catch {
    return undefined
  }
}

async function generateSecret(): Promise<Uint8Array> {
  try {
    const pair = await crypto.subtle.generateKey({ name: ED25519 }, true, ['sign', 'verify'])
    return new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey))
  } catch {
    throw new PrivityError('not_supported', { what: lackOf('Ed25519') })
  }
}
