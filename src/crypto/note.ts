import {
  concatBytes,
  equalBytes,
  fromBase64,
  fromUtf8,
  toBase64,
  toHex,
  utf8,
} from '../base/bytes.ts'
import { sha256 } from './hash.ts'
import { type SigningKey, verifySignature } from './signature.ts'

/** A signed note (c2sp.org/signed-note): text, a blank line, then signature lines. */
export interface SignedNote {
  /** Ends in a newline. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** One signature line. */
export interface NoteSignature {
  readonly name: string
  /** First four bytes of a hash that commits to name, algorithm and public key. */
  readonly keyId: Uint8Array
  readonly signature: Uint8Array
}

/** Who signs and verifies notes under a name. */
export interface NoteKey {
  readonly name: string
  readonly publicKey: Uint8Array
}

const ED25519 = 0x01
const KEY_ID_LENGTH = 4
const PUBLIC_KEY_LENGTH = 32
const MAX_LENGTH = 1_000_000
const MAX_SIGNATURES = 100
const SIGNATURE_PREFIX = '— '
const NAME = /^[^\s+\p{Cc}]{1,256}$/u
// Anything below space but newline could make two notes look alike on a terminal.
const CONTROL = /[\0-\x09\x0b-\x1f\x7f]/

/** The text with one signature line. */
export async function signNote(text: string, name: string, key: SigningKey): Promise<string> {
  const signature = await key.sign(utf8(text))
  const keyId = noteKeyId({ name, publicKey: key.publicKey })
  return `${text}\n${SIGNATURE_PREFIX}${name} ${toBase64(concatBytes([keyId, signature]))}\n`
}

/**
 * Reads a signed note strictly: valid UTF-8, no control characters, the last blank line divides, every
 * line after it is a signature, base64 has one spelling. Undefined otherwise.
 */
export function parseNote(note: string | Uint8Array): SignedNote | undefined {
  const whole = typeof note === 'string' ? note : fromUtf8(note)
  if (
    whole === undefined ||
    whole.length > MAX_LENGTH ||
    !whole.isWellFormed() ||
    CONTROL.test(whole)
  )
    return undefined
  const split = whole.lastIndexOf('\n\n')
  if (split < 0 || !whole.endsWith('\n')) return undefined
  const lines = whole.slice(split + 2, -1).split('\n')
  if (lines.length > MAX_SIGNATURES) return undefined
  const signatures = lines.map(parseSignature)
  if (!signatures.every((signature) => signature !== undefined)) return undefined
  return { text: whole.slice(0, split + 1), signatures }
}

/**
 * Tells whether at least one of the keys signed and none of them signed falsely. Signatures of unknown
 * keys are ignored, as the format asks; a known key's bad signature rejects the note.
 */
export async function verifyNote(note: SignedNote, keys: readonly NoteKey[]): Promise<boolean> {
  const message = utf8(note.text)
  const verdicts = await Promise.all(
    note.signatures.flatMap(({ name, keyId, signature }) =>
      keys
        .filter((key) => key.name === name && equalBytes(noteKeyId(key), keyId))
        .map(({ publicKey }) => verifySignature({ publicKey, message, signature })),
    ),
  )
  return verdicts.length > 0 && verdicts.every(Boolean)
}

/** The key in the form that other verifiers take: `name+hash+base64`. */
export function toVerifierKey(key: NoteKey): string {
  const typed = concatBytes([Uint8Array.of(ED25519), key.publicKey])
  return `${key.name}+${toHex(noteKeyId(key))}+${toBase64(typed)}`
}

/** Reads a verifier key; undefined unless its hash fits. */
export function parseVerifierKey(text: string): NoteKey | undefined {
  const parts = text.length > 1_024 ? [] : /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text)
  const [, name = '', hash = '', encoded = ''] = parts ?? []
  const typed = fromBase64(encoded)
  if (!NAME.test(name) || typed === undefined || typed[0] !== ED25519) return undefined
  const publicKey = typed.slice(1)
  if (publicKey.length !== PUBLIC_KEY_LENGTH) return undefined
  return toHex(noteKeyId({ name, publicKey })) === hash ? { name, publicKey } : undefined
}

function parseSignature(line: string): NoteSignature | undefined {
  if (!line.startsWith(SIGNATURE_PREFIX)) return undefined
  const [name = '', encoded = '', ...rest] = line.slice(SIGNATURE_PREFIX.length).split(' ')
  const bytes = fromBase64(encoded)
  if (!NAME.test(name) || rest.length > 0 || bytes === undefined || bytes.length <= KEY_ID_LENGTH)
    return undefined
  return { name, keyId: bytes.slice(0, KEY_ID_LENGTH), signature: bytes.slice(KEY_ID_LENGTH) }
}

function noteKeyId({ name, publicKey }: NoteKey): Uint8Array {
  return sha256(concatBytes([utf8(`${name}\n`), Uint8Array.of(ED25519), publicKey])).slice(
    0,
    KEY_ID_LENGTH,
  )
}
