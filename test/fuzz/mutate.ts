import fc from 'fast-check'

/** One change of a text: what attackers, bad copies and other software do to it. */
export type Change =
  | { readonly kind: 'replace' | 'insert'; readonly at: number; readonly text: string }
  | { readonly kind: 'remove' | 'repeat'; readonly at: number; readonly length: number }
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'swapLines'; readonly at: number; readonly with: number }
  | { readonly kind: 'splice'; readonly at: number; readonly from: number; readonly length: number }
  | { readonly kind: 'respell'; readonly spelling: keyof typeof SPELLINGS }

/** Other spellings that lenient decoders forgive. */
const SPELLINGS = {
  crlf: (text: string): string => text.replaceAll('\n', '\r\n'),
  unpadded: (text: string): string => text.replaceAll('=', ''),
  padded: (text: string): string => `${text}=`,
  base64url: (text: string): string => text.replaceAll('+', '-').replaceAll('/', '_'),
  base64: (text: string): string => text.replaceAll('-', '+').replaceAll('_', '/'),
  upper: (text: string): string => text.toUpperCase(),
  lower: (text: string): string => text.toLowerCase(),
  trimmed: (text: string): string => text.trim(),
  spaced: (text: string): string => ` ${text}`,
  ended: (text: string): string => `${text}\n`,
  marked: (text: string): string => `\ufeff${text}`,
  decomposed: (text: string): string => text.normalize('NFKD'),
  zeros: (text: string): string => text.replace(/(?<=\n)(?=\d)/, '0'),
  hyphen: (text: string): string => text.replaceAll('\u2014', '-'),
  doubled: (text: string): string => text + text,
  halved: (text: string): string => text.slice(0, text.length / 2),
} as const

/** Characters that mean something to one of the formats, and some that mean trouble. */
const PIECES = [
  ...'\n\r\t\0 .+=/-_"\\{}[],:0189AZaz\u2014\u00a0\u007f\u0085\u200b\u2028\ufeff\ud800\udc00',
  '\n\n',
  '\u2014 ',
  '\ud83d\ude00',
  '%00',
  '__proto__',
  '"alg":"none"',
  '1e400',
] as const

const place = fc.nat({ max: 2 ** 20 })
const length = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 400 }))
const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...PIECES) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 4 }) },
)
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constantFrom('replace', 'insert'), at: place, text: piece }),
  fc.record({ kind: fc.constantFrom('remove', 'repeat'), at: place, length }),
  fc.record({ kind: fc.constant('flip'), at: place, bit: fc.nat({ max: 6 }) }),
  fc.record({ kind: fc.constant('swapLines'), at: place, with: place }),
  fc.record({ kind: fc.constant('splice'), at: place, from: place, length }),
  fc.record({
    kind: fc.constant('respell'),
    spelling: fc.constantFrom(...(Object.keys(SPELLINGS) as (keyof typeof SPELLINGS)[])),
  }),
)

/** One change, or a few on top of each other. */
export const changes: fc.Arbitrary<readonly Change[]> = fc.array(change, {
  minLength: 1,
  maxLength: 3,
})

/** The text after all changes; splices take from the other text. */
export function mutate(text: string, list: readonly Change[], other: string): string {
  return list.reduce((changed, each) => apply(changed, each, other), text)
}

function apply(text: string, item: Change, other: string): string {
  switch (item.kind) {
    case 'respell':
      return SPELLINGS[item.spelling](text)
    case 'swapLines':
      return swapLines(text, item.at, item.with)
    case 'splice': {
      const from = item.from % (other.length + 1)
      return cut(text, item.at, item.length, other.slice(from, from + item.length))
    }
    case 'flip': {
      const at = item.at % Math.max(text.length, 1)
      return cut(text, at, 1, String.fromCharCode(text.charCodeAt(at) ^ (1 << item.bit)))
    }
    case 'insert':
      return cut(text, item.at, 0, item.text)
    case 'replace':
      return cut(text, item.at, item.text.length, item.text)
    case 'remove':
      return cut(text, item.at, item.length, '')
    case 'repeat': {
      const at = item.at % (text.length + 1)
      return cut(text, at, 0, text.slice(at, at + item.length))
    }
  }
}

function cut(text: string, at: number, removed: number, added: string): string {
  const from = at % (text.length + 1)
  return text.slice(0, from) + added + text.slice(from + removed)
}

function swapLines(text: string, at: number, other: number): string {
  const lines = text.split('\n')
  const [a, b] = [at % lines.length, other % lines.length]
  const [first = '', second = ''] = [lines[a], lines[b]]
  return lines.with(a, second).with(b, first).join('\n')
}

/** Which layer of a compact JWS is changed, and how. */
export interface TokenChange {
  readonly layer: 'text' | 'header' | 'payload' | 'signature'
  readonly list: readonly Change[]
}

export const tokenChanges: fc.Arbitrary<TokenChange> = fc.record({
  layer: fc.constantFrom('text', 'header', 'payload', 'signature'),
  list: changes,
})

/** The token after a change of its text, or of the bytes inside one of its parts. */
export function mutateToken(token: string, { layer, list }: TokenChange, other: string): string {
  if (layer === 'text') return mutate(token, list, other)
  const at = ['header', 'payload', 'signature'].indexOf(layer)
  const [parts, others] = [token.split('.'), other.split('.')]
  const changed = mutate(decode(parts[at]), list, decode(others[at]))
  return parts.with(at, Buffer.from(changed, 'latin1').toString('base64url')).join('.')
}

function decode(part = ''): string {
  return Buffer.from(part, 'base64url').toString('latin1')
}
