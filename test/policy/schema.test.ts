import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import * as mini from 'zod/mini'
import { defineRecord, definitionOf } from '../../src/policy/define-record.ts'
import { inspectSchema } from '../../src/policy/inspect-schema.ts'
import { presenceOf } from '../../src/policy/presence.ts'
import { isSchema, type Schema } from '../../src/policy/schema-kinds.ts'
import type { OptionalIn, View } from '../../src/policy/view-types.ts'

type OptionalKeys<T> = {
  [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? K : never
}[keyof T]

interface Tree {
  name: string
  parts?: Tree[] | undefined
}
const tree: z.ZodType<Tree> = z.lazy(() =>
  z.object({ name: z.string(), parts: z.array(tree).optional() }),
)
const dated: z.ZodType = z.lazy(() => z.object({ at: z.date(), parts: z.array(dated).optional() }))
const getters = z.object({
  name: z.string(),
  get parts(): z.ZodOptional<z.ZodArray<z.ZodType>> {
    return z.array(getters).optional()
  },
})
const isoDate = z.codec(z.date(), z.iso.datetime(), {
  decode: (date) => date.toISOString(),
  encode: (text) => new Date(text),
})
const fromIso = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
})

const endless: z.ZodType = z.lazy(() => z.lazy(() => endless).nullable())

const knot: z.ZodType = z.lazy(() => z.union([knot, z.union([knot, z.string()]), knot]))

function presence(schema: Schema) {
  return presenceOf(schema, inspectSchema(schema))
}

describe('a schema with JSON output is taken', () => {
  test.each<[string, Schema]>([
    ['string', z.string()],
    ['formats', z.email()],
    ['number', z.number()],
    ['int', z.int()],
    ['boolean', z.boolean()],
    ['null', z.null()],
    ['any', z.any()],
    ['unknown', z.unknown()],
    ['never', z.never()],
    ['enum', z.enum(['a', 'b'])],
    ['numeric enum', z.enum({ A: 1, B: 2 })],
    ['literal', z.literal(['a', 1, true, null])],
    ['template literal', z.templateLiteral(['a', z.number()])],
    ['object', z.object({ a: z.string().optional(), b: z.object({ c: z.number() }) })],
    ['strict object', z.strictObject({ a: z.string() })],
    ['loose object', z.looseObject({ a: z.string() })],
    ['catchall', z.object({ a: z.string() }).catchall(z.number())],
    ['array', z.array(z.string())],
    ['tuple', z.tuple([z.string(), z.number().optional()], z.boolean())],
    ['record', z.record(z.string(), z.number())],
    ['enum record', z.record(z.enum(['a', 'b']), z.number())],
    ['union', z.union([z.string(), z.number()])],
    [
      'discriminated union',
      z.discriminatedUnion('t', [
        z.object({ t: z.literal('a'), a: z.string() }),
        z.object({ t: z.literal('b') }),
      ]),
    ],
    ['intersection', z.intersection(z.object({ a: z.string() }), z.object({ b: z.string() }))],
    ['wrappers', z.string().nullable().optional().nonoptional().readonly()],
    ['default', z.string().default('x')],
    ['prefault', z.string().prefault('x')],
    ['catch', z.string().catch('x')],
    ['transform', z.string().transform((text) => text.length)],
    ['a date made text', z.date().transform((date) => date.toISOString())],
    ['preprocess', z.preprocess((value) => value, z.string())],
    ['pipe', z.date().transform(Number).pipe(z.number())],
    ['codec', isoDate],
    [
      'a map made a list',
      z.codec(z.map(z.string(), z.date()), z.array(z.string()), {
        decode: (map) => [...map.keys()],
        encode: () => new Map<string, Date>(),
      }),
    ],
    ['success', z.success(z.date())],
    ['stringbool', z.stringbool()],
    ['lazy', tree],
    ['getters', getters],
    ['json', z.json()],
    ['custom', z.custom((value) => typeof value === 'string')],
    [
      'refined',
      z
        .string()
        .refine(() => true)
        .superRefine(() => {}),
    ],
    ['brand and meta', z.string().brand<'B'>().meta({ title: 'x' })],
    ['mini', mini.object({ a: mini.optional(mini.string()) })],
  ])('%s', (_, schema) => {
    expect(isSchema(schema)).toBe(true)
    expect(inspectSchema(schema).fault).toBeUndefined()
  })
})

