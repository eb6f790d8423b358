import { utf8 } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { type Suite, wipeKey } from '../crypto/aead.ts'
import { createMacKey, type MacKey } from '../crypto/hash.ts'
import { createKeyTree, type KeyTree } from '../crypto/hkdf.ts'

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

/** Derives on first use; keeps its own copy of the secret. */
export function createClassKey(id: Uint8Array, secret: Uint8Array): ClassKey {
  const ikm = secret.slice()
  const suites = new Map<Suite, SuiteKey>()
  let tree: KeyTree | undefined
  let tags: MacKey | undefined
  let wiped = false
  function requireLive(): void {
    // A key is overwritten when its person is erased; sealing under it would lose what is sealed.
    if (wiped) throw new PrivityError('erased', { kind: 'subject' })
  }
  function derive(use: string): Uint8Array {
    requireLive()
    tree ??= createKeyTree(ikm)
    return tree.derive(utf8(`privity/envelope/v1/${use}`))
  }
  return {
    id,
    suite: (suite) => {
      requireLive()
      const known = suites.get(suite)
      if (known !== undefined) return known
      const derived = {
        cipher: derive(`${suite}/cipher`),
        commitment: derive(`${suite}/commitment`),
      }
      suites.set(suite, derived)
      return derived
    },
    tag: (message) => {
      requireLive()
      tags ??= macKeyOf(derive('tag'))
      return tags.mac(message)
    },
    tagKey: () => derive('tag'),
    blobKey: () => derive('3/chunked'),
    wipe: () => {
      wiped = true
      ikm.fill(0)
      tree?.wipe()
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

function macKeyOf(key: Uint8Array): MacKey {
  const macs = createMacKey(key)
  key.fill(0)
  return macs
}
