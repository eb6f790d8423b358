import { inspect } from 'node:util'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as classic from 'zod'
import * as z from 'zod/mini'
import { isPrivityError } from '../../src/base/errors.ts'
import { parseInput, snapshot } from '../../src/base/parse.ts'

fc.configureGlobal({ seed: 20_261_121 })

const CANARY = 'ann@example.com'

/** The issues of a refusal; fails when there is none. */
function issuesOf(attempt: () => unknown): readonly unknown[] {
  try {
    attempt()
  } catch (error) {
    if (!isPrivityError(error, 'invalid_input')) throw error
    expect(`${error.message}${JSON.stringify(error)}`).not.toContain(CANARY)
    return error.details.issues
  }
  throw new TypeError('was not refused')
}

const plain = fc.jsonValue({ maxDepth: 5 })

test('a snapshot equals the value and shares no object with it', () => {
  const objectsIn = (value: unknown): readonly unknown[] =>
    typeof value === 'object' && value !== null
      ? [value, ...Object.values(value).flatMap(objectsIn)]
      : []
  fc.assert(
    fc.property(plain, (value) => {
      const copy = snapshot(value)
      expect(JSON.stringify(copy)).toBe(JSON.stringify(value))
      const originals = new Set(objectsIn(value))
      expect(objectsIn(copy).some((it) => originals.has(it))).toBe(false)
    }),
  )
})

test('values of other kinds pass as they are', () => {
  const values = [new Date(0), new Uint8Array(2), new Map(), /x/, () => 1, Symbol('s'), 1n]
  const copy = snapshot({ values, none: undefined })
  expect(copy).toEqual({ values, none: undefined })
  for (const [index, value] of values.entries()) {
    expect(Reflect.get(Reflect.get(Object(copy), 'values'), index)).toBe(value)
  }
})

test('what is checked is what is used: a getter gets no chance to change its answer', () => {
  const answers = ['allowed', 'forbidden']
  const input = {
    get purpose() {
      return answers.shift()
    },
  }
  expect(issuesOf(() => snapshot(input))).toEqual([{ path: ['?'], code: 'unreadable' }])
  expect(answers).toHaveLength(2)
})

test('what is checked is what is used: a proxy is read once per property', () => {
  const reads: PropertyKey[] = []
  const input = new Proxy(
    { purpose: 'support', list: [1] },
    {
      get: () => expect.unreachable('a property was read a second time'),
      getOwnPropertyDescriptor: (target, name) => {
        reads.push(name)
        return Reflect.getOwnPropertyDescriptor(target, name)
      },
    },
  )
  expect(snapshot(input)).toEqual({ purpose: 'support', list: [1] })
  // Once by Object.keys, which asks whether a name is enumerable, and once for the value.
  expect(reads.filter((name) => name === 'purpose').length).toBeLessThanOrEqual(2)
})

test('later changes to the input do not reach the snapshot', () => {
  const input = { list: [{ a: 1 }] }
  const copy = snapshot(input)
  input.list[0] = { a: 2 }
  input.list.push({ a: 3 })
  expect(copy).toEqual({ list: [{ a: 1 }] })
})

test.each([['ownKeys'], ['getOwnPropertyDescriptor'], ['getPrototypeOf']] as const)(
  'replaces what the %s trap of a proxy throws',
  (trap) => {
    const hostile = new Proxy(
      { a: 1 },
      {
        [trap]: () => {
          throw new TypeError(CANARY)
        },
      },
    )
    expect(issuesOf(() => snapshot({ in: hostile }))).toMatchObject([{ code: 'unreadable' }])
  },
)

test('refuses a revoked proxy', () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  expect(issuesOf(() => snapshot([proxy]))).toEqual([{ path: [0], code: 'unreadable' }])
})

test('refuses an array whose length is not a number', () => {
  const hostile = new Proxy([], {
    getOwnPropertyDescriptor: () => ({
      value: {
        valueOf: () => {
          throw new TypeError(CANARY)
        },
      },
      writable: true,
      enumerable: false,
      configurable: false,
    }),
  })
  expect(issuesOf(() => snapshot(hostile))).toEqual([{ path: [], code: 'unreadable' }])
})

test('refuses a proxy that claims a huge array', () => {
  const huge = new Proxy([], {
    getOwnPropertyDescriptor: (target, name) => {
      const value = name === 'length' ? 2 ** 32 - 1 : 0
      return { ...Reflect.getOwnPropertyDescriptor(target, name), value, configurable: false }
    },
  })
  expect(issuesOf(() => snapshot(huge))).toEqual([{ path: [], code: 'too_big' }])
})

