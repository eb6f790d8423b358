import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import type { SigningKey } from '../../src/crypto/signature.ts'
import { readCheckpoint } from '../../src/crypto/checkpoint.ts'
import {
  addCosignature,
  addSignature,
  judgeNote,
  type NoteKey,
  parseNote,
  parseVerifierKey,
  signNote,
  toVerifierKey,
  verifyNote,
} from '../../src/crypto/note.ts'
import { fixedKey } from '../support/fixed-key.ts'
import { changes, mutate } from '../support/note-mutations.ts'

const VECTORS: {
  readonly signed_note: { readonly vkey: string; readonly note: string }
  readonly checkpoint_syntax_example: string
} = JSON.parse(
  readFileSync(new URL('../vectors/signed-note/c2sp-examples.json', import.meta.url), 'utf8'),
)
const SEED = 20_261_121
const SLOW = 60_000

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('a note that should parse does not')
  return value
}

const NAME = 'example.com/log'
const TEXT = 'example.com/log\n3\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'

let alice: SigningKey
let bob: SigningKey
let aliceKey: NoteKey
let bobKey: NoteKey
let note: string

beforeAll(async () => {
  alice = await fixedKey(1)
  bob = await fixedKey(2)
  aliceKey = { name: NAME, publicKey: alice.publicKey }
  bobKey = { name: 'bob', publicKey: bob.publicKey }
  note = await signNote(TEXT, NAME, alice)
})

/** The signature lines of a note. */
function linesOf(signed: string): string {
  return signed.slice(signed.lastIndexOf('\n\n') + 2)
}

describe('the published vectors', () => {
  test('parse and verify under their verifier key', async () => {
    const { vkey, note: example } = VECTORS.signed_note
    const key = known(parseVerifierKey(vkey))
    expect(key.name).toBe('example.com/foo')
    const parsed = known(parseNote(example))
    expect(parsed.text).toBe('This is an example message.\n')
    expect(await verifyNote(parsed, [key])).toBe(true)
    expect(await verifyNote(known(parseNote(utf8(example))), [key])).toBe(true)
    expect(toVerifierKey(key)).toBe(vkey)
    expect(await verifyNote({ ...parsed, text: 'This is an example message!\n' }, [key])).toBe(
      false,
    )
  })

  test('read as a checkpoint', () => {
    const parsed = known(parseNote(VECTORS.checkpoint_syntax_example))
    expect(readCheckpoint(parsed.text)).toMatchObject({
      origin: 'example.com/behind-the-sofa',
      size: 20_852_163,
    })
    expect(parsed.signatures.map(({ name }) => name)).toEqual(['example.com/behind-the-sofa'])
  })
})

describe('a note', () => {
  test('reads back what was signed', async () => {
    const parsed = known(parseNote(note))
    expect(parsed.text).toBe(TEXT)
    expect(parsed.signatures).toHaveLength(1)
    expect(await verifyNote(parsed, [aliceKey])).toBe(true)
  })

  test('is divided at its last blank line', async () => {
    const text = 'one\n\ntwo\n\nthree\n'
    const parsed = known(parseNote(await signNote(text, NAME, alice)))
    expect(parsed.text).toBe(text)
    expect(await verifyNote(parsed, [aliceKey])).toBe(true)
  })

  const refused: readonly (readonly [string, (signed: string) => string | Uint8Array])[] = [
    ['nothing', () => ''],
    ['no signatures', () => `${TEXT}\n`],
    ['no blank line', () => TEXT],
    ['a text alone', () => `${TEXT}\n\n`],
    ['no newline at the end', (signed) => signed.slice(0, -1)],
    ['a blank line at the end', (signed) => `${signed}\n`],
    ['a carriage return', (signed) => signed.replaceAll('\n', '\r\n')],
    ['a tab in the text', (signed) => `\t${signed}`],
    ['a NUL in the text', (signed) => `\0${signed}`],
    ['an escape in the text', (signed) => `\u001b[1m${signed}`],
    ['a DEL in the text', (signed) => `\u007f${signed}`],
    ['a lone surrogate', (signed) => `\ud800${signed}`],
    ['bytes that are no UTF-8', (signed) => Uint8Array.of(0xff, ...utf8(signed))],
    ['a hyphen for the dash', (signed) => signed.replace('— ', '- ')],
    ['an en dash for the dash', (signed) => signed.replace('— ', '– ')],
    ['no space after the dash', (signed) => signed.replace('— ', '—')],
    ['two spaces after the name', (signed) => signed.replace(`${NAME} `, `${NAME}  `)],
    ['a space at the end of a line', (signed) => `${signed.slice(0, -1)} \n`],
    ['a third word', (signed) => `${signed.slice(0, -1)} more\n`],
    ['a name with a plus', (signed) => signed.replace(`— ${NAME}`, '— a+b')],
    ['a name with a no-break space', (signed) => signed.replace(`— ${NAME}`, '— a\u00a0b')],
    ['an empty name', (signed) => signed.replace(`— ${NAME}`, '— ')],
    ['a signature in base64url', () => `${TEXT}\n— ${NAME} AAAA-_AA\n`],
    ['a signature without padding', () => `${TEXT}\n— ${NAME} AAAAAAA\n`],
    ['a signature with bits left over', () => `${TEXT}\n— ${NAME} AAAAAAB=\n`],
    ['a key id alone', () => `${TEXT}\n— ${NAME} AAAAAA==\n`],
    ['a line that is no signature', (signed) => `${signed}words\n`],
    ['101 signatures', (signed) => `${TEXT}\n${linesOf(signed).repeat(101)}`],
    ['more than a million characters', (signed) => 'x'.repeat(1_000_000) + signed],
    ['more than a million bytes', (signed) => '—'.repeat(333_334) + signed],
    ['more than a million bytes, as bytes', (signed) => utf8('x'.repeat(1_000_000) + signed)],
  ]
  test.for(refused)('is refused with %s', ([, change]) => {
    expect(parseNote(change(note))).toBeUndefined()
  })

  test('keeps a byte order mark as part of what was signed', async () => {
    const marked = known(parseNote(utf8(`\ufeff${note}`)))
    expect(marked.text).toBe(`\ufeff${TEXT}`)
    expect(await verifyNote(marked, [aliceKey])).toBe(false)
  })

  test('takes 100 signatures', () => {
    expect(parseNote(`${TEXT}\n${linesOf(note).repeat(100)}`)?.signatures).toHaveLength(100)
  })
})

