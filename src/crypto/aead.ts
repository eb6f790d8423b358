import { gcm } from '@noble/ciphers/aes.js'
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { equalBytes, fromHex, utf8 } from '../base/bytes.ts'
import { invalidInput, PrivityError } from '../base/errors.ts'
import { type NodeCrypto, nodeCrypto } from '../base/platform.ts'
import { fromPlatform } from './platform-bytes.ts'

/** 1 is ChaCha20-Poly1305 (RFC 8439), 2 is AES-256-GCM with a nonce of 96 bits. */
export type Suite = 1 | 2

interface AeadInput {
  readonly suite: Suite
  /** 32 bytes, never to change but by {@link wipeKey}: what was made of them is kept with them. */
  readonly key: Uint8Array
  /** 12 bytes; two messages under one key must never share one. */
  readonly nonce: Uint8Array
  /** Associated data: authenticated, not encrypted. */
  readonly ad: Uint8Array
}

/** What to seal. */
export interface SealInput extends AeadInput {
  readonly plaintext: Uint8Array
  /** Where the ciphertext and its tag go, exactly as long as both. Default: bytes of their own. */
  readonly into?: Uint8Array
}

/** What to open. */
export interface OpenInput extends AeadInput {
  /** Ciphertext, then the tag of 16 bytes. */
  readonly ciphertext: Uint8Array
}

/** Authenticated encryption; every implementation gives the same bytes. */
export interface Aead {
  /**
   * Gives the ciphertext, then the tag of 16 bytes.
   *
   * @throws {@link invalid_input} for a key, nonce or place of another size.
   * @throws {@link unsupported_format} for an unknown suite.
   */
  seal(input: SealInput): Uint8Array
  /**
   * Gives the plaintext, or `undefined` if anything was altered: nothing leaves unverified.
   *
   * @throws {@link invalid_input} for a key or nonce of another size.
   * @throws {@link unsupported_format} for an unknown suite.
   */
  open(input: OpenInput): Uint8Array | undefined
}

/** One implementation of one suite, called with sizes that were checked; `open` may throw. */
interface Cipher {
  seal(input: SealInput, into: Uint8Array): void
  open(input: OpenInput): Uint8Array
}
type Ciphers = { readonly [S in Suite]: Cipher }
type KeyObject = ReturnType<NodeCrypto['createSecretKey']>
type Cipheriv = import('node:crypto').CipherGCM | import('node:crypto').CipherChaCha20Poly1305
type Decipheriv = import('node:crypto').DecipherGCM | import('node:crypto').DecipherChaCha20Poly1305

const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const TAG = { authTagLength: TAG_BYTES } as const

/** `plaintext` under 32 bytes 0x01, nonce 12 bytes 0x02, data `associated`. */
const KNOWN_ANSWERS: { readonly [S in Suite]: string } = {
  1: '96709347e3d78da205ebacba527dd49c53fa3672dfa4b5472a',
  2: '77baa8202423a485a7bd983e613fb2296855bfdf2f9d3d6082',
}

/** One key opens many rows, and making a handle takes as long as starting to decrypt. */
const HANDLES = /* @__PURE__ */ new WeakMap<Uint8Array, KeyObject>()

let chosen: Aead | undefined

/** The implementation in plain JavaScript, which works everywhere. */
export function nobleAead(): Aead {
  return toAead(nobleCiphers())
}

/**
 * The implementation by node:crypto; `undefined` where there is none. A suite that fails its
 * self-test is done by noble instead: Bun, for one, lacks ChaCha20-Poly1305.
 */
export function nodeAead(node: NodeCrypto | undefined = nodeCrypto()): Aead | undefined {
  if (node === undefined) return undefined
  const [native, noble] = [nodeCiphers(node), nobleCiphers()]
  const works = { 1: passesSelfTest(native, 1), 2: passesSelfTest(native, 2) }
  if (!works[1] && !works[2]) return undefined
  return toAead({ 1: works[1] ? native[1] : noble[1], 2: works[2] ? native[2] : noble[2] })
}

/**
 * The fastest implementation that works here, chosen at the first call.
 *
 * @example
 * ```ts
 * const [key, nonce] = [randomBytes(32), randomBytes(12)]
 * const ad = utf8('row 7')
 * const ciphertext = platformAead().seal({ suite: 1, key, nonce, ad, plaintext: utf8('hello') })
 * platformAead().open({ suite: 1, key, nonce, ad, ciphertext }) // utf8('hello')
 * ```
 */
export function platformAead(): Aead {
  chosen ??= nodeAead() ?? nobleAead()
  return chosen
}

/** Overwrites a key, and lets go of what the platform holds of it. */
export function wipeKey(key: Uint8Array): void {
  HANDLES.delete(key)
  key.fill(0)
}