describe('a schema with any other output is refused', () => {
  test.each<[string, Schema]>([
    ['date', z.date()],
    ['coerced date', z.coerce.date()],
    ['bigint', z.bigint()],
    ['int64', z.int64()],
    ['symbol', z.symbol()],
    ['undefined', z.undefined()],
    ['void', z.void()],
    ['nan', z.nan()],
    ['map', z.map(z.string(), z.string())],
    ['set', z.set(z.string())],
    ['file', z.file()],
    ['promise', z.promise(z.string())],
    ['bigint literal', z.literal(1n)],
    ['undefined literal', z.literal([undefined, 'a'])],
    ['infinite enum', z.enum({ A: Number.POSITIVE_INFINITY })],
    ['object', z.object({ a: z.object({ b: z.date() }) })],
    ['catchall', z.object({}).catchall(z.date())],
    ['symbol key', z.object({ [Symbol('a')]: z.string() })],
    ['array', z.array(z.bigint())],
    ['array with gaps', z.array(z.string().optional())],
    ['tuple', z.tuple([z.string(), z.date()])],
    ['tuple rest', z.tuple([z.string()], z.date())],
    ['record', z.record(z.string(), z.date())],
    ['symbol record', z.record(z.symbol(), z.string())],
    ['union', z.union([z.string(), z.date()])],
    ['union with undefined', z.union([z.string(), z.undefined()])],
    ['intersection', z.intersection(z.object({ a: z.string() }), z.object({ b: z.date() }))],
    ['optional', z.date().optional()],
    ['exactOptional', z.date().exactOptional()],
    ['nullable', z.date().nullable()],
    ['nonoptional', z.date().optional().nonoptional()],
    ['readonly', z.date().readonly()],
    ['default', z.date().default(new Date(0))],
    ['prefault', z.date().prefault(new Date(0))],
    ['catch', z.date().catch(new Date(0))],
    ['pipe', z.string().pipe(z.coerce.date())],
    ['codec', fromIso],
    ['preprocess', z.preprocess((value) => value, z.date())],
    ['lazy', z.lazy(() => z.date())],
    ['lazy cycle', dated],
    ['function', z.function() as unknown as Schema],
    ['mini', mini.array(mini.date())],
  ])('%s', (_, schema) => {
    expect(inspectSchema(schema).fault).toBe('not_json_use_a_codec')
  })

  test('also where the same part is an input first and an output later', () => {
    const date = z.date()
    const schema = z.object({ a: date.transform(String), b: z.object({ c: date }) })
    expect(inspectSchema(schema).fault).toBe('not_json_use_a_codec')
  })
})

describe('a schema that cannot be looked through', () => {
  test('is refused when its getters throw', () => {
    const schema = z.lazy(() => {
      throw new TypeError('anna@example.com')
    })
    expect(inspectSchema(schema).fault).toBe('unreadable_schema')
  })

  test('is refused when its kind is of a zod to come', () => {
    const schema = z.string()
    Object.assign(schema._zod.def, { type: 'tensor' })
    expect(inspectSchema(schema).fault).toBe('unsupported_schema')
    Object.assign(schema._zod.def, { type: 'constructor' })
    expect(inspectSchema(schema).fault).toBe('unsupported_schema')
  })

  test('ends where new schemas are minted without end', () => {
    const mint = (): z.ZodType => z.object({ left: z.lazy(mint), right: z.lazy(mint) })
    expect(inspectSchema(mint()).fault).toBeUndefined()
    // What was not seen may have to be waited for.
    expect(inspectSchema(mint()).runs).toBe('unknown')
  })

  test.each([
    undefined,
    null,
    'x',
    {},
    { _zod: null },
    { _zod: { def: {} } },
    { _zod: { def: { type: 'string' }, run: () => 1 } },
    { _zod: { def: { type: 'string' }, run: () => 1, traits: null } },
    { _zod: { def: null, run: () => 1, traits: new Set() } },
    { parse: () => 1, _def: { typeName: 'ZodString' } },
    new Proxy(
      {},
      {
        has: () => {
          throw new TypeError('x')
        },
      },
    ),
  ])('is not one at all: case %#', (value) => {
    expect(isSchema(value)).toBe(false)
  })
})

