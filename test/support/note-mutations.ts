import fc from 'fast-check'

/** One of {@link MUTATIONS}, where, and with what. */
export type Change = readonly [name: string, at: number, by: number]

/** One change of a text; `at` and `by` say where and what, from 0 to 1. */
type Mutation = (signed: string, at: number, by: number) => string

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/='
const STRANGE = ['\0', '\t', '\r', ' ', '\u00a0', '\ufeff', '\u2028', '\ud800', '—', '+', '=', '\n']

const MUTATIONS: { readonly [name: string]: Mutation } = {
  'a character left out': (signed, at) => spliced(signed, at, 1, ''),
  'a few characters left out': (signed, at, by) => spliced(signed, at, Math.ceil(by * 20), ''),
  'a character written twice': (signed, at) =>
    spliced(signed, at, 0, signed.charAt(Math.floor(at * signed.length))),
  'a base64 character put in': (signed, at, by) => spliced(signed, at, 0, pick(BASE64, by)),
  'a base64 character changed': (signed, at, by) => spliced(signed, at, 1, pick(BASE64, by)),
  'a strange character put in': (signed, at, by) => spliced(signed, at, 0, pick(STRANGE, by)),
  'a strange character for another': (signed, at, by) => spliced(signed, at, 1, pick(STRANGE, by)),
  'a bit flipped': (signed, at, by) => {
    const bytes = Buffer.from(signed, 'utf8')
    const index = Math.floor(at * bytes.length)
    bytes[index] = (bytes[index] ?? 0) ^ (1 << Math.floor(by * 8))
    return bytes.toString('utf8')
  },
  'the case of a letter changed': (signed, at) => {
    const from = Math.floor(at * signed.length)
    const letter = signed.charAt(from)
    const other = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()
    return signed.slice(0, from) + other + signed.slice(from + 1)
  },
  'a line left out': withLines((lines, at) => lines.splice(at, 1)),
  'a line written twice': withLines((lines, at) => lines.splice(at, 0, lines[at] ?? '')),
  'two lines exchanged': withLines((lines, at, by) => {
    const [one = '', other = ''] = [lines[at], lines[by]]
    lines[at] = other
    lines[by] = one
  }),
  'a line moved': withLines((lines, at, by) => {
    lines.splice(by, 0, ...lines.splice(at, 1))
  }),
  'a blank line put in': withLines((lines, at) => lines.splice(at, 0, '')),
  'a signature by a stranger': (signed, _, by) =>
    `${signed}— ${pick(['stranger', nameIn(signed), 'x+y', ''], by)} ${'A'.repeat(92)}\n`,
  'cut short': (signed, at) => signed.slice(0, Math.floor(at * signed.length)),
  'begun late': (signed, at) => signed.slice(Math.floor(at * signed.length)),
  'written twice': (signed) => signed + signed,
  'a size one larger': (signed) =>
    signed.replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) + 1}\n`),
  'a zero before the size': (signed) => signed.replace(/\n(\d)/, '\n0$1'),
}

const part = fc.double({ min: 0, max: 0.999_999, noNaN: true })

/** One to three changes of a signed note, or of any text. */
export const changes: fc.Arbitrary<readonly Change[]> = fc.array(
  fc.tuple(fc.constantFrom(...Object.keys(MUTATIONS)), part, part),
  { minLength: 1, maxLength: 3 },
)

export function mutate(text: string, made: readonly Change[]): string {
  return made.reduce((changed, [name, at, by]) => MUTATIONS[name]?.(changed, at, by) ?? '', text)
}

function pick(list: readonly string[] | string, by: number): string {
  return list[Math.min(list.length - 1, Math.floor(by * list.length))] ?? ''
}

function spliced(text: string, at: number, remove: number, insert: string): string {
  const from = Math.floor(at * (text.length + 1))
  return text.slice(0, from) + insert + text.slice(from + remove)
}

function withLines(change: (lines: string[], at: number, by: number) => void): Mutation {
  return (signed, at, by) => {
    const lines = signed.split('\n')
    change(lines, Math.floor(at * lines.length), Math.floor(by * lines.length))
    return lines.join('\n')
  }
}

/** The name in the first signature line, so that a stranger may use it. */
function nameIn(signed: string): string {
  return /^— (\S+) /m.exec(signed)?.[1] ?? ''
}
