import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import type { JsonValue } from '../../src/base/canonical.ts'
import { isPrivityError } from '../../src/base/errors.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import type { Plan } from '../../src/policy/compiled.ts'
import { definePolicy } from '../../src/policy/define-policy.ts'
import { defineRecord } from '../../src/policy/define-record.ts'
import type { AnyField } from '../../src/policy/field.ts'
import { definePurposes } from '../../src/policy/purposes.ts'
import { assertRecordSize } from '../../src/policy/record-size.ts'

const CANARY = 'anna@example.com'
const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  marketing: { basis: 'consent', description: 'Send you offers' },
})
const contact = defineRecord(purposes, ({ field }) => ({
  name: field(z.string().min(1), { purposes: ['support', 'marketing'] }),
  email: field(z.email(), { purposes: ['support', 'marketing'], id: 'mail', lookup: 'email' }),
  address: field(z.string(), { purposes: ['support'] }),
  phone: field(z.string().exactOptional(), { purposes: ['support'] }),
  nick: field(z.string().optional(), { purposes: ['support'] }),
  language: field(z.string().default('en'), { purposes: ['support'] }),
  born: field(
    z
      .codec(z.date(), z.iso.datetime(), {
        decode: (date) => date.toISOString(),
        encode: (text) => new Date(text),
      })
      .exactOptional(),
    { purposes: ['support'] },
  ),
}))
const ANNA = { name: 'Anna', email: CANARY, address: 'Keizersgracht 1' }

function planOf(record: unknown, purpose: string = 'support'): Plan {
  const policy = (definePolicy as (input: unknown) => object)({
    controller: { id: 'a', name: 'A', contact: 'a', country: 'NL' },
    purposes,
    records: { record },
    roles: {},
  })
  const plan = compilePolicy(policy).records.get('record')?.plans.get(purpose)
  if (plan === undefined) expect.fail('the purpose has no plan')
  return plan
}

/** The plan of a record with one field, `it`. */
function planFor(schema: unknown, options: object = {}): Plan {
  type Kit = { field(schema: unknown, options: unknown): AnyField }
  const define = defineRecord as (a: unknown, b: unknown) => unknown
  const fields = ({ field }: Kit) => ({ it: field(schema, { purposes: ['support'], ...options }) })
  return planOf(define(purposes, fields))
}

/** What a promise was rejected with: code and details, never more. */
async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  const outcome: unknown = await promise.then(
    () => 'no error',
    (error: unknown) => error,
  )
  if (!isPrivityError(outcome)) return outcome
  expect(outcome.cause).toBeUndefined()
  expect(`${outcome.message}${JSON.stringify(outcome)}`).not.toContain(CANARY)
  return outcome.toJSON()
}

function issues(...list: readonly (readonly [...(string | number)[], string])[]): object {
  return {
    code: 'invalid_input',
    details: { issues: list.map((it) => ({ path: it.slice(0, -1), code: it.at(-1) })) },
  }
}

const support = planOf(contact)
const marketing = planOf(contact, 'marketing')