describe('verifying', () => {
  test('needs a signature by a key that is known', async () => {
    const parsed = known(parseNote(note))
    expect(await verifyNote(parsed, [])).toBe(false)
    expect(await verifyNote(parsed, [bobKey])).toBe(false)
    expect(await verifyNote(parsed, [bobKey, aliceKey])).toBe(true)
  })

  test('takes name and key together: neither alone will do', async () => {
    const parsed = known(parseNote(note))
    expect(await verifyNote(parsed, [{ ...aliceKey, name: 'example.com/other' }])).toBe(false)
    expect(await verifyNote(parsed, [{ ...aliceKey, publicKey: bob.publicKey }])).toBe(false)
  })

  test('ignores signatures of keys that it does not know', async () => {
    const both = known(parseNote(note + linesOf(await signNote(TEXT, 'bob', bob))))
    expect(both.signatures).toHaveLength(2)
    for (const keys of [[aliceKey], [bobKey], [aliceKey, bobKey]])
      expect(await verifyNote(both, keys)).toBe(true)
    const junk = known(parseNote(`${note}— stranger ${'A'.repeat(92)}\n`))
    expect(await verifyNote(junk, [aliceKey])).toBe(true)
  })

  test('refuses the note when a key that it knows signed falsely', async () => {
    const other = linesOf(await signNote('other words\n', 'bob', bob))
    const both = known(parseNote(note + other))
    expect(await verifyNote(both, [aliceKey])).toBe(true)
    expect(await verifyNote(both, [aliceKey, bobKey])).toBe(false)
  })

  test('is no different for a signature that is there twice', async () => {
    expect(await verifyNote(known(parseNote(note + linesOf(note))), [aliceKey])).toBe(true)
  })

  test('holds every line of a key that it knows to account, not only the first', async () => {
    const other = linesOf(await signNote('other words\n', NAME, alice))
    for (const lines of [linesOf(note) + other, other + linesOf(note)]) {
      const verdict = await judgeNote(known(parseNote(`${TEXT}\n${lines}`)), [aliceKey])
      expect(verdict).toEqual({ ok: false, reason: 'bad_signature' })
    }
  })

  test('refuses keys that cannot be told apart', async () => {
    const parsed = known(parseNote(note))
    for (const twin of [aliceKey, { ...aliceKey, algorithm: 'ed25519' as const }])
      expect(await judgeNote(parsed, [aliceKey, twin])).toEqual({
        ok: false,
        reason: 'invalid_keys',
      })
    expect(await verifyNote(parsed, [aliceKey, aliceKey])).toBe(false)
    // The same key for another algorithm is another verifier.
    expect(await verifyNote(parsed, [aliceKey, { ...aliceKey, algorithm: 'cosignature' }])).toBe(
      true,
    )
  })

  test('says why not', async () => {
    const parsed = known(parseNote(note))
    expect(await judgeNote(parsed, [])).toEqual({ ok: false, reason: 'unknown_key' })
    expect(await judgeNote({ ...parsed, text: 'x\n' }, [aliceKey])).toEqual({
      ok: false,
      reason: 'bad_signature',
    })
  })
})

