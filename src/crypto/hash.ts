import { hmac } from '@noble/hashes/hmac.js'
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { type NodeCrypto, nodeCrypto } from '../base/platform.ts'
import { fromPlatform, toPlatform } from './platform-bytes.ts'

const NODE = /* @__PURE__ */ nodeCrypto()
const HMAC = { name: 'HMAC', hash: 'SHA-256' } as const

/** SHA-256 (FIPS 180-4), 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  if (NODE === undefined) return nobleSha256(bytes)
  // Without a hash object a third faster, but not in every runtime that has node:crypto; as text twice as
  // fast again, since a buffer has memory of its own to be made and collected.
  if (typeof NODE.hash === 'function') return fromBinary(NODE.hash('sha256', bytes, 'binary'))
  return fromPlatform(NODE.createHash('sha256').update(bytes).digest())
}

/** HMAC-SHA-256 (RFC 2104), 32 bytes. */
export function hmacSha256(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  return NODE === undefined ? hmac(nobleSha256, key, bytes) : hmacByNode(NODE, key, bytes)
}

/** {@link hmacSha256} for whoever waits anyway: the platform does it, and no code comes along. */
export async function platformHmac(key: Uint8Array, bytes: Uint8Array): Promise<Uint8Array> {
  // WebCrypto takes ten times as long.
  if (NODE !== undefined) return hmacByNode(NODE, key, bytes)
  const handle = await crypto.subtle.importKey('raw', toPlatform(key), HMAC, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign(HMAC, handle, toPlatform(bytes)))
}

function hmacByNode(node: NodeCrypto, key: Uint8Array, bytes: Uint8Array): Uint8Array {
  // Node 24 takes 17 µs more for a key given as bytes.
  const handle = node.createSecretKey(key)
  return fromPlatform(node.createHmac('sha256', handle).update(bytes).digest())
}

/** One byte per character. */
function fromBinary(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = text.charCodeAt(at)
  return bytes
}