describe('a whole record', () => {
  test('is parsed to output by field id, with defaults and without what is absent', async () => {
    expect(await support.parseCreate(ANNA)).toEqual({
      name: 'Anna',
      mail: CANARY,
      address: 'Keizersgracht 1',
      language: 'en',
    })
    const full = { ...ANNA, phone: '1', nick: 'An', language: 'nl', born: new Date(0) }
    expect(await support.parseCreate(full)).toEqual({
      name: 'Anna',
      mail: CANARY,
      address: 'Keizersgracht 1',
      phone: '1',
      nick: 'An',
      language: 'nl',
      born: '1970-01-01T00:00:00.000Z',
    })
  })

  test('takes undefined where the types take it', async () => {
    const stored = await support.parseCreate({ ...ANNA, nick: undefined, language: undefined })
    expect(stored['language']).toBe('en')
    expect(Object.keys(stored)).not.toContain('nick')
    expect(await errorOf(support.parseCreate({ ...ANNA, phone: undefined }))).toEqual(
      issues(['phone', 'invalid_type']),
    )
    expect(await errorOf(support.parseCreate({ ...ANNA, name: undefined }))).toEqual(
      issues(['name', 'invalid_type']),
    )
  })

  test('is refused with every issue of every field', async () => {
    const input = { name: '', email: 'no e-mail', phone: 3, language: null }
    expect(await errorOf(support.parseCreate(input))).toEqual(
      issues(
        ['name', 'too_small'],
        ['email', 'invalid_format'],
        ['address', 'invalid_type'],
        ['phone', 'invalid_type'],
        ['language', 'invalid_type'],
      ),
    )
  })

  test('is refused for a key that no field has, without saying which', async () => {
    const declared = ['name', 'email', 'address', 'phone', 'nick', 'language', 'born']
    for (const key of [CANARY, 'shoeSize', 'mail', '__proto__', 'constructor', '']) {
      const input = Object.defineProperty({ ...ANNA }, key, { value: 1, enumerable: true })
      expect(await errorOf(support.parseCreate(input))).toEqual({
        code: 'not_declared',
        details: { kind: 'field', path: [], declared },
      })
    }
  })

  test('is refused for a field that the purpose does not serve', async () => {
    const reason = 'field_not_in_purpose'
    expect(await errorOf(marketing.parseCreate(ANNA))).toEqual({
      code: 'not_permitted',
      details: { purpose: 'marketing', reason, reasons: [reason] },
    })
    expect(await errorOf(marketing.parseChanges({ address: undefined }, undefined))).toMatchObject({
      code: 'not_permitted',
    })
  })

  test.each([undefined, null, 1, 'x', [], [ANNA], new Date(), new Map(), () => ANNA])(
    'is refused when it is %o',
    async (input) => {
      expect(await errorOf(support.parseCreate(input))).toEqual(issues(['invalid_type']))
    },
  )

  test('takes an object without a prototype', async () => {
    const input: unknown = Object.assign(Object.create(null), ANNA)
    expect(await support.parseCreate(input)).toMatchObject({ name: 'Anna' })
  })

  test('is read once and before anything waits', async () => {
    const input = { ...ANNA, name: 'Anna' }
    const slow = planFor(z.array(z.string()).transform(async (list) => list))
    const list = ['a']
    const parsing = slow.parseCreate({ it: list })
    const creating = support.parseCreate(input)
    list.push('b')
    input.name = 'Bo'
    expect(await parsing).toEqual({ it: ['a'] })
    expect(await creating).toMatchObject({ name: 'Anna' })
  })

  test('never runs an accessor, and names no deeper than the field', async () => {
    let runs = 0
    const trap = { enumerable: true, get: () => runs++ }
    const outer = Object.defineProperty({ ...ANNA }, 'name', trap)
    expect(await errorOf(support.parseCreate(outer))).toEqual(issues(['name', 'unreadable']))
    const other = Object.defineProperty({ ...ANNA }, 'Anna', trap)
    expect(await errorOf(support.parseCreate(other))).toEqual(issues(['unreadable']))
    const deep = planFor(z.record(z.string(), z.any()))
    const hidden = Object.defineProperty({}, 'Anna', trap)
    expect(await errorOf(deep.parseCreate({ it: hidden }))).toEqual(issues(['it', 'unreadable']))
    expect(runs).toBe(0)
  })

  test('replaces what a proxy throws', async () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    expect(await errorOf(support.parseCreate(proxy))).toEqual(issues(['unreadable']))
    const input = { ...ANNA, name: proxy }
    expect(await errorOf(support.parseCreate(input))).toEqual(issues(['name', 'unreadable']))
  })

  test('rejects and does not throw', () => {
    const promise = support.parseCreate(null)
    expect(promise).toBeInstanceOf(Promise)
    return expect(promise).rejects.toMatchObject({ code: 'invalid_input' })
  })
})

