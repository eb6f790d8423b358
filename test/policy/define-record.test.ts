import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import * as mini from 'zod/mini'
import { isPrivityError, PrivityError } from '../../src/base/errors.ts'
import { defineRecord, definitionOf } from '../../src/policy/define-record.ts'
import { definePurposes } from '../../src/policy/purposes.ts'

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  marketing: { basis: 'consent', description: 'Send you offers' },
  care: { basis: 'consent', description: 'Mind your allergies', explicit: true },
  clinic: { basis: 'contract', description: 'Treat you', article9: '9(2)(h)' },
})

type LooseKit = { field(schema: unknown, options: unknown): unknown }

/** Defines a record as JavaScript would. */
function loosely(fields: unknown, options?: unknown, named: unknown = purposes): unknown {
  const define = defineRecord as (a: unknown, b: unknown, c: unknown) => unknown
  return define(named, fields, options)
}

function faultsOf(define: () => unknown): readonly string[] {
  try {
    define()
    return []
  } catch (error) {
    if (!isPrivityError(error, 'invalid_input')) throw error
    return error.details.issues.map(({ path, code }) => [...path, code].join(' '))
  }
}

/** What is wrong with one field that has this schema and these options. */
function fieldFaults(schema: unknown, options: unknown = { purposes: ['support'] }) {
  return faultsOf(() => loosely(({ field }: LooseKit) => ({ it: field(schema, options) })))
}

