import { expand } from '@noble/hashes/hkdf.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8 } from '../base/bytes.ts'
import { invalidInput } from '../base/errors.ts'
import { toPlatform } from './platform-bytes.ts'

/**
 * Chunked encryption of C2SP (c2sp.org/chunked-encryption@v1) in its instantiation Cobblestone-256: SHA-512
 * and AES-256-GCM. Every chunk but the last has `CHUNK_BYTES`, the last always fewer: so a message that was cut
 * off, even between two chunks, does not open.
 */
export interface Chunked {
  /** Shows before anything is decrypted that key, salt and context are the right ones. */
  readonly commitment: Uint8Array
  /** Gives the ciphertext of a chunk, then its tag. @throws {@link invalid_input} */
  seal(index: number, plaintext: Uint8Array): Promise<Uint8Array>
  /** Gives the plaintext of a chunk; `undefined` if it was altered, or is another chunk. */
  open(index: number, sealed: Uint8Array): Promise<Uint8Array | undefined>
}

/** What a message is sealed under. */
export interface ChunkedInput {
  /** 32 random bytes. */
  readonly key: Uint8Array
  /** 24 random bytes, never twice under one key. */
  readonly salt: Uint8Array
  /** Authenticated, not encrypted. */
  readonly context: Uint8Array
}

/** Plaintext bytes of every chunk but the last. */
export const CHUNK_BYTES = 16_384
/** A sealed chunk is longer than its plaintext by this. */
export const CHUNK_TAG_BYTES = 16
export const SALT_BYTES = 24
export const COMMITMENT_BYTES = 32

const KEY_BYTES = 32
const NONCE_BYTES = 12
const HASH_BYTES = 64
/** 4 PiB: beyond, the counter would reach into the part of the nonce that tells messages apart. */
const MAX_CHUNKS = 2 ** 38
const LABEL = /* @__PURE__ */ utf8('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0')

/**
 * Derives key, base nonce and commitment of one message.
 *
 * @throws {@link invalid_input} for a key or salt of another size.
 */
export async function openChunked({ key, salt, context }: ChunkedInput): Promise<Chunked> {
  if (key.length !== KEY_BYTES) throw invalidInput(['key'], 'invalid_length')
  if (salt.length !== SALT_BYTES) throw invalidInput(['salt'], 'invalid_length')
  const info = concatBytes([LABEL, salt, context])
  // HMAC fills short keys up with zeros (RFC 2104); noble takes none that is shorter than the hash.
  const prk = concatBytes([key, new Uint8Array(HASH_BYTES - KEY_BYTES)])
  const okm = expand(sha512, prk, info, KEY_BYTES + NONCE_BYTES + COMMITMENT_BYTES)
  prk.fill(0)
  const raw = okm.subarray(0, KEY_BYTES)
  const cipher = await crypto.subtle.importKey('raw', toPlatform(raw), 'AES-GCM', false, [
    'encrypt',
    'decrypt',
  ])
  raw.fill(0)
  const base = okm.slice(KEY_BYTES, KEY_BYTES + NONCE_BYTES)
  return {
    commitment: okm.slice(KEY_BYTES + NONCE_BYTES),
    seal: async (index, plaintext) => {
      const iv = nonceOf(base, index)
      const bytes = toPlatform(plaintext)
      return new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, cipher, bytes))
    },
    open: async (index, sealed) => {
      if (sealed.length < CHUNK_TAG_BYTES) return undefined
      const iv = nonceOf(base, index)
      try {
        const bytes = toPlatform(sealed)
        return new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, cipher, bytes))
      } catch {
        return undefined
      }
    },
  }
}

/** The base nonce with the number of the chunk over its last bytes, big-endian. */
function nonceOf(base: Uint8Array, index: number): Uint8Array<ArrayBuffer> {
  if (!Number.isInteger(index) || index < 0) throw invalidInput(['chunk'], 'too_small')
  if (index >= MAX_CHUNKS) throw invalidInput(['chunk'], 'too_big')
  const nonce = Uint8Array.from(base)
  for (let at = NONCE_BYTES - 1, rest = index; rest > 0; at -= 1) {
    nonce[at] = (nonce[at] ?? 0) ^ (rest % 256)
    rest = Math.floor(rest / 256)
  }
  return nonce
}