describe('changes', () => {
  test('are only the fields that are given', async () => {
    expect(await support.parseChanges({ name: 'Bo' }, undefined)).toEqual({
      set: { name: 'Bo' },
      unset: [],
    })
    expect(await support.parseChanges({}, undefined)).toEqual({ set: {}, unset: [] })
    expect(await marketing.parseChanges({ email: 'b@c.de' }, [])).toEqual({
      set: { mail: 'b@c.de' },
      unset: [],
    })
  })

  test('clear what may be left out, and say so by field id', async () => {
    const unset = ['phone', 'nick', 'language', 'phone']
    expect(await support.parseChanges({ name: 'Bo' }, unset)).toEqual({
      set: { name: 'Bo' },
      unset: ['phone', 'nick', 'language'],
    })
  })

  test('clear what is set to undefined, or set it to its default', async () => {
    const changes = { nick: undefined, language: undefined }
    expect(await support.parseChanges(changes, undefined)).toEqual({
      set: { language: 'en' },
      unset: ['nick'],
    })
    expect(await errorOf(support.parseChanges({ phone: undefined }, undefined))).toEqual(
      issues(['phone', 'invalid_type']),
    )
    expect(await errorOf(support.parseChanges({ name: undefined }, undefined))).toEqual(
      issues(['name', 'invalid_type']),
    )
  })

  test('cannot clear a required field, nor one that is set as well', async () => {
    const both = support.parseChanges({ phone: '1', email: 'x' }, ['nick', 'name', 'phone'])
    expect(await errorOf(both)).toEqual(
      issues(['email', 'invalid_format'], ['unset', 1, 'required'], ['unset', 2, 'also_set']),
    )
  })

  test('cannot clear what is not there, or not for this purpose', async () => {
    expect(await errorOf(marketing.parseChanges({}, ['phone']))).toMatchObject({
      code: 'not_permitted',
    })
    for (const name of [CANARY, '__proto__', 3, null]) {
      const unset = [name] as unknown as readonly string[]
      expect(await errorOf(marketing.parseChanges({}, unset))).toEqual({
        code: 'not_declared',
        details: { kind: 'field', path: [], declared: ['name', 'email'] },
      })
    }
    const hidden = Object.defineProperty({}, CANARY, { enumerable: true, get: () => 1 })
    const hostile = [[hidden]] as unknown as readonly string[]
    expect(await errorOf(support.parseChanges({}, hostile))).toEqual(
      issues(['unset', 'unreadable']),
    )
    for (const unset of [null, 'phone', { 0: 'phone' }] as unknown as string[][]) {
      expect(await errorOf(support.parseChanges({}, unset))).toEqual(
        issues(['unset', 'invalid_type']),
      )
    }
  })
})