describe('more signatures', () => {
  const SECONDS = 1_790_000_000

  test('are lines below the first', async () => {
    const both = await addSignature(note, 'bob', bob)
    expect(both).toBe(note + linesOf(await signNote(TEXT, 'bob', bob)))
    const all = await addCosignature(both, { name: 'bob', key: bob, seconds: SECONDS })
    expect(all.startsWith(both)).toBe(true)
    const bobWitness: NoteKey = { ...bobKey, algorithm: 'cosignature' }
    expect(await judgeNote(known(parseNote(all)), [aliceKey, bobKey, bobWitness])).toEqual({
      ok: true,
      cosignedAt: SECONDS,
    })
    expect(await judgeNote(known(parseNote(all)), [aliceKey, bobKey])).toEqual({ ok: true })
  })

  test('sign the text above the last blank line', async () => {
    const signed = await addSignature(await signNote('one\n\ntwo\n', NAME, alice), 'bob', bob)
    expect(await verifyNote(known(parseNote(signed)), [bobKey])).toBe(true)
  })

  test('may be as many as there can be', async () => {
    let signed = note
    for (let count = 1; count < 100; count += 1)
      signed = await addCosignature(signed, { name: 'bob', key: bob, seconds: SECONDS - count })
    const witness: NoteKey = { ...bobKey, algorithm: 'cosignature' }
    expect(await judgeNote(known(parseNote(signed)), [witness])).toEqual({
      ok: true,
      cosignedAt: SECONDS - 99,
    })
    expect(parseNote(await addSignature(signed, 'bob', bob))).toBeUndefined()
  })
})

describe('a verifier key', () => {
  test('reads back what was written', () => {
    for (const algorithm of ['ed25519', 'cosignature'] as const) {
      const key = { ...aliceKey, algorithm }
      expect(parseVerifierKey(toVerifierKey(key))).toEqual(key)
    }
    expect(toVerifierKey(aliceKey)).toBe(toVerifierKey({ ...aliceKey, algorithm: 'ed25519' }))
  })

  test('is refused with any one character changed, left out or added', () => {
    const text = toVerifierKey(aliceKey)
    const replacements = ['A', 'a', '0', 'f', '+', '/', '=', ' ', '\n', 'é', '-']
    for (let at = 0; at <= text.length; at += 1) {
      const [before, after] = [text.slice(0, at), text.slice(at)]
      const mangled = [
        before + after.slice(1),
        ...replacements.flatMap((it) => [before + it + after, before + it + after.slice(1)]),
      ]
      for (const one of mangled) {
        if (one === text) continue
        expect([one, parseVerifierKey(one)]).toEqual([one, undefined])
      }
    }
  })

  const wrong = ['', '+', '++', 'name', 'name+00000000', 'name+00000000+', 'x'.repeat(2_000)]
  test.for(wrong)('is refused when it is: %s', (text) => {
    expect(parseVerifierKey(text)).toBeUndefined()
  })

  test('of another algorithm or length is refused, whatever its hash', () => {
    const { vkey } = VECTORS.signed_note
    const [name = '', hash = '', encoded = ''] = vkey.split('+')
    const typed = Buffer.from(encoded, 'base64')
    const lengths = [typed.subarray(0, -1), Buffer.concat([typed, Buffer.alloc(1)])]
    const algorithms = [0, 2, 4, 255].map((it) => Buffer.from([it, ...typed.subarray(1)]))
    for (const bytes of [...lengths, ...algorithms])
      expect(parseVerifierKey(`${name}+${hash}+${bytes.toString('base64')}`)).toBeUndefined()
  })
})

describe('a valid note that was changed', () => {
  async function holds(original: string, key: NoteKey, numRuns: number): Promise<void> {
    const { text, signatures } = known(parseNote(original))
    await fc.assert(
      fc.asyncProperty(changes, async (made) => {
        const parsed = parseNote(mutate(original, made))
        if (parsed === undefined || !(await verifyNote(parsed, [key]))) return
        // Still believed: then it says the same, under the same signature.
        expect(parsed.text).toBe(text)
        expect(parsed.signatures).toContainEqual(signatures[0])
      }),
      { numRuns, seed: SEED },
    )
  }

  test('is refused, or says what was signed', { timeout: SLOW }, async () => {
    await holds(note, aliceKey, 20_000)
  })

  test('is refused also when it is the published one', { timeout: SLOW }, async () => {
    const key = known(parseVerifierKey(VECTORS.signed_note.vkey))
    await holds(VECTORS.signed_note.note, key, 5_000)
  })

  test('never makes the parser throw, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(parseNote(bytes)).toBeUndefined()
      }),
      { numRuns: 5_000, seed: SEED },
    )
  })
})