describe('a record', () => {
  test('keeps fields and options, frozen down to the schemas and not into them', () => {
    const schema = z.string()
    const year = (date: string) => Number(date.slice(0, 4))
    const options = { purposes: ['support', 'marketing'], views: { marketing: year } } as const
    const record = defineRecord(purposes, ({ field }) => ({ born: field(schema, options) }), {
      many: true,
    })
    expect(record.options).toEqual({ many: true })
    expect(record.fields.born.schema).toBe(schema)
    expect(record.fields.born.options).toEqual(options)
    expect(record.fields.born.options).not.toBe(options)
    for (const part of [record, record.fields, record.fields.born, record.fields.born.options]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
    expect(Object.isFrozen(record.fields.born.options.views)).toBe(true)
    expect(Object.isFrozen(record.fields.born.options.purposes)).toBe(true)
    expect(Object.isFrozen(schema)).toBe(false)
    expect(Object.isFrozen(year)).toBe(false)
  })

  test('does not follow the options it was made from', () => {
    const options = { purposes: ['support'] }
    const record = loosely(({ field }: LooseKit) => ({ it: field(z.string(), options) }))
    options.purposes.push('marketing')
    expect(definitionOf(record)?.fields[0]?.purposes).toEqual(['support'])
  })

  test('takes fields of another record, and sorts their purposes', () => {
    const first = defineRecord(purposes, ({ field }) => ({
      name: field(z.string(), { purposes: ['support', 'marketing'] }),
    }))
    const second = defineRecord(purposes, () => ({ title: first.fields.name }))
    expect(definitionOf(second)?.fields).toMatchObject([
      { name: 'title', id: 'title', purposes: ['marketing', 'support'] },
    ])
  })

  test('is known by what made it, not by what it looks like', () => {
    const record = defineRecord(purposes, ({ field }) => ({
      name: field(z.string(), { purposes: ['support'] }),
    }))
    expect(definitionOf(record)).toBeDefined()
    expect(definitionOf({ ...record })).toBeUndefined()
    expect(definitionOf(undefined)).toBeUndefined()
    expect(definitionOf('record')).toBeUndefined()
  })

  test('takes schemas of zod/mini', () => {
    const define = () =>
      loosely(({ field }: LooseKit) => ({
        name: field(mini.string().check(mini.minLength(1)), { purposes: ['support'] }),
        phone: field(mini.exactOptional(mini.string()), { purposes: ['support'], lookup: 'exact' }),
      }))
    expect(definitionOf(define())?.fields).toMatchObject([
      { name: 'name', presence: { optional: false, hasDefault: false } },
      { name: 'phone', presence: { optional: true, hasDefault: false } },
    ])
  })
})

describe('a record is refused', () => {
  test('with every fault of every field at once', () => {
    const shared = { purposes: ['support'] }
    const define = () =>
      loosely(
        ({ field }: LooseKit) => ({
          ok: field(z.string(), shared),
          a: field('not a schema', { purposes: [] }),
          b: field(z.date(), { purposes: ['suport', 'support', 'support', 7, 'bad name'] }),
          c: field(z.string(), { ...shared, id: 'no id', lookup: 'fuzzy', special: 'wealth' }),
          d: field(z.string(), { ...shared, views: { marketing: String, support: 'x' } }),
          e: field(z.string(), { ...shared, views: 'x', custody: 1 }),
          f: { schema: z.string(), options: shared },
          then: field(z.string(), shared),
          'no name': field(z.string(), shared),
          g: field(z.string(), { ...shared, id: 'ok' }),
          h: field(z.string(), 'x'),
          i: field(z.string(), {}),
        }),
        { many: false, shard: 1 },
      )
    expect(faultsOf(define)).toEqual([
      'options many invalid_value',
      'options shard unrecognized_keys',
      'fields a purposes too_small',
      'fields a schema not_a_schema',
      'fields b purposes 0 not_declared',
      'fields b purposes 2 duplicate',
      'fields b purposes 3 invalid_type',
      'fields b purposes 4 invalid_name',
      'fields b schema not_json_use_a_codec',
      'fields c id invalid_name',
      'fields c special invalid_value',
      'fields c lookup invalid_value',
      'fields d views marketing not_served',
      'fields d views support invalid_type',
      'fields e views invalid_type',
      'fields e custody unrecognized_keys',
      'fields f not_a_field',
      'fields then reserved_name',
      'fields ? invalid_name',
      'fields h invalid_type',
      'fields i purposes required',
      'fields g id duplicate',
    ])
  })

  test.each([
    'then',
    'constructor',
    'prototype',
    '__proto__',
    'toJSON',
    'toString',
    'valueOf',
    'hasOwnProperty',
    'inspect',
  ])('with %s as the name or the id of a field', (name) => {
    const named = ({ field }: LooseKit) => {
      const it = field(z.string(), { purposes: ['support'] })
      return Object.defineProperty({}, name, { value: it, enumerable: true })
    }
    expect(faultsOf(() => loosely(named))).toEqual([`fields ${name} reserved_name`])
    const id = { purposes: ['support'], id: name }
    expect(fieldFaults(z.string(), id)).toEqual(['fields it id reserved_name'])
  })

  test.each(['', '1a', 'a-b', 'a.b', 'ä', 'a b', '_a', 'a\n', 'a'.repeat(65)])(
    'with %j as the name of a field',
    (name) => {
      const fields = ({ field }: LooseKit) => ({
        [name]: field(z.string(), { purposes: ['support'] }),
      })
      expect(faultsOf(() => loosely(fields))).toEqual([
        expect.stringMatching(/^fields \S+ invalid_name$/),
      ])
    },
  )

  test('with two fields of one id', () => {
    const define = () =>
      loosely(({ field }: LooseKit) => ({
        a: field(z.string(), { purposes: ['support'], id: 'b' }),
        b: field(z.string(), { purposes: ['support'] }),
        c: field(z.string(), { purposes: ['support'], id: 'b' }),
      }))
    expect(faultsOf(define)).toEqual(['fields b id duplicate', 'fields c id duplicate'])
  })

  test('with options that are null, or more views than there can be purposes', () => {
    const fields = ({ field }: LooseKit) => ({ it: field(z.string(), { purposes: ['support'] }) })
    expect(faultsOf(() => loosely(fields, null))).toEqual(['options invalid_type'])
    const views = Object.fromEntries(
      Array.from({ length: 65 }, (_, index) => [`v${index}`, String]),
    )
    expect(fieldFaults(z.string(), { purposes: ['support'], views })).toEqual([
      'fields it views too_big',
    ])
    const purposes = Array.from({ length: 65 }, () => 'support')
    expect(fieldFaults(z.string(), { purposes })).toEqual(['fields it purposes too_big'])
    expect(fieldFaults(z.string(), { purposes: new Array(3) })).toEqual([
      'fields it purposes 0 unreadable',
    ])
    expect(fieldFaults(z.string(), { purposes: 'support', id: 7 })).toEqual([
      'fields it purposes invalid_type',
      'fields it id invalid_type',
    ])
  })

  test('with no fields, or more than 256', () => {
    const many = (count: number) => () =>
      loosely(({ field }: LooseKit) =>
        Object.fromEntries(
          Array.from({ length: count }, (_, index) => [
            `f${index}`,
            field(z.string(), { purposes: ['support'] }),
          ]),
        ),
      )
    expect(faultsOf(many(0))).toEqual(['fields too_small'])
    expect(faultsOf(many(256))).toEqual([])
    expect(faultsOf(many(257))).toEqual(['fields too_big'])
  })

  test('with more than 64 access classes', () => {
    const many = definePurposes(
      Object.fromEntries(
        Array.from({ length: 7 }, (_, index) => [
          `p${index}`,
          { basis: 'contract', description: 'x' } as const,
        ]),
      ),
    )
    const classes = (count: number) => () =>
      loosely(
        ({ field }: LooseKit) =>
          Object.fromEntries(
            Array.from({ length: count }, (_, index) => {
              const bits = [...'0123456'].filter((bit) => ((index + 1) >> Number(bit)) & 1)
              return [`f${index}`, field(z.string(), { purposes: bits.map((bit) => `p${bit}`) })]
            }),
          ),
        undefined,
        many,
      )
    expect(faultsOf(classes(64))).toEqual([])
    expect(faultsOf(classes(65))).toEqual(['fields too_many_classes'])
  })

  test('when its purposes are not purposes', () => {
    const fields = ({ field }: LooseKit) => ({ it: field(z.string(), { purposes: ['a'] }) })
    expect(faultsOf(() => loosely(fields, undefined, 'x'))).toEqual([
      'purposes invalid_type',
      'fields it purposes 0 not_declared',
    ])
    expect(faultsOf(() => loosely(fields, undefined, { a: { basis: 'no' } }))).toEqual([
      'purposes a basis invalid_value',
      'purposes a description required',
    ])
  })

  test.each([undefined, null, 3, {}, []])('when %o stands for its fields', (fields) => {
    expect(faultsOf(() => loosely(fields))).toEqual(['fields invalid_type'])
  })

  test.each([undefined, null, 3, 'x', [], new Map()])('when its fields are %o', (fields) => {
    expect(faultsOf(() => loosely(() => fields))).toEqual(['fields invalid_type'])
  })

  test('when declaring them takes time or throws; a definition inside speaks for itself', () => {
    expect(faultsOf(() => loosely(async () => ({})))).toEqual(['fields invalid_type'])
    const throws = (error: unknown) => () =>
      loosely(() => {
        throw error
      })
    expect(faultsOf(throws(new TypeError('anna@example.com')))).toEqual(['fields threw'])
    const issues = [{ path: ['a'], code: 'b' }]
    expect(faultsOf(throws(new PrivityError('invalid_input', { issues })))).toEqual(['a b'])
  })

  test('with options or views behind an accessor, which is not run', () => {
    let runs = 0
    const trap = (name: string) =>
      Object.defineProperty({ purposes: ['support'] }, name, {
        enumerable: true,
        get: () => {
          runs += 1
          return undefined
        },
      })
    expect(fieldFaults(z.string(), trap('lookup'))).toEqual(['fields it lookup unreadable'])
    const views = { purposes: ['support'], views: trap('support') }
    expect(fieldFaults(z.string(), views)).toEqual(['fields it views support unreadable'])
    expect(runs).toBe(0)
  })
})

describe('a special field', () => {
  const special = 'health'

  test('stands where each purpose has explicit consent or another ground', () => {
    expect(fieldFaults(z.string(), { purposes: ['care'], special })).toEqual([])
    expect(fieldFaults(z.string(), { purposes: ['care', 'clinic'], special })).toEqual([])
  })

  test('is refused where one purpose has neither', () => {
    const fault = ['fields it special needs_explicit_consent']
    expect(fieldFaults(z.string(), { purposes: ['marketing'], special })).toEqual(fault)
    expect(fieldFaults(z.string(), { purposes: ['care', 'support'], special })).toEqual(fault)
  })

  test('has no lookup', () => {
    const options = { purposes: ['care'], special, lookup: 'exact' }
    expect(fieldFaults(z.string(), options)).toEqual(['fields it lookup special_field'])
  })
})

describe('a lookup', () => {
  const options = { purposes: ['support'], lookup: 'exact' }

  test.each([
    ['string', z.string()],
    ['email', z.email().toLowerCase()],
    ['nullable', z.string().nullable()],
    ['optional', z.string().optional()],
    ['exactOptional', z.email().exactOptional()],
    ['default', z.string().default('x')],
    ['enum', z.enum(['a', 'b'])],
    ['literal', z.literal(['a', 'b'])],
    ['template literal', z.templateLiteral(['a', z.number()])],
    ['union', z.union([z.email(), z.literal('none'), z.null()])],
    ['pipe', z.number().transform(String).pipe(z.string())],
    ['transform', z.string().transform((text) => text.trim())],
    ['codec', z.codec(z.date(), z.iso.datetime(), { decode: String, encode: (s) => new Date(s) })],
    ['lazy', z.lazy(() => z.string())],
    ['custom', z.custom<`${string}@${string}`>((value) => typeof value === 'string')],
    ['brand', z.string().brand<'Email'>()],
    ['readonly catch', z.string().catch('x').readonly()],
  ])('stands on a schema that gives text: %s', (_, schema) => {
    expect(fieldFaults(schema, options)).toEqual([])
  })

  test.each([
    ['number', z.number()],
    ['any', z.any()],
    ['unknown', z.unknown()],
    ['object', z.object({ a: z.string() })],
    ['array', z.array(z.string())],
    ['record', z.record(z.string(), z.string())],
    ['null', z.null()],
    ['mixed literal', z.literal(['a', 1])],
    ['numeric enum', z.enum({ A: 1 })],
    ['mixed union', z.union([z.string(), z.number()])],
    ['pipe', z.string().pipe(z.coerce.number())],
    ['success', z.success(z.string())],
    ['stringbool', z.stringbool()],
  ])('is refused on any other: %s', (_, schema) => {
    expect(fieldFaults(schema, options)).toEqual(['fields it lookup needs_text'])
  })
})
