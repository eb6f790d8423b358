import { ownBytes, ownJson } from '../../src/base/own-json.ts'
import { parseCanonical } from '../../src/base/parse-canonical.ts'
import { readdirSync, readFileSync } from 'node:fs'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { canonicalBytes, canonicalJson, type JsonValue } from '../../src/base/canonical.ts'
import { isPrivityError } from '../../src/base/errors.ts'

fc.configureGlobal({ seed: 20_261_121 })

const VECTORS = new URL('../vectors/jcs/', import.meta.url)

/** The path of the first value that is not JSON, or what was written. */
function refusedAt(value: unknown): unknown {
  try {
    return canonicalJson(value)
  } catch (error) {
    if (!isPrivityError(error, 'invalid_input')) throw error
    expect(error.details.issues).toHaveLength(1)
    expect(error.details.issues[0]?.code).toBe('not_json')
    return error.details.issues[0]?.path
  }
}

const files = readdirSync(new URL('input/', VECTORS))

test('all six RFC 8785 vectors are there', () => {
  expect(files).toHaveLength(6)
})

test.each(files)('RFC 8785 vector %s is written as published', (file) => {
  const read = (path: string): string => readFileSync(new URL(path, VECTORS), 'utf8')
  const value: unknown = JSON.parse(read(`input/${file}`))
  const hex = read(`outhex/${file.replace('.json', '.txt')}`).replace(/\s/g, '')
  expect(canonicalJson(value)).toBe(read(`output/${file}`))
  expect(Buffer.from(canonicalBytes(value)).toString('hex')).toBe(hex)
  expect(parseCanonical(canonicalBytes(value))).toEqual(value)
})

// RFC 8785 appendix B.
test.each([
  ['0000000000000000', '0'],
  ['8000000000000000', '0'],
  ['0000000000000001', '5e-324'],
  ['8000000000000001', '-5e-324'],
  ['7fefffffffffffff', '1.7976931348623157e+308'],
  ['4340000000000000', '9007199254740992'],
  ['4430000000000000', '295147905179352830000'],
  ['44b52d02c7e14af5', '9.999999999999997e+22'],
  ['44b52d02c7e14af6', '1e+23'],
  ['444b1ae4d6e2ef4e', '999999999999999700000'],
  ['444b1ae4d6e2ef50', '1e+21'],
  ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
  ['3eb0c6f7a0b5ed8d', '0.000001'],
  ['41b3de4355555553', '333333333.3333332'],
  ['becbf647612f3696', '-0.0000033333333333333333'],
  ['43143ff3c1cb0959', '1424953923781206.2'],
])('the double %s is written %s', (hex, written) => {
  const number = Buffer.from(hex, 'hex').readDoubleBE()
  expect(canonicalJson(number)).toBe(written)
})

const text = fc.string({ unit: 'binary' })
const json = fc.jsonValue({ noUnicodeString: false, maxDepth: 6 })

