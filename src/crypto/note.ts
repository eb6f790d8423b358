import {
  concatBytes,
  fromBase64,
  fromUtf8,
  toBase64,
  toBase64url,
  toHex,
  utf8,
} from '../base/bytes.ts'
import { readList } from '../base/json-shape.ts'
import { cosignedMessage, decodeCosignature, encodeCosignature } from './cosignature.ts'
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

/** How a key signs: the text of the note itself, or that the text was seen at a time. */
export type NoteAlgorithm = 'ed25519' | 'cosignature'

/** Who signs and verifies notes under a name. */
export interface NoteKey {
  readonly name: string
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** `ed25519` when absent. */
  readonly algorithm?: NoteAlgorithm
}

/** Who adds a cosignature, and when. */
export interface Cosigner {
  readonly name: string
  readonly key: SigningKey
  /** Whole seconds since the epoch. */
  readonly seconds: number
}

/** Whether a note is to be believed; `cosignedAt` is the earliest time in a cosignature, in seconds. */
export type NoteVerdict =
  | { readonly ok: true; readonly cosignedAt?: number }
  | { readonly ok: false; readonly reason: 'invalid_keys' | 'unknown_key' | 'bad_signature' }

/** The byte that tells algorithms apart in key ids and verifier keys. */
const TYPES = { ed25519: 0x01, cosignature: 0x04 } as const satisfies {
  readonly [A in NoteAlgorithm]: number
}
const ALGORITHMS = ['ed25519', 'cosignature'] as const satisfies readonly NoteAlgorithm[]
const KEY_ID_LENGTH = 4
const PUBLIC_KEY_LENGTH = 32
const MAX_LENGTH = 1_000_000
const MAX_SIGNATURES = 100
const SIGNATURE = /^— ([^\s+\p{Cc}]{1,256}) (.+)$/u
const VERIFIER_KEY = /^([^\s+\p{Cc}]{1,256})\+([0-9a-f]{8})\+(.+)$/u
// Anything below space but newline could make two notes look alike on a terminal.
const CONTROL = /[\0-\x09\x0b-\x1f\x7f]/

/** The text with one signature line. */
export async function signNote(text: string, name: string, key: SigningKey): Promise<string> {
  return `${text}\n${await signatureLine(text, name, key)}`
}

/** The signed note with one more signature line. */
export async function addSignature(note: string, name: string, key: SigningKey): Promise<string> {
  return note + (await signatureLine(textOf(note), name, key))
}

/** The signed note with one more line, which says that its text was seen at a time. */
export async function addCosignature(note: string, cosigner: Cosigner): Promise<string> {
  const { name, key, seconds } = cosigner
  const signature = await key.sign(cosignedMessage(textOf(note), seconds))
  const keyId = noteKeyId({ name, publicKey: key.publicKey, algorithm: 'cosignature' })
  const line = { name, keyId, signature: encodeCosignature({ seconds, signature }) }
  return note + formatSignature(line)
}

/** One signature line, with its newline. */
export function formatSignature({ name, keyId, signature }: NoteSignature): string {
  return `— ${name} ${toBase64(concatBytes([keyId, signature]))}\n`
}

/**
 * Reads a signed note strictly: valid UTF-8, no control characters, the last blank line divides, every
 * line after it is a signature, base64 has one spelling. Undefined otherwise.
 */
export function parseNote(note: string | Uint8Array): SignedNote | undefined {
  if (note.length > MAX_LENGTH) return undefined
  const whole = typeof note === 'string' ? note : fromUtf8(note)
  if (whole === undefined || !whole.isWellFormed() || CONTROL.test(whole)) return undefined
  if (utf8(whole).length > MAX_LENGTH) return undefined
  const split = whole.lastIndexOf('\n\n')
  if (split < 0 || !whole.endsWith('\n')) return undefined
  const lines = whole.slice(split + 2, -1).split('\n')
  if (lines.length > MAX_SIGNATURES) return undefined
  const signatures = lines.flatMap((line) => parseSignature(line) ?? [])
  if (signatures.length < lines.length) return undefined
  return { text: whole.slice(0, split + 1), signatures }
}

/**
 * Tells whether at least one of the keys signed and none of them signed falsely. Signatures of unknown
 * keys are ignored, as the format asks; a known key's bad signature rejects the note, and two keys that
 * cannot be told apart reject every note.
 */