test('refuses holes, in small arrays and in huge ones', () => {
  const sparse = [1]
  sparse[2] = 3
  expect(issuesOf(() => snapshot(sparse))).toEqual([{ path: [1], code: 'unreadable' }])
  expect(issuesOf(() => snapshot(new Array(2 ** 32 - 1)))).toEqual([{ path: [], code: 'too_big' }])
})

test('leaves out symbol keys and hidden properties', () => {
  const input = Object.defineProperty({ a: 1, [Symbol('s')]: 2 }, 'hidden', { value: 3 })
  expect(Reflect.ownKeys(Object(snapshot(input)))).toEqual(['a'])
})

test('an own __proto__ stays an own property and sets no prototype', () => {
  const copy = snapshot(JSON.parse('{"__proto__":{"admin":true},"a":{"__proto__":1}}'))
  expect(Object.keys(Object(copy))).toEqual(['__proto__', 'a'])
  expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
  expect(Object(copy).admin).toBeUndefined()
  expect(JSON.stringify(copy)).toBe('{"__proto__":{"admin":true},"a":{"__proto__":1}}')
})

test('objects without prototype and of another realm become plain ones of this realm', () => {
  const bare = Object.assign(Object.create(null), { list: [1] })
  const foreign: unknown = runInNewContext('({ list: [1], at: { b: 2 } })')
  expect(snapshot(bare)).toStrictEqual({ list: [1] })
  expect(snapshot(foreign)).toStrictEqual({ list: [1], at: { b: 2 } })
  expect(foreign).not.toBeInstanceOf(Object)
})

test('class instances of another realm pass as they are', () => {
  const foreign: unknown = runInNewContext('new Date(0)')
  expect(snapshot([foreign])).toEqual([foreign])
})

test('refuses depth over 32 and cycles', () => {
  const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth))
  expect(snapshot(nested(32))).toEqual(nested(32))
  expect(issuesOf(() => snapshot(nested(33)))).toMatchObject([{ code: 'too_deep' }])
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  expect(issuesOf(() => snapshot(cycle))).toMatchObject([{ code: 'too_deep' }])
})

test('refuses more than 100,000 values', () => {
  expect(snapshot(new Array(99_999).fill(0))).toHaveLength(99_999)
  expect(issuesOf(() => snapshot(new Array(100_000).fill(0)))).toMatchObject([{ code: 'too_big' }])
  let shared: unknown = 1
  for (let level = 0; level < 30; level += 1) shared = [shared, shared]
  expect(issuesOf(() => snapshot(shared))).toMatchObject([{ code: 'too_big' }])
})

test('refuses more than a mebi of characters, names included', () => {
  const half = 'x'.repeat(524_288)
  expect(snapshot([half, half])).toHaveLength(2)
  expect(issuesOf(() => snapshot([half, half, 'y']))).toEqual([{ path: [2], code: 'too_big' }])
  expect(issuesOf(() => snapshot({ [half]: 1, [`${half}y`]: 1 }))).toMatchObject([
    { code: 'too_big' },
  ])
})

test('the path begins where the caller says', () => {
  expect(issuesOf(() => snapshot({ [CANARY]: new Array(3) }, ['contact', 2]))).toEqual([
    { path: ['contact', 2, '?', 0], code: 'unreadable' },
  ])
})

const Request = z.strictObject({ purpose: z.string(), days: z.number() })

test('gives what the schema makes of the input', () => {
  const schema = z.object({
    email: z.pipe(
      z.string(),
      z.transform((it) => it.toLowerCase()),
    ),
  })
  expect(parseInput(schema, { email: 'ANN' })).toEqual({ email: 'ann' })
  const value: { purpose: string; days: number } = parseInput(Request, { purpose: 'a', days: 1 })
  expect(value).toEqual({ purpose: 'a', days: 1 })
})

test('takes classic schemas as well', () => {
  const schema = classic.object({ email: classic.email().optional() })
  expect(parseInput(schema, {})).toEqual({})
  expect(issuesOf(() => parseInput(schema, { email: 'ann' }))).toEqual([
    { path: ['email'], code: 'invalid_format' },
  ])
})

test('refuses with the path and the rule, never the value', () => {
  expect(issuesOf(() => parseInput(Request, { purpose: 7, days: CANARY }))).toEqual([
    { path: ['purpose'], code: 'invalid_type' },
    { path: ['days'], code: 'invalid_type' },
  ])
  expect(issuesOf(() => parseInput(Request, { purpose: '', days: 1, [CANARY]: 1 }))).toEqual([
    { path: [], code: 'unrecognized_keys', declared: ['purpose', 'days'] },
  ])
})