function toAead(ciphers: Ciphers): Aead {
  return {
    seal: (input) => {
      const { plaintext, into = new Uint8Array(plaintext.length + TAG_BYTES) } = input
      if (into.length !== plaintext.length + TAG_BYTES)
        throw invalidInput(['into'], 'invalid_length')
      cipherFor(ciphers, input).seal(input, into)
      return into
    },
    open: (input) => {
      const cipher = cipherFor(ciphers, input)
      if (input.ciphertext.length < TAG_BYTES) return undefined
      try {
        return cipher.open(input)
      } catch {
        return undefined
      }
    },
  }
}

function cipherFor(ciphers: Ciphers, input: AeadInput): Cipher {
  const { suite, key, nonce } = input
  if (key.length !== KEY_BYTES) throw invalidInput(['key'], 'invalid_length')
  // GCM hashes nonces of other sizes, which makes collisions likelier than the random 96 bits.
  if (nonce.length !== NONCE_BYTES) throw invalidInput(['nonce'], 'invalid_length')
  if (suite !== 1 && suite !== 2) {
    throw new PrivityError('unsupported_format', { what: 'suite', version: suite })
  }
  return ciphers[suite]
}

function nobleCiphers(): Ciphers {
  return {
    1: {
      seal: ({ key, nonce, ad, plaintext }, into) =>
        into.set(chacha20poly1305(key, nonce, ad).encrypt(plaintext)),
      open: ({ key, nonce, ad, ciphertext }) =>
        chacha20poly1305(key, nonce, ad).decrypt(ciphertext),
    },
    2: {
      seal: ({ key, nonce, ad, plaintext }, into) =>
        into.set(gcm(key, nonce, ad).encrypt(plaintext)),
      open: ({ key, nonce, ad, ciphertext }) => gcm(key, nonce, ad).decrypt(ciphertext),
    },
  }
}

function nodeCiphers(node: NodeCrypto): Ciphers {
  const keyOf = ({ key }: AeadInput): KeyObject => handleOf(node, key)
  return {
    1: {
      seal: (input, into) =>
        seal(node.createCipheriv('chacha20-poly1305', keyOf(input), input.nonce, TAG), input, into),
      open: (input) =>
        open(node.createDecipheriv('chacha20-poly1305', keyOf(input), input.nonce, TAG), input),
    },
    2: {
      seal: (input, into) =>
        seal(node.createCipheriv('aes-256-gcm', keyOf(input), input.nonce, TAG), input, into),
      open: (input) =>
        open(node.createDecipheriv('aes-256-gcm', keyOf(input), input.nonce, TAG), input),
    },
  }
}

// Node 24 takes 12 µs more for a key given as bytes.
function handleOf(node: NodeCrypto, key: Uint8Array): KeyObject {
  const known = HANDLES.get(key)
  if (known !== undefined) return known
  const handle = node.createSecretKey(key)
  HANDLES.set(key, handle)
  return handle
}

function seal(cipher: Cipheriv, { ad, plaintext }: SealInput, into: Uint8Array): void {
  cipher.setAAD(ad, { plaintextLength: plaintext.length })
  into.set(cipher.update(plaintext))
  // Stream ciphers keep nothing back, so `final` only computes the tag.
  cipher.final()
  into.set(cipher.getAuthTag(), plaintext.length)
}

function open(decipher: Decipheriv, { ad, ciphertext }: OpenInput): Uint8Array {
  const length = ciphertext.length - TAG_BYTES
  decipher.setAAD(ad, { plaintextLength: length })
  decipher.setAuthTag(ciphertext.subarray(length))
  const plaintext = decipher.update(ciphertext.subarray(0, length))
  try {
    decipher.final()
  } catch (mismatch) {
    plaintext.fill(0)
    throw mismatch
  }
  return fromPlatform(plaintext)
}

function passesSelfTest(ciphers: Ciphers, suite: Suite): boolean {
  const [key, nonce] = [new Uint8Array(KEY_BYTES).fill(1), new Uint8Array(NONCE_BYTES).fill(2)]
  const [ad, plaintext] = [utf8('associated'), utf8('plaintext')]
  const expected = fromHex(KNOWN_ANSWERS[suite]) ?? new Uint8Array(0)
  const aead = toAead(ciphers)
  try {
    const ciphertext = aead.seal({ suite, key, nonce, ad, plaintext })
    const opened = aead.open({ suite, key, nonce, ad, ciphertext })
    const refused = aead.open({ suite, key, nonce, ad: plaintext, ciphertext })
    if (opened === undefined || refused !== undefined) return false
    return equalBytes(ciphertext, expected) && equalBytes(opened, plaintext)
  } catch {
    return false
  }
}