describe('what a schema makes of nothing', () => {
  const required = { optional: false, hasDefault: false }
  const optional = { optional: true, hasDefault: false }
  const defaulted = (defaultValue: unknown, mayBeAbsent = false) => ({
    optional: mayBeAbsent,
    hasDefault: true,
    defaultValue,
  })

  test.each<[string, Schema, object]>([
    ['string', z.string(), required],
    ['nullable', z.string().nullable(), required],
    ['optional', z.string().optional(), optional],
    ['nullish', z.string().nullish(), optional],
    ['exactOptional', z.string().exactOptional(), optional],
    ['a wrapped exactOptional', z.string().exactOptional().nullable(), required],
    ['nonoptional', z.string().optional().nonoptional(), required],
    ['default', z.string().default('en'), defaulted('en')],
    ['default function', z.array(z.string()).default(() => ['x']), defaulted(['x'])],
    ['default then optional', z.string().default('en').optional(), defaulted('en', true)],
    ['default then exactOptional', z.string().default('en').exactOptional(), defaulted('en', true)],
    ['nonoptional default', z.string().default('en').nonoptional(), required],
    ['nonoptional default', z.string().default('en').nonoptional(), required],
    ['prefault', z.string().toUpperCase().prefault('en'), defaulted('EN')],
    ['a prefault it refuses', z.string().min(9).prefault('en'), required],
    [
      'default then transform',
      z
        .string()
        .default('en')
        .transform((t) => t.length),
      defaulted(2),
    ],
    ['catch', z.string().catch('en'), required],
    ['catch of an optional', z.string().optional().catch('en'), optional],
    ['preprocess', z.preprocess((value) => value ?? 'x', z.string()), defaulted('x')],
    ['any', z.any(), optional],
    ['unknown', z.unknown(), optional],
    ['union', z.union([z.string().optional(), z.number()]), optional],
    ['lazy', z.lazy(() => z.string().optional()), optional],
    ['nullable unknown', z.unknown().nullable().readonly(), optional],
    ['custom that takes nothing', z.custom((value) => value !== 1), optional],
    ['custom that does not', z.custom((value) => value === 1), required],
    ['unknown made text', z.unknown().transform(String), defaulted('undefined')],
    ['object', z.object({ a: z.string().optional() }), required],
    ['intersection', z.intersection(z.string().optional(), z.string()), required],
    [
      'intersection of optionals',
      z.intersection(z.string().optional(), z.string().optional()),
      optional,
    ],
    ['a knot of unions', knot, required],
    ['an endless lazy', endless, required],
    [
      'optional and refused',
      z
        .string()
        .optional()
        .refine((t) => t !== undefined),
      optional,
    ],
    [
      'optional made a value',
      z
        .string()
        .optional()
        .transform((t) => t ?? ''),
      defaulted(''),
    ],
    ['negative zero', z.number().default(-0), defaulted(0)],
    ['throwing', z.preprocess((value) => (value as string).trim(), z.string()), required],
    [
      'exactOptional of what takes nothing',
      z.string().prefault('p').nonoptional().exactOptional(),
      optional,
    ],
    ['async preprocess', z.preprocess(async () => 'x', z.string()), required],
    [
      'async refinement',
      z
        .string()
        .optional()
        .refine(async () => true),
      optional,
    ],
    ['async required', z.string().refine(async () => true), required],
    [
      'promise of a plain function',
      z
        .string()
        .optional()
        .refine(() => Promise.resolve()),
      optional,
    ],
  ])('%s', (_, schema, expected) => {
    expect(presence(schema)).toEqual(expected)
  })

  test('is refused as a default that is not JSON, or not known before it is asked for', () => {
    const notJson = z.any().default(new Date(0))
    expect(presence(notJson).fault).toBe('default_not_json')
    const late = z
      .string()
      .default('en')
      .transform(async (text) => text)
    expect(presence(late).fault).toBe('default_not_known')
  })

  test.each<[string, Schema]>([
    ['a random id', z.string().default(() => crypto.randomUUID())],
    [
      'a random id inside',
      z.object({ id: z.string() }).default(() => ({ id: crypto.randomUUID() })),
    ],
    ['the time', z.iso.datetime().default(() => new Date().toISOString())],
    ['the time in milliseconds', z.number().default(() => Date.now())],
    [
      'a random id that a transform makes',
      z
        .string()
        .default('en')
        .transform((text) => text + crypto.randomUUID()),
    ],
  ])('is refused as a default that is another each time: %s', (_, schema) => {
    expect(presence(schema)).toEqual({
      optional: false,
      hasDefault: false,
      fault: 'default_not_known',
    })
  })

  test('is taken as a default that a function makes and that is always the same', () => {
    const made = { optional: false, hasDefault: true }
    expect(presence(z.array(z.string()).default(() => []))).toEqual({ ...made, defaultValue: [] })
    expect(presence(z.number().default(() => 0))).toEqual({ ...made, defaultValue: 0 })
    const past = '2026-01-01T00:00:00Z'
    expect(presence(z.iso.datetime().default(past))).toEqual({ ...made, defaultValue: past })
  })

  test('never runs an async function, whose rejection nobody would handle', () => {
    let runs = 0
    const schema = z.unknown().transform(async () => {
      runs += 1
      throw new TypeError('x')
    })
    presence(schema)
    expect(runs).toBe(0)
  })
})

