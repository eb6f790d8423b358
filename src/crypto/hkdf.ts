import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes } from '../base/bytes.ts'
import { invalidInput } from '../base/errors.ts'
import { nodeCrypto } from '../base/platform.ts'
import { createMacKey, type MacKey } from './hash.ts'

/** What sets one derived key apart from the others of the same input key. */
export interface HkdfOptions {
  /** Default: 32 zero bytes, as RFC 5869 has it. */
  readonly salt?: Uint8Array
  readonly info: Uint8Array
  /** Bytes to derive, 1 to 8,160. */
  readonly length: number
}

/** One input key, and what is derived from it: what all outputs begin with is made once. */
export interface KeyTree {
  /** HKDF-SHA-256 (RFC 5869) without a salt, 32 bytes: the same as {@link hkdfSha256}. */
  derive(info: Uint8Array): Uint8Array
  /** Lets go of what was made of the key; there are no more. */
  wipe(): void
}

const MAX_LENGTH = 255 * 32
const NODE_MAX_INFO = 1024
const NO_SALT = /* @__PURE__ */ new Uint8Array(0)
const NODE = /* @__PURE__ */ nodeCrypto()
/** A salt that is left out is as many zeros as the hash has bytes (RFC 5869 section 2.2). */
const ZEROS = /* @__PURE__ */ new Uint8Array(32)
/** The counter of the first block, which is all that 32 bytes take (RFC 5869 section 2.3). */
const FIRST = /* @__PURE__ */ Uint8Array.of(1)

let extracting: MacKey | undefined

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

/** For a key that several are derived from: the second takes a quarter of the time of the first, and so do all after. */
export function createKeyTree(ikm: Uint8Array): KeyTree {
  extracting ??= createMacKey(ZEROS)
  const extracted = extracting.mac(ikm)
  const expanding = createMacKey(extracted)
  extracted.fill(0)
  return {
    derive: (info) => expanding.mac(concatBytes([info, FIRST])),
    wipe: expanding.wipe,
  }
}