export async function judgeNote(note: SignedNote, keys: readonly NoteKey[]): Promise<NoteVerdict> {
  const known = new Map(keys.map((key) => [nameOf(key.name, noteKeyId(key)), key]))
  if (known.size < keys.length) return { ok: false, reason: 'invalid_keys' }
  // A line that is there twice is one line.
  const lines = new Map(note.signatures.map((line) => [spellingOf(line), line]))
  const verdicts = await Promise.all(
    [...lines.values()].flatMap((line) => {
      const key = known.get(nameOf(line.name, line.keyId))
      return key === undefined ? [] : [verifyLine(note.text, line, key)]
    }),
  )
  if (verdicts.length === 0) return { ok: false, reason: 'unknown_key' }
  const good = verdicts.filter((verdict) => verdict !== undefined)
  if (good.length < verdicts.length) return { ok: false, reason: 'bad_signature' }
  const times = good.flatMap(({ seconds }) => seconds ?? [])
  return times.length === 0 ? { ok: true } : { ok: true, cosignedAt: Math.min(...times) }
}

/** The signature lines that name this key, whether or not they hold. */
export function signaturesBy(note: SignedNote, key: NoteKey): readonly NoteSignature[] {
  const name = nameOf(key.name, noteKeyId(key))
  return note.signatures.filter((line) => nameOf(line.name, line.keyId) === name)
}

/** {@link judgeNote} as yes or no. */
export async function verifyNote(note: SignedNote, keys: readonly NoteKey[]): Promise<boolean> {
  return (await judgeNote(note, keys)).ok
}

/** The key in the form that other verifiers take: `name+hash+base64`. */
export function toVerifierKey(key: NoteKey): string {
  return `${key.name}+${toHex(noteKeyId(key))}+${toBase64(typedKey(key))}`
}

/** Reads a verifier key; undefined unless its hash fits. */
export function parseVerifierKey(text: string): NoteKey | undefined {
  const parts = text.length > 1_024 ? [] : VERIFIER_KEY.exec(text)
  const [, name = '', hash, encoded = ''] = parts ?? []
  const typed = fromBase64(encoded)
  if (typed?.length !== 1 + PUBLIC_KEY_LENGTH) return undefined
  const algorithm = ALGORITHMS.find((one) => TYPES[one] === typed[0])
  if (algorithm === undefined) return undefined
  const key = { name, publicKey: typed.slice(1), algorithm }
  return toHex(noteKeyId(key)) === hash ? key : undefined
}

/** Reads verifier keys; undefined unless all of them can be read. */
export function parseVerifierKeys(keys: readonly string[]): readonly NoteKey[] | undefined {
  return readList(keys, (key) => parseVerifierKey(String(key)))
}

/** A signature, and the time that a cosignature tells with it. */
interface Signed {
  readonly signature: Uint8Array
  readonly seconds?: number
}

/** Undefined for a signature that does not hold. */
async function verifyLine(
  text: string,
  { signature: line }: NoteSignature,
  { publicKey, algorithm }: NoteKey,
): Promise<Signed | undefined> {
  const isCosigned = algorithm === 'cosignature'
  const signed: Signed | undefined = isCosigned ? decodeCosignature(line) : { signature: line }
  if (signed === undefined) return undefined
  const { signature, seconds } = signed
  const message = seconds === undefined ? utf8(text) : cosignedMessage(text, seconds)
  return (await verifySignature({ publicKey, message, signature })) ? signed : undefined
}

async function signatureLine(text: string, name: string, key: SigningKey): Promise<string> {
  const keyId = noteKeyId({ name, publicKey: key.publicKey })
  return formatSignature({ name, keyId, signature: await key.sign(utf8(text)) })
}

/** The text that a signed note signs. */
function textOf(note: string): string {
  return note.slice(0, note.lastIndexOf('\n\n') + 1)
}

function parseSignature(line: string): NoteSignature | undefined {
  const [, name = '', encoded = ''] = SIGNATURE.exec(line) ?? []
  const bytes = fromBase64(encoded)
  if (bytes === undefined || bytes.length <= KEY_ID_LENGTH) return undefined
  return { name, keyId: bytes.slice(0, KEY_ID_LENGTH), signature: bytes.slice(KEY_ID_LENGTH) }
}

/** Name and id together name a key; no name holds a plus. */
function nameOf(name: string, keyId: Uint8Array): string {
  return `${name}+${toHex(keyId)}`
}

function spellingOf({ name, keyId, signature }: NoteSignature): string {
  return nameOf(name, keyId) + toBase64url(signature)
}

function noteKeyId(key: NoteKey): Uint8Array {
  return sha256(concatBytes([utf8(`${key.name}\n`), typedKey(key)])).slice(0, KEY_ID_LENGTH)
}

function typedKey({ publicKey, algorithm = 'ed25519' }: NoteKey): Uint8Array {
  return concatBytes([Uint8Array.of(TYPES[algorithm]), publicKey])
}
