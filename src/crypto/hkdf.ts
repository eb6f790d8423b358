import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { invalidInput } from '../base/errors.ts'
import { nodeCrypto } from '../base/platform.ts'

/** What sets one derived key apart from the others of the same input key. */
export interface HkdfOptions {
  /** Default: 32 zero bytes, as RFC 5869 has it. */
  readonly salt?: Uint8Array
  readonly info: Uint8Array
  /** Bytes to derive, 1 to 8,160. */
  readonly length: number
}

const MAX_LENGTH = 255 * 32
const NODE_MAX_INFO = 1024
const NO_SALT = /* @__PURE__ */ new Uint8Array(0)
const NODE = /* @__PURE__ */ nodeCrypto()

/**
 * HKDF-SHA-256 (RFC 5869), extract and expand.
 *
 * @throws {@link invalid_input} for a length out of range.
 */
export function hkdfSha256(ikm: Uint8Array, options: HkdfOptions): Uint8Array {
  const { info, length, salt = NO_SALT } = options
  if (!Number.isInteger(length) || length < 1 || length > MAX_LENGTH) {
    throw invalidInput(['length'], length > MAX_LENGTH ? 'too_big' : 'too_small')
  }
  if (NODE === undefined || info.length > NODE_MAX_INFO) {
    return hkdf(sha256, ikm, salt, info, length)
  }
  return new Uint8Array(NODE.hkdfSync('sha256', NODE.createSecretKey(ikm), salt, info, length))
}