test('what is written reads back as the same value', () => {
  fc.assert(
    fc.property(json, (value) => {
      const bytes = canonicalBytes(value)
      const back = parseCanonical(bytes)
      expect(canonicalBytes(back)).toEqual(bytes)
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
    { numRuns: 500 },
  )
})

test('the order of insertion does not show', () => {
  const entries = fc.uniqueArray(fc.tuple(text, fc.integer()), { selector: ([name]) => name })
  fc.assert(
    fc.property(entries, (list) => {
      const [forward, backward] = [list, list.toReversed()].map((it) => Object.fromEntries(it))
      expect(canonicalJson(forward)).toBe(canonicalJson(backward))
    }),
  )
})

test('one text and no other is canonical for a value', () => {
  fc.assert(
    fc.property(json, fc.nat(4), (value, indent) => {
      const loose = JSON.stringify(value, null, indent)
      const expected = loose === canonicalJson(value) ? JSON.parse(loose) : undefined
      expect(parseCanonical(utf8(loose))).toEqual(expected)
    }),
  )
})

class Point {
  readonly x = 1
}
const symbolic = { a: 1, [Symbol('b')]: 2 }
const hidden = Object.defineProperty({ a: 1 }, 'b', { value: 2 })
const extended = Object.assign([1], { extra: 2 })
const sparse = [1]
sparse[3] = 4
const cycle: { self?: unknown } = {}
cycle.self = cycle
const throwing = new Proxy(
  {},
  {
    ownKeys: () => {
      throw new TypeError('ann@example.com')
    },
  },
)
const revocable = Proxy.revocable({}, {})
revocable.revoke()

test.each<[string, unknown, readonly (string | number)[]]>([
  ['undefined', { a: undefined }, ['a']],
  ['undefined in an array', [1, undefined], [1]],
  ['a function', { a: () => 1 }, ['a']],
  ['a symbol', { a: Symbol('s') }, ['a']],
  ['a bigint', { a: 1n }, ['a']],
  ['NaN', [Number.NaN], [0]],
  ['infinity', { a: [1, { b: Number.POSITIVE_INFINITY }] }, ['a', 1, '?']],
  ['a number that overflows', JSON.parse('{"a":1e400}'), ['a']],
  ['a date', { at: new Date(0) }, ['at']],
  ['a map', new Map(), []],
  ['bytes', { a: new Uint8Array(1) }, ['a']],
  ['a boxed text', Object('text'), []],
  ['a class instance', new Point(), []],
  ['an object with another parent', Object.create({ inherited: 1 }), []],
  ['a symbol key', symbolic, []],
  ['a hidden property', hidden, ['b']],
  ['a sparse array', sparse, []],
  ['an array with another property', extended, []],
  ['a lone surrogate', ['\ud800'], [0]],
  ['a lone surrogate in a name', { '\udc00': 1 }, ['?']],
  ['a proxy that throws', throwing, []],
  ['a revoked proxy', { a: revocable.proxy }, ['a']],
  ['a proxy within an array', [throwing], [0]],
])('refuses %s and says where', (_, value, path) => {
  expect(refusedAt(value)).toEqual(path)
})

test('refuses a cycle instead of running for ever', () => {
  expect(refusedAt(cycle)).toHaveLength(64)
})

test('refuses depth over 64', () => {
  const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth))
  expect(refusedAt(nested(64))).toBe('['.repeat(64) + ']'.repeat(64))
  expect(refusedAt(nested(65))).toHaveLength(64)
  expect(parseCanonical(utf8('['.repeat(100_000)))).toBeUndefined()
})

test('refuses an object that is shared until it counts millions', () => {
  let shared: unknown = 1
  for (let level = 0; level < 60; level += 1) shared = [shared, shared]
  expect(refusedAt(shared)).not.toBeTypeOf('string')
})

test('a refused path hides names that may be data', () => {
  expect(refusedAt({ 'ann@example.com': undefined })).toEqual(['?'])
})

test('runs no accessor and calls no toJSON', () => {
  let calls = 0
  const accessor = {
    get a() {
      calls += 1
      return 1
    },
  }
  const convertible = {
    toJSON() {
      calls += 1
      return {}
    },
  }
  expect(refusedAt(accessor)).toEqual(['a'])
  expect(refusedAt(convertible)).toEqual(['toJSON'])
  expect(refusedAt(new Proxy(accessor, {}))).toEqual(['a'])
  const inherited = Object.assign(Object.create({ toJSON: () => 'x' }), { a: 1 })
  expect(refusedAt(inherited)).toEqual([])
  expect(calls).toBe(0)
})

test('a proxy that answers consistently is read once per property', () => {
  let reads = 0
  const proxy = new Proxy(
    { a: 1 },
    {
      getOwnPropertyDescriptor: (target, name) => {
        reads += 1
        return Reflect.getOwnPropertyDescriptor(target, name)
      },
    },
  )
  expect(canonicalJson(proxy)).toBe('{"a":1}')
  expect(reads).toBe(1)
})

test('an own __proto__ is a name like any other', () => {
  const value: unknown = JSON.parse('{"__proto__":{"admin":true},"a":1}')
  expect(canonicalJson(value)).toBe('{"__proto__":{"admin":true},"a":1}')
  const back = parseCanonical(canonicalBytes(value))
  expect(Object.keys(Object(back))).toEqual(['__proto__', 'a'])
  expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
})

test('plain objects without prototype or from another realm are plain', () => {
  const bare = Object.assign(Object.create(null), { a: 1 })
  expect(canonicalJson(bare)).toBe('{"a":1}')
  expect(canonicalJson(runInNewContext('({ a: [1, { b: 2 }] })'))).toBe('{"a":[1,{"b":2}]}')
})

test('negative zero is written as zero and not read back', () => {
  expect(canonicalJson([-0])).toBe('[0]')
  expect(parseCanonical(utf8('[-0]'))).toBeUndefined()
})

