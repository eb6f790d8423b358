import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import {
  type NoteKey,
  parseNote,
  parseVerifierKey,
  signNote,
  toVerifierKey,
  verifyNote,
} from '../../src/crypto/note.ts'
import { importSigningKey } from '../../src/crypto/signature.ts'

interface Case {
  readonly name: string
  readonly note: string
  /** Follows the note so many times. */
  readonly line?: string
  readonly times?: number
  readonly keys: readonly string[]
  readonly verdict: 'accepted' | 'refused' | 'malformed'
}

interface Cases {
  readonly keys: readonly [string, string]
  readonly bad_keys: readonly string[]
  readonly secret_key: string
  readonly signed: { readonly text: string; readonly note: string }
  readonly notes: readonly Case[]
}

const GO: Cases = JSON.parse(
  readFileSync(new URL('../vectors/go-note/cases.json', import.meta.url), 'utf8'),
)
/** Go looks at keys one by one as they are needed; here keys that cannot be told apart are no trust. */
const STRICTER = 'a key listed twice that did not sign'

function keyOf(text: string): NoteKey {
  const key = parseVerifierKey(text)
  if (key === undefined) throw new TypeError('a published key that does not parse')
  return key
}

async function verdictOf({ note, line = '', times = 0, keys }: Case): Promise<Case['verdict']> {
  const parsed = parseNote(note + line.repeat(times))
  if (parsed === undefined) return 'malformed'
  return (await verifyNote(parsed, keys.map(keyOf))) ? 'accepted' : 'refused'
}

describe('the verdict of golang.org/x/mod/sumdb/note is given on', () => {
  test.for(GO.notes.filter(({ name }) => name !== STRICTER))('$name', async (item) => {
    expect(await verdictOf(item)).toBe(item.verdict)
  })

  test('bytes that are no UTF-8', () => {
    expect(parseNote(Uint8Array.of(0xff, ...utf8(GO.signed.note)))).toBeUndefined()
  })
})

test('a key listed twice is refused, whether it signed or not', async () => {
  const item = GO.notes.find(({ name }) => name === STRICTER)
  expect(item?.verdict).toBe('accepted')
  expect(item === undefined ? undefined : await verdictOf(item)).toBe('refused')
})

test('the published secret key signs the published note', async () => {
  const typed = Buffer.from(GO.secret_key.split('+').slice(4).join('+'), 'base64')
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
  const key = await importSigningKey(Buffer.concat([prefix, typed.subarray(1)]))
  const { name } = keyOf(GO.keys[0])
  expect(toVerifierKey({ name, publicKey: key.publicKey })).toBe(GO.keys[0])
  expect(await signNote(GO.signed.text, name, key)).toBe(GO.signed.note)
})

test('of a verifier key no part and no neighbour is read', () => {
  const [key] = GO.keys
  expect(toVerifierKey(keyOf(key))).toBe(key)
  for (let from = 0; from < key.length; from += 1) {
    for (let to = from + 1; to <= key.length; to += 1) {
      if (to - from < key.length) expect(parseVerifierKey(key.slice(from, to))).toBeUndefined()
    }
    const next = String.fromCharCode(key.charCodeAt(from) + 1)
    expect(parseVerifierKey(key.slice(0, from) + next + key.slice(from + 1))).toBeUndefined()
  }
})

test.for(GO.bad_keys)('a key of another length or algorithm is not read: %s', (key) => {
  expect(parseVerifierKey(key)).toBeUndefined()
})