describe('what a schema gives', () => {
  test('may be any JSON, without what is undefined in an object', async () => {
    const plan = planFor(z.object({ a: z.string().optional(), b: z.array(z.looseObject({})) }))
    const input = { it: { a: undefined, b: [{ c: undefined, d: null, e: -0 }] } }
    const stored = await plan.parseCreate(input)
    expect(stored).toEqual({ it: { b: [{ d: null, e: 0 }] } })
    expect(Object.is((stored['it'] as { b: [{ e: number }] }).b[0].e, 0)).toBe(true)
    expect(Object.keys(stored['it'] as object)).toEqual(['b'])
  })

  test('is detached from the objects of the app', async () => {
    const shared = { list: ['a'] }
    const plan = planFor(z.string().transform(() => shared))
    const stored = await plan.parseCreate({ it: 'x' })
    shared.list.push('b')
    expect(stored).toEqual({ it: { list: ['a'] } })
  })

  const cyclic: { self?: unknown } = {}
  cyclic.self = cyclic
  let deep: unknown = 'x'
  for (let level = 0; level < 70; level += 1) deep = [deep]

  test.each<[string, unknown]>([
    ['date', new Date(0)],
    ['invalid date', new Date(Number.NaN)],
    ['bigint', 1n],
    ['symbol', Symbol('x')],
    ['function', () => 1],
    ['map', new Map()],
    ['set', new Set()],
    ['bytes', new Uint8Array(1)],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['half a character', '\ud800'],
    ['half a character in a key', { '\udc00': 1 }],
    ['gap', new Array(2)],
    ['undefined in a list', [undefined]],
    ['list with properties', Object.assign([1], { a: 1 })],
    ['symbol key', { [Symbol('x')]: 1 }],
    ['accessor', Object.defineProperty({}, 'a', { get: () => 1, enumerable: true })],
    ['setter', Object.defineProperty({}, 'a', { set: () => {}, enumerable: true })],
    ['hidden', Object.defineProperty({}, 'a', { value: 1 })],
    [
      'instance',
      new (class A {
        a = 1
      })(),
    ],
    ['undefined', undefined],
    ['cycle', cyclic],
    ['depth', deep],
    ['toJSON', { toJSON: () => 'x' }],
    [
      'proxy',
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new TypeError(CANARY)
          },
        },
      ),
    ],
  ])('is refused when it is not JSON: %s', async (_, output) => {
    const plan = planFor(z.string().transform(() => output))
    expect(await errorOf(plan.parseCreate({ it: 'x' }))).toEqual(issues(['it', 'not_json']))
    const custom = planFor(z.string().transform(async () => ({ a: [output] })))
    expect(await errorOf(custom.parseCreate({ it: 'x' }))).toEqual(issues(['it', 'not_json']))
  })

  test('is text where the field has a lookup', async () => {
    const plan = planFor(
      z
        .string()
        .transform((text): string | null =>
          text === '' ? null : text === '7' ? (7 as never) : text,
        ),
      { lookup: 'exact' },
    )
    expect(await plan.parseCreate({ it: 'x' })).toEqual({ it: 'x' })
    expect(await plan.parseCreate({ it: '' })).toEqual({ it: null })
    expect(await errorOf(plan.parseCreate({ it: '7' }))).toEqual(issues(['it', 'needs_text']))
  })

  test('keeps a key that would set a prototype as a key', async () => {
    const plan = planFor(z.any())
    const input: unknown = JSON.parse(
      '{"it": {"__proto__": {"admin": true}, "a": [{"__proto__": 1}]}}',
    )
    const stored = await plan.parseCreate(input)
    expect(JSON.stringify(stored)).toBe('{"it":{"__proto__":{"admin":true},"a":[{"__proto__":1}]}}')
    expect(Object.prototype).not.toHaveProperty('admin')
  })
})

describe('a schema that runs code of the app', () => {
  test('may take its time', async () => {
    const plan = planFor(
      z
        .string()
        .refine(async (text) => text !== 'taken')
        .transform(async (text) => text.toUpperCase()),
    )
    expect(await plan.parseCreate({ it: 'free' })).toEqual({ it: 'FREE' })
    expect(await errorOf(plan.parseCreate({ it: 'taken' }))).toEqual(issues(['it', 'custom']))
    const codec = planFor(
      z.codec(z.string(), z.number(), {
        decode: async (text) => text.length,
        encode: async (length) => 'x'.repeat(length),
      }),
    )
    expect(await codec.parseChanges({ it: 'four' }, [])).toEqual({ set: { it: 4 }, unset: [] })
  })

  test.each<[string, unknown]>([
    [
      'transform',
      z.string().transform(() => {
        throw new TypeError(CANARY)
      }),
    ],
    [
      'refinement',
      z.string().refine(() => {
        throw new TypeError(CANARY)
      }),
    ],
    [
      'async transform',
      z.string().transform(async () => {
        throw new TypeError(CANARY)
      }),
    ],
    [
      'async refinement',
      z.string().refine(async () => {
        throw new TypeError(CANARY)
      }),
    ],
    ['promise', z.string().refine(() => Promise.reject(new TypeError(CANARY)))],
    [
      'overwrite',
      z.string().overwrite(() => {
        throw new TypeError(CANARY)
      }),
    ],
    [
      'codec',
      z.codec(z.string(), z.string(), {
        decode: () => {
          throw new TypeError(CANARY)
        },
        encode: String,
      }),
    ],
  ])('is refused with a word of ours when it throws: %s', async (_, schema) => {
    const plan = planFor(schema)
    expect(await errorOf(plan.parseCreate({ it: CANARY }))).toEqual(issues(['it', 'threw']))
  })

  test('cannot put data into an error', async () => {
    const plan = planFor(
      z.looseObject({ note: z.string() }).superRefine((value, context) => {
        const data = Object.keys(value).at(-1) ?? ''
        context.addIssue({ code: 'custom', path: [data, 'note', 3, Symbol('x')], message: data })
        context.addIssue({ code: data as 'custom', path: ['note', 'Anna'], message: data })
      }),
    )
    expect(await errorOf(plan.parseCreate({ it: { [CANARY]: 1, note: 'x' } }))).toEqual(
      issues(['it', '?', 'note', 3, '?', 'custom'], ['it', 'note', '?', 'custom']),
    )
  })
})

