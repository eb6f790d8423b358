import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatCheckpoint, readCheckpoint, readTreeHead } from '../../src/crypto/checkpoint.ts'

const ROOT = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I='
const SETTINGS = { numRuns: 5_000, seed: 20_261_121 }

describe('a checkpoint', () => {
  test('reads back what was written', () => {
    const checkpoint = fc.record({
      origin: fc.string({ minLength: 1, maxLength: 40 }).filter((it) => !it.includes('\n')),
      size: fc.maxSafeNat(),
      root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    })
    fc.assert(
      fc.property(checkpoint, (one) => {
        expect(readCheckpoint(formatCheckpoint(one))).toEqual(one)
      }),
      SETTINGS,
    )
  })

  const refused: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['no origin', `\n1\n${ROOT}\n`],
    ['no size', `o\n\n${ROOT}\n`],
    ['no root', 'o\n1\n\n'],
    ['no newline at the end', `o\n1\n${ROOT}`],
    ['an extension line', `o\n1\n${ROOT}\nmore\n`],
    ['a blank line', `o\n1\n${ROOT}\n\n`],
    ['a zero before the size', `o\n01\n${ROOT}\n`],
    ['a sign', `o\n+1\n${ROOT}\n`],
    ['a negative size', `o\n-1\n${ROOT}\n`],
    ['a fraction', `o\n1.0\n${ROOT}\n`],
    ['an exponent', `o\n1e3\n${ROOT}\n`],
    ['a hexadecimal size', `o\n0x1\n${ROOT}\n`],
    ['a space before the size', `o\n 1\n${ROOT}\n`],
    ['Arabic digits', `o\n\u0661\n${ROOT}\n`],
    ['a size that a double cannot hold', `o\n9007199254740993\n${ROOT}\n`],
    ['a size of 17 digits', `o\n10000000000000000\n${ROOT}\n`],
    ['a root of 31 bytes', `o\n1\n${Buffer.alloc(31).toString('base64')}\n`],
    ['a root of 33 bytes', `o\n1\n${Buffer.alloc(33).toString('base64')}\n`],
    ['a root without padding', `o\n1\n${ROOT.slice(0, -1)}\n`],
    ['a root in base64url', `o\n1\n${ROOT.replace('/', '_')}\n`],
    ['bits left over in the root', `o\n1\n${ROOT.replace('I=', 'J=')}\n`],
    ['a space behind the root', `o\n1\n${ROOT} \n`],
    ['carriage returns', `o\r\n1\r\n${ROOT}\r\n`],
  ]
  test.for(refused)('is refused with %s', ([, text]) => {
    expect(readCheckpoint(text)).toBeUndefined()
  })

  test('has one spelling: whatever is read is written the same', () => {
    const piece = fc.constantFrom('o', 'origin x', '0', '1', '10', '007', ROOT, '', ' ', '\n', 'é')
    const text = fc.array(piece, { maxLength: 6 }).map((pieces) => `${pieces.join('\n')}\n`)
    fc.assert(
      fc.property(text, (one) => {
        const read = readCheckpoint(one)
        if (read !== undefined) expect(formatCheckpoint(read)).toBe(one)
      }),
      SETTINGS,
    )
  })

  test('holds the greatest size there can be', () => {
    const text = `o\n${Number.MAX_SAFE_INTEGER}\n${ROOT}\n`
    expect(readCheckpoint(text)?.size).toBe(Number.MAX_SAFE_INTEGER)
    expect(readCheckpoint(`o\n0\n${ROOT}\n`)?.size).toBe(0)
  })
})

describe('a checkpoint of another log', () => {
  const MAX = 2n ** 63n - 1n

  test('reads back what was written, at sizes beyond a number too', () => {
    const head = fc.record({
      origin: fc.string({ minLength: 1, maxLength: 40 }).filter((it) => !it.includes('\n')),
      size: fc.bigInt({ min: 0n, max: MAX }),
      root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    })
    fc.assert(
      fc.property(head, (one) => {
        const text = formatCheckpoint(one)
        expect(readTreeHead(text)).toEqual(one)
        const small = one.size <= Number.MAX_SAFE_INTEGER
        expect(readCheckpoint(text)).toEqual(small ? { ...one, size: Number(one.size) } : undefined)
      }),
      SETTINGS,
    )
  })

  test('has at most 2^63 - 1 leaves', () => {
    expect(readTreeHead(`o\n${MAX}\n${ROOT}\n`)?.size).toBe(MAX)
    for (const size of [MAX + 1n, 2n ** 64n, 10n ** 19n])
      expect(readTreeHead(`o\n${size}\n${ROOT}\n`)).toBeUndefined()
  })

  test('is refused in any spelling but one, as one of our own', () => {
    for (const size of ['', '01', '+1', '-1', '1.0', '1e3', '0x1', ' 1', '1 ', '1n', '\u0661'])
      expect(readTreeHead(`o\n${size}\n${ROOT}\n`)).toBeUndefined()
  })
})