test.each([
  ['a repeated name', '{"a":1,"a":2}'],
  ['unsorted names', '{"b":1,"a":2}'],
  ['white space', '{"a": 1}'],
  ['a line end', '{}\n'],
  ['a byte order mark', '\ufeff{}'],
  ['another number format', '[1.0]'],
  ['an exponent', '[1E3]'],
  ['an overflowing number', '[1e400]'],
  ['a needless escape', '["\\u0061"]'],
  ['an escaped lone surrogate', '["\\ud800"]'],
  ['an escaped slash', '["\\/"]'],
  ['no JSON', 'undefined'],
  ['nothing', ''],
])('reading refuses %s', (_, spelling) => {
  expect(parseCanonical(utf8(spelling))).toBeUndefined()
})

test('reading refuses malformed UTF-8', () => {
  expect(parseCanonical(Uint8Array.of(0x22, 0xff, 0x22))).toBeUndefined()
})

test('reading never throws, whatever the bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const value = parseCanonical(bytes)
      if (value !== undefined) expect(canonicalBytes(value)).toEqual(bytes)
    }),
    { numRuns: 1000 },
  )
})

/** What reading canonical JSON means: writing the value again gives the same text. */
function judged(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return canonicalJson(value) === text ? value : undefined
  } catch {
    return undefined
  }
}

const names = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toJSON',
    'length',
    '',
    '0',
    '9',
    '10',
    '-1',
    '01',
    '4294967295',
  ),
  fc.constantFrom('\ufb33', '\u{1f600}', '\u0080', '\u2028', '"', '\\', '\u0000'),
  text,
)
const numbers = fc.oneof(
  fc.double(),
  fc.constantFrom(0, -0, 1e21, 1e-7, 5e-324, 2 ** 53 + 1, Number.MAX_VALUE),
)
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(numbers, names, fc.boolean(), fc.constant(null)),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.array(fc.tuple(names, tie('tree')), { maxLength: 5 }).map(Object.fromEntries),
  ),
}))
const pieces = fc.constantFrom(
  ...[
    '',
    '-0',
    '0',
    '1e21',
    '1e+21',
    '1E400',
    '"',
    '\\ud800',
    '\\udc00',
    '\\u000a',
    '\\n',
    '\\"',
    '\\/',
  ],
  ...[
    '[]',
    '{}',
    '{"a":1}',
    '"__proto__":1,',
    '"10":1,"9":2',
    '"9":1,"10":2',
    ',',
    ':',
    ' ',
    'null',
  ],
)

test('reading gives the verdict of writing again, for canonical and for changed texts', () => {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat(3),
    piece: pieces,
  })
  fc.assert(
    fc.property(tree, fc.option(change), (value, changed) => {
      let written = JSON.stringify(value)
      try {
        written = canonicalJson(value)
      } catch (error) {
        // A number that is not finite.
        if (!isPrivityError(error)) throw error
      }
      const { at, cut, piece } = changed ?? { at: 0, cut: 0, piece: '' }
      const start = Math.floor(at * written.length)
      const given = `${written.slice(0, start)}${piece}${written.slice(start + cut)}`.toWellFormed()
      expect(parseCanonical(utf8(given))).toEqual(judged(given))
    }),
    { numRuns: 20_000 },
  )
})

test.each([63, 64, 65, 66])('reading ends where writing does, at %d levels', (depth) => {
  const nested = [
    '['.repeat(depth) + ']'.repeat(depth),
    `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
  ]
  for (const given of nested) expect(parseCanonical(utf8(given))).toEqual(judged(given))
})

test('what was read, or a part of it, is written again as the same bytes', () => {
  fc.assert(
    fc.property(json, (value) => {
      const back = parseCanonical(canonicalBytes([value]))
      expect(ownBytes(back ?? null)).toEqual(canonicalBytes([value]))
      if (Array.isArray(back)) expect(ownBytes(back[0])).toEqual(canonicalBytes(value))
    }),
  )
})

test('what this library put together itself is written in the same way', () => {
  fc.assert(
    fc.property(json, (value) => {
      const own = value as JsonValue
      expect(ownJson(own)).toBe(canonicalJson(value))
      expect(ownBytes(own)).toEqual(canonicalBytes(value))
    }),
    { numRuns: 500 },
  )
  expect(ownJson({ 10: 1, 2: [-0, 1e21, ''], __proto__x: {} })).toBe(
    canonicalJson({ 10: 1, 2: [-0, 1e21, ''], __proto__x: {} }),
  )
})

test.each<[string, unknown]>([
  ['undefined', { a: undefined }],
  ['NaN', [Number.NaN]],
  ['infinity', { a: Number.POSITIVE_INFINITY }],
  ['a lone surrogate', ['\ud800']],
  ['a lone surrogate in a name', { '\udc00': 1 }],
  ['a cycle', cycle],
])('and never %s', (_, value) => {
  expect(() => ownJson(value as JsonValue)).toThrow(TypeError)
})
