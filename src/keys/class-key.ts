import { utf8 } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { type Suite, wipeKey } from '../crypto/aead.ts'
import { hkdfSha256 } from '../crypto/hkdf.ts'
import { createMacKey, type MacKey } from '../crypto/hash.ts'

/** A person's key for one access class, ready to use. Its secret is never stored in clear. */
export interface ClassKey {
  /** 8 random bytes, named in every envelope that this key sealed. */
  readonly id: Uint8Array
  /** Keys that this one takes the place of, while something is sealed under them still: for opening only. */
  readonly older?: readonly ClassKey[]
  /** Cipher key and commitment of a suite, derived once. */
  suite(suite: Suite): SuiteKey
  /** A keyed digest for blinding, under a key of its own. */
  tag(message: Uint8Array): Uint8Array
  /**
   * A copy of the key of {@link ClassKey.tag}, for evidence that goes to its person: it shows that no entry was
   * left out, and whoever holds it can link that person's leaves and nobody else's.
   */
  tagKey(): Uint8Array
  /** What the keys of attachments are derived from; a copy, for the caller to overwrite. */
  blobKey(): Uint8Array
  /** Overwrites what was derived, as far as JavaScript allows. */
  wipe(): void
}

/** Two separate HKDF outputs of one class key. */
export interface SuiteKey {
  readonly cipher: Uint8Array
  readonly commitment: Uint8Array
}

const LENGTH = 32

/** Derives on first use; keeps its own copy of the secret. */
export function createClassKey(id: Uint8Array, secret: Uint8Array): ClassKey {
  const ikm = secret.slice()
  const suites = new Map<Suite, SuiteKey>()
  let tags: MacKey | undefined
  let wiped = false
  function live(): Uint8Array {
    // A key is overwritten when its person is erased; sealing under it would lose what is sealed.
    if (wiped) throw new PrivityError('erased', { kind: 'subject' })
    return ikm
  }
  return {
    id,
    suite: (suite) => {
      const secret = live()
      const known = suites.get(suite)
      if (known !== undefined) return known
      const derived = {
        cipher: derive(secret, `${suite}/cipher`),
        commitment: derive(secret, `${suite}/commitment`),
      }
      suites.set(suite, derived)
      return derived
    },
    tag: (message) => {
      const secret = live()
      tags ??= tagKeyOf(secret)
      return tags.mac(message)
    },
    tagKey: () => derive(live(), 'tag'),
    blobKey: () => derive(live(), '3/chunked'),
    wipe: () => {
      wiped = true
      ikm.fill(0)
      tags?.wipe()
      for (const { cipher } of suites.values()) wipeKey(cipher)
    },
  }
}

/** The newest of several keys of one class, which seals, and opens what any of them sealed; undefined without one. */
export function newestOf(keys: readonly ClassKey[]): ClassKey | undefined {
  const newest = keys.at(-1)
  return newest === undefined || keys.length === 1
    ? newest
    : { ...newest, older: keys.slice(0, -1) }
}

function tagKeyOf(secret: Uint8Array): MacKey {
  const key = derive(secret, 'tag')
  const tags = createMacKey(key)
  key.fill(0)
  return tags
}

function derive(ikm: Uint8Array, use: string): Uint8Array {
  return hkdfSha256(ikm, { info: utf8(`privity/envelope/v1/${use}`), length: LENGTH })
}