describe('what may be told about a schema', () => {
  test('are the names it declares, on both sides of a codec', () => {
    const schema = z.codec(
      z.object({ in: z.string() }),
      z.record(z.string(), z.object({ out: z.string() })),
      {
        decode: () => ({}),
        encode: () => ({ in: '' }),
      },
    )
    expect([...inspectSchema(schema).names].sort()).toEqual(['in', 'out'])
  })

  test('is whether it runs code of the app', () => {
    const plain = z.object({ a: z.string().min(1).trim().toLowerCase(), b: z.int().max(3) })
    expect(inspectSchema(plain).runs).toBe('sync')
    expect(inspectSchema(z.email().default('a@b.c')).runs).toBe('sync')
    expect(inspectSchema(z.string().refine(() => true)).runs).toBe('unknown')
    expect(inspectSchema(z.string().superRefine(() => {})).runs).toBe('unknown')
    expect(inspectSchema(z.string().transform(String)).runs).toBe('unknown')
    expect(inspectSchema(z.stringFormat('x', () => true)).runs).toBe('unknown')
    expect(inspectSchema(z.object({ a: isoDate })).runs).toBe('unknown')
    expect(inspectSchema(z.string().refine(async () => true)).runs).toBe('async')
    expect(inspectSchema(z.array(z.string().transform(async (t) => t))).runs).toBe('async')
  })
})

describe('the types and the checks agree', () => {
  const purposes = { a: { basis: 'contract', description: 'x' } } as const
  const options = { purposes: ['a'] } as const
  const record = defineRecord(purposes, ({ field }) => ({
    text: field(z.string(), options),
    nullable: field(z.string().nullable(), options),
    optional: field(z.string().optional(), options),
    nullish: field(z.string().nullish(), options),
    exact: field(z.string().exactOptional(), options),
    wrappedExact: field(z.string().exactOptional().nullable(), options),
    nonoptional: field(z.string().optional().nonoptional(), options),
    defaulted: field(z.string().default('x'), options),
    optionalDefault: field(z.string().default('x').optional(), options),
    exactDefault: field(z.string().default('x').exactOptional(), options),
    nonoptionalDefault: field(z.string().default('x').nonoptional(), options),
    prefault: field(z.string().prefault('x'), options),
    caught: field(z.string().catch('x'), options),
    caughtOptional: field(z.string().optional().catch('x'), options),
    anything: field(z.any(), options),
    unknown: field(z.unknown(), options),
    union: field(z.union([z.string().optional(), z.number()]), options),
    readonly: field(z.string().optional().readonly(), options),
    piped: field(z.string().optional().pipe(z.string().optional()), options),
    madeText: field(
      z
        .string()
        .optional()
        .transform((text) => text ?? ''),
      options,
    ),
    preprocessed: field(
      z.preprocess((value) => value ?? 'x', z.string()),
      options,
    ),
    lazy: field(
      z.lazy(() => z.string().optional()),
      options,
    ),
    codec: field(isoDate.optional(), options),
    both: field(z.intersection(z.string().optional(), z.string().optional()), options),
    success: field(z.success(z.string()), options),
  }))
  type F = typeof record.fields
  // Each table compiles only if it names exactly the fields that the types name.
  const leftOut: { readonly [K in OptionalIn<F>]: true } = {
    optional: true,
    nullish: true,
    exact: true,
    defaulted: true,
    optionalDefault: true,
    exactDefault: true,
    prefault: true,
    caughtOptional: true,
    anything: true,
    unknown: true,
    union: true,
    readonly: true,
    piped: true,
    madeText: true,
    preprocessed: true,
    lazy: true,
    codec: true,
    both: true,
  }
  const absent: { readonly [K in OptionalKeys<View<F, 'a'>>]: true } = {
    optional: true,
    nullish: true,
    exact: true,
    optionalDefault: true,
    exactDefault: true,
    caughtOptional: true,
    anything: true,
    unknown: true,
    union: true,
    readonly: true,
    piped: true,
    lazy: true,
    codec: true,
    both: true,
  }
  const fields = definitionOf(record)?.fields ?? []

  test('on what may be left out of an input', () => {
    const may = fields.filter(({ presence: it }) => it.optional || it.hasDefault)
    expect(may.map(({ name }) => name)).toEqual(Object.keys(leftOut))
  })

  test('on what may be absent from a view', () => {
    const may = fields.filter(({ presence: it }) => it.optional)
    expect(may.map(({ name }) => name)).toEqual(Object.keys(absent))
  })
})