test('path steps that are not declared names become ?', () => {
  const schema = z.record(z.string(), z.number())
  const input = { [CANARY]: 'x', plain_name: 'x', 'two words': 'x' }
  expect(issuesOf(() => parseInput(schema, input))).toEqual([
    { path: ['?'], code: 'invalid_type' },
    { path: ['?'], code: 'invalid_type' },
    { path: ['?'], code: 'invalid_type' },
  ])
})

const Nested = z.strictObject({
  list: z.array(z.strictObject({ days: z.optional(z.number()) })),
  map: z.optional(z.record(z.string(), z.strictObject({ days: z.number() }))),
})

test('a path says what the schema declares, within lists, maps and what is optional', () => {
  const input = { list: [{ days: 'x' }, { dyas: 1 }], map: { anna: { days: 'x' } } }
  expect(issuesOf(() => parseInput(Nested, input))).toEqual([
    { path: ['list', 0, 'days'], code: 'invalid_type' },
    { path: ['list', 1], code: 'unrecognized_keys', declared: ['days'] },
    { path: ['map', '?', 'days'], code: 'invalid_type' },
  ])
  const hidden = { list: [{ days: { anna: new Array(1) } }] }
  expect(issuesOf(() => parseInput(Nested, hidden))).toEqual([
    { path: ['list', 0, 'days', '?', 0], code: 'unreadable' },
  ])
})

test('no rejected value and no key that is not declared reaches an error, wherever it stands', () => {
  // It looks like a declared name, so that only where it comes from can tell.
  const name = fc.stringMatching(/^zq[A-Za-z0-9_]{4,20}$/)
  const unreadable = Object.defineProperty({}, 'x', { enumerable: true, get: () => CANARY })
  const faulty = (mark: string): readonly unknown[] => [
    mark,
    [mark],
    new Array(3),
    unreadable,
    { [mark]: 1 },
    { [mark]: unreadable },
    [{ days: { [mark]: [mark, unreadable] } }],
    { [mark]: { days: mark } },
  ]
  const at = (value: unknown): readonly unknown[] => [
    value,
    { list: value },
    { list: [value] },
    { list: [], map: value },
    { list: [], other: value },
  ]
  fc.assert(
    fc.property(name, (mark) => {
      for (const value of faulty(mark).flatMap(at)) {
        try {
          parseInput(Nested, value)
        } catch (error) {
          expect(isPrivityError(error, 'invalid_input')).toBe(true)
          expect(`${inspect(error, { depth: 20 })}${JSON.stringify(error)}`).not.toContain(mark)
        }
      }
    }),
  )
})

test('a schema that names an issue after the value is not quoted', () => {
  const schema = z.string().check((context) => {
    context.issues.push({
      code: context.value as 'custom',
      message: context.value,
      input: context.value,
    })
  })
  expect(issuesOf(() => parseInput(schema, CANARY))).toEqual([{ path: [], code: 'custom' }])
})

test('what a refinement throws is replaced', () => {
  const schema = z.string().check(
    z.refine(() => {
      throw new TypeError(CANARY)
    }),
  )
  expect(issuesOf(() => parseInput(schema, 'x'))).toEqual([{ path: [], code: 'custom' }])
})

test('a schema that must be awaited is refused', () => {
  const schema = z.string().check(z.refine(async () => true))
  expect(issuesOf(() => parseInput(schema, 'x'))).toEqual([{ path: [], code: 'custom' }])
})

test('a flood of issues is cut off', () => {
  const schema = z.array(z.number())
  expect(issuesOf(() => parseInput(schema, new Array(5_000).fill('x')))).toHaveLength(100)
})

test('the schema sees the snapshot: a hostile input is refused before it', () => {
  const input = {
    get purpose() {
      return CANARY
    },
    days: 1,
  }
  expect(issuesOf(() => parseInput(Request, input))).toEqual([
    { path: ['purpose'], code: 'unreadable' },
  ])
})

test('hostile structures are refused or copied, but nothing else is ever thrown', () => {
  const hostile = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
    withBoxedValues: true,
  })
  fc.assert(
    fc.property(hostile, (value) => {
      try {
        snapshot(value)
      } catch (error) {
        expect(isPrivityError(error, 'invalid_input')).toBe(true)
      }
    }),
    { numRuns: 1000 },
  )
})