describe('a path in an error', () => {
  test('holds declared names and indices', async () => {
    const plan = planFor(z.object({ lines: z.array(z.object({ street: z.string() })) }))
    const input = { it: { lines: [{ street: 'x' }, { street: 1 }] } }
    expect(await errorOf(plan.parseCreate(input))).toEqual(
      issues(['it', 'lines', 1, 'street', 'invalid_type']),
    )
  })

  test('hides the keys of a record, and numbers that are keys', async () => {
    const record = planFor(z.record(z.string(), z.number()))
    expect(await errorOf(record.parseCreate({ it: { Anna: 'x' } }))).toEqual(
      issues(['it', '?', 'invalid_type']),
    )
    const map = planFor(
      z.codec(z.map(z.number(), z.number()), z.array(z.number()), {
        decode: (map) => [...map.values()],
        encode: () => new Map<number, number>(),
      }),
    )
    expect(await errorOf(map.parseCreate({ it: new Map([[612345678, 'x']]) }))).toEqual(
      issues(['it', '?', 'invalid_type']),
    )
  })

  test('hides keys that a strict object does not know', async () => {
    const plan = planFor(z.strictObject({ a: z.string() }))
    expect(await errorOf(plan.parseCreate({ it: { a: 'x', [CANARY]: 1 } }))).toEqual(
      issues(['it', 'unrecognized_keys']),
    )
  })

  test('comes with at most a hundred others', async () => {
    const plan = planFor(z.array(z.string()))
    const found = await errorOf(plan.parseCreate({ it: Array.from({ length: 500 }, () => 1) }))
    expect(found).toMatchObject({ code: 'invalid_input' })
    expect((found as { details: { issues: unknown[] } }).details.issues).toHaveLength(100)
  })
})

describe('a record that is too big', () => {
  const MAX = 262_144
  const plan = planFor(z.string())

  test('is refused at one byte more than 256 KiB of canonical JSON', async () => {
    const room = MAX - '{"it":""}'.length
    expect(await plan.parseCreate({ it: 'x'.repeat(room) })).toHaveProperty('it')
    const tooBig = issues(['too_big'])
    expect(await errorOf(plan.parseCreate({ it: 'x'.repeat(room + 1) }))).toEqual(tooBig)
    expect(await errorOf(plan.parseChanges({ it: 'é'.repeat(room / 2 + 1) }, []))).toEqual(tooBig)
    expect(await errorOf(plan.parseCreate({ it: 'x'.repeat(2_000_000) }))).toEqual(
      issues(['it', 'too_big']),
    )
  })

  test('is refused after a merge as well', () => {
    const half: JsonValue = 'x'.repeat(MAX / 2)
    expect(() => assertRecordSize({ a: half })).not.toThrow()
    expect(() => assertRecordSize({ a: half, b: half })).toThrow()
  })
})

test('the purpose that sees nothing can do nothing', async () => {
  const only = defineRecord(purposes, ({ field }) => ({
    note: field(z.string(), { purposes: ['support'] }),
  }))
  const plan = planOf(only, 'marketing')
  expect(plan.fields).toEqual([])
  expect(await plan.parseCreate({})).toEqual({})
  expect(await errorOf(plan.parseCreate({ note: 'x' }))).toMatchObject({ code: 'not_permitted' })
  expect(await errorOf(plan.parseCreate({ nope: 'x' }))).toEqual({
    code: 'not_declared',
    details: { kind: 'field', path: [], declared: [] },
  })
})
