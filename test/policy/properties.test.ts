import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { canonicalJson } from '../../src/base/canonical.ts'
import { isPrivityError } from '../../src/base/errors.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import type { CompiledPolicy, CompiledRecord } from '../../src/policy/compiled.ts'
import { consentCoverage } from '../../src/policy/consent-coverage.ts'
import { definePolicy } from '../../src/policy/define-policy.ts'
import { defineRecord } from '../../src/policy/define-record.ts'
import type { AnyField } from '../../src/policy/field.ts'
import { inspectSchema } from '../../src/policy/inspect-schema.ts'
import { isSchema, type Schema } from '../../src/policy/schema-kinds.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const
const BASES = ['consent', 'contract', 'legitimate_interests', 'vital_interests'] as const
const KINDS = ['required', 'optional', 'exact', 'default'] as const
const SCHEMAS: { readonly [K in (typeof KINDS)[number]]: () => Schema } = {
  required: () => z.string(),
  optional: () => z.string().optional(),
  exact: () => z.string().exactOptional(),
  default: () => z.string().default('x'),
}

/** A policy as plain data, so that a property can shuffle and change it. */
interface Model {
  controller: { [name: string]: string }
  version?: string
  purposes: { [name: string]: { [option: string]: unknown } }
  roles: { [name: string]: string[] }
  records: { [name: string]: { many: boolean; fields: { [name: string]: ModelField } } }
}

interface ModelField {
  kind: (typeof KINDS)[number]
  purposes: string[]
  id?: string
  lookup?: string
  special?: string
  views: string[]
}

const purposeModel = fc.record({
  basis: fc.constantFrom(...BASES),
  description: fc.constantFrom('x', 'y'),
  marketing: fc.option(fc.constant(true), { nil: undefined }),
})

function fieldModel(purposes: readonly string[]): fc.Arbitrary<ModelField> {
  return fc
    .record({
      kind: fc.constantFrom(...KINDS),
      purposes: fc.subarray([...purposes], { minLength: 1 }),
      lookup: fc.option(fc.constantFrom('exact', 'email'), { nil: undefined }),
      views: fc.subarray([...purposes]),
    })
    .map(({ lookup, views, ...field }) => ({
      ...field,
      ...(lookup === undefined ? {} : { lookup }),
      views: views.filter((name) => field.purposes.includes(name)),
    }))
}

const model: fc.Arbitrary<Model> = fc.subarray([...NAMES], { minLength: 1 }).chain((names) =>
  fc.record({
    controller: fc.record({
      id: fc.constant('acme'),
      name: fc.constantFrom('Acme', 'Other'),
      contact: fc.constant('acme@acme.example'),
      country: fc.constantFrom('NL', 'DE'),
    }),
    purposes: fc.tuple(...names.map(() => purposeModel)).map((them) => zip(names, them)),
    roles: fc.dictionary(fc.constantFrom('agent', 'boss'), fc.subarray(names)),
    records: fc.dictionary(
      fc.constantFrom('contact', 'ticket'),
      fc.record({
        many: fc.boolean(),
        fields: fc.dictionary(fc.constantFrom('f', 'g', 'h', 'i', 'j'), fieldModel(names), {
          minKeys: 1,
        }),
      }),
    ),
  }),
)

function zip<T>(names: readonly string[], values: readonly T[]): { [name: string]: T } {
  return Object.fromEntries(values.map((value, index) => [names[index] ?? '', value]))
}

/** Runs the real definitions over a model. */
function compiled(it: Model): CompiledPolicy {
  const records = Object.entries(it.records).map(([name, { many, fields }]) => {
    type Kit = { field(schema: unknown, options: unknown): AnyField }
    const define = defineRecord as (a: unknown, b: unknown, c: unknown) => unknown
    const declare = ({ field }: Kit) =>
      Object.fromEntries(
        Object.entries(fields).map(([key, { kind, views, ...options }]) => {
          const given =
            views.length === 0
              ? options
              : {
                  ...options,
                  views: zip(
                    views,
                    views.map(() => String),
                  ),
                }
          return [key, field(SCHEMAS[kind](), given)]
        }),
      )
    return [name, define(it.purposes, declare, many ? { many } : {})]
  })
  const roles = Object.entries(it.roles).map(([name, purposes]) => [name, { purposes }])
  const input = { ...it, records: Object.fromEntries(records), roles: Object.fromEntries(roles) }
  return compilePolicy((definePolicy as (input: unknown) => object)(input))
}

function recordsOf(policy: CompiledPolicy): readonly CompiledRecord[] {
  return [...policy.records.values()]
}

/** The same content with the keys of all objects, and the purposes in lists, the other way round. */
function reversed<T>(value: T): T {
  if (Array.isArray(value)) return [...value].reverse() as T
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).reverse()
  return Object.fromEntries(entries.map(([name, part]) => [name, reversed(part)])) as T
}

describe('a purpose', () => {
  test('sees a field if and only if the field names it', async () => {
    await fc.assert(
      fc.asyncProperty(model, async (it) => {
        const policy = compiled(it)
        for (const record of recordsOf(policy)) {
          const fields = Object.entries(it.records[record.name]?.fields ?? {})
          for (const [purpose, plan] of record.plans) {
            const named = fields.filter(([, field]) => field.purposes.includes(purpose))
            expect(plan.fields.map(({ name }) => name)).toEqual(named.map(([name]) => name))
            expect(plan.fields.map(({ view }) => view !== undefined)).toEqual(
              named.map(([, { views }]) => views.includes(purpose)),
            )
            const open = fields.filter(([, { kind }]) => kind !== 'required').map(([name]) => name)
            const seen = named.map(([name]) => name)
            expect(plan.coversRequired).toBe(
              fields.every(([name]) => seen.includes(name) || open.includes(name)),
            )
            for (const [name] of fields) {
              const changed = plan.parseChanges({ [name]: 'x' }, undefined)
              if (seen.includes(name)) expect((await changed).set).toEqual({ [name]: 'x' })
              else await expect(changed).rejects.toMatchObject({ code: 'not_permitted' })
            }
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  test('opens exactly the classes that hold its fields', () => {
    fc.assert(
      fc.property(model, (it) => {
        for (const record of recordsOf(compiled(it))) {
          const keys = record.classes.map(({ key }) => key)
          expect(new Set(keys).size).toBe(keys.length)
          expect([...new Set(record.fields.map(({ classKey }) => classKey))].sort()).toEqual(keys)
          for (const [purpose, plan] of record.plans) {
            const open = record.classes.filter(({ purposes }) => purposes.includes(purpose))
            expect(plan.classKeys).toEqual(open.map(({ key }) => key))
          }
        }
      }),
    )
  })

  test('is covered by a consent for the fields it had, whatever came later', () => {
    fc.assert(
      fc.property(model, fc.constantFrom(...NAMES), (it, purpose) => {
        const policy = compiled(it)
        for (const [name, ids] of consentCoverage(policy.describe, {
          purpose,
          now: policy.describe,
        })) {
          const plan = policy.records.get(name)?.plans.get(purpose)
          expect([...ids].sort()).toEqual((plan?.fields ?? []).map(({ id }) => id).sort())
        }
      }),
    )
  })
})

describe('the hash of a policy', () => {
  test('does not depend on the order of anything', () => {
    fc.assert(
      fc.property(model, (it) => {
        const there = compiled(it)
        const back = compiled(reversed(it))
        expect(back.hash).toBe(there.hash)
        expect(canonicalJson(back.describe)).toBe(canonicalJson(there.describe))
      }),
    )
  })

  test('is that of its description, which survives being stored', () => {
    fc.assert(
      fc.property(model, model, (a, b) => {
        const [one, other] = [compiled(a), compiled(b)]
        const same = canonicalJson(one.describe) === canonicalJson(other.describe)
        expect(one.hash === other.hash).toBe(same)
      }),
    )
  })

  const BASE: Model = {
    controller: { id: 'acme', name: 'Acme', contact: 'acme@acme.example', country: 'NL' },
    purposes: {
      a: { basis: 'contract', description: 'x' },
      b: { basis: 'consent', description: 'y', explicit: true },
    },
    roles: { agent: ['a'] },
    records: {
      contact: {
        many: false,
        fields: {
          f: { kind: 'required', purposes: ['a', 'b'], views: [] },
          g: { kind: 'optional', purposes: ['b'], views: ['b'] },
        },
      },
    },
  }
  type Change = (it: Model) => void
  const field = (it: Model, name: string): ModelField => {
    const found = it.records['contact']?.fields[name]
    if (found === undefined) expect.fail(`no field ${name}`)
    return found
  }
  const changes: readonly (readonly [string, Change])[] = [
    [
      'controller id',
      (it) => {
        it.controller['id'] = 'other'
      },
    ],
    [
      'controller name',
      (it) => {
        it.controller['name'] = 'Other'
      },
    ],
    [
      'controller contact',
      (it) => {
        it.controller['contact'] = 'other'
      },
    ],
    [
      'controller country',
      (it) => {
        it.controller['country'] = 'DE'
      },
    ],
    [
      'version',
      (it) => {
        it.version = '2'
      },
    ],
    [
      'another purpose',
      (it) => {
        it.purposes['c'] = { basis: 'contract', description: 'x' }
      },
    ],
    [
      'basis',
      (it) => {
        it.purposes['a'] = { basis: 'public_task', description: 'x' }
      },
    ],
    [
      'description',
      (it) => {
        it.purposes['a'] = { basis: 'contract', description: 'z' }
      },
    ],
    [
      'explicit',
      (it) => {
        it.purposes['b'] = { basis: 'consent', description: 'y' }
      },
    ],
    [
      'dpv',
      (it) => {
        Object.assign(it.purposes['a'] ?? {}, { dpv: 'dpv:X' })
      },
    ],
    [
      'validFor',
      (it) => {
        Object.assign(it.purposes['b'] ?? {}, { validFor: { days: 1 } })
      },
    ],
    [
      'erasureGrace',
      (it) => {
        Object.assign(it.purposes['a'] ?? {}, { erasureGrace: { days: 1 } })
      },
    ],
    [
      'requiresTask',
      (it) => {
        Object.assign(it.purposes['a'] ?? {}, { requiresTask: true })
      },
    ],
    [
      'marketing',
      (it) => {
        Object.assign(it.purposes['a'] ?? {}, { marketing: true })
      },
    ],
    [
      'article9',
      (it) => {
        Object.assign(it.purposes['a'] ?? {}, { article9: '9(2)(h)' })
      },
    ],
    [
      'another role',
      (it) => {
        it.roles['boss'] = []
      },
    ],
    [
      'purposes of a role',
      (it) => {
        it.roles['agent'] = ['a', 'b']
      },
    ],
    [
      'another record',
      (it) => {
        it.records['ticket'] = {
          many: false,
          fields: { f: { kind: 'required', purposes: ['a'], views: [] } },
        }
      },
    ],
    [
      'many',
      (it) => {
        Object.assign(it.records['contact'] ?? {}, { many: true })
      },
    ],
    [
      'another field',
      (it) => {
        Object.assign(it.records['contact']?.fields ?? {}, { h: field(it, 'f') })
      },
    ],
    [
      'field id',
      (it) => {
        field(it, 'f').id = 'z'
      },
    ],
    [
      'purposes of a field',
      (it) => {
        field(it, 'f').purposes = ['a']
      },
    ],
    [
      'special',
      (it) => {
        field(it, 'g').special = 'health'
      },
    ],
    [
      'lookup',
      (it) => {
        field(it, 'f').lookup = 'exact'
      },
    ],
    [
      'another normaliser',
      (it) => {
        field(it, 'f').lookup = 'email'
      },
    ],
    [
      'a view',
      (it) => {
        field(it, 'f').views = ['a']
      },
    ],
    [
      'a view of another purpose',
      (it) => {
        field(it, 'f').views = ['b']
      },
    ],
    [
      'optional',
      (it) => {
        field(it, 'f').kind = 'optional'
      },
    ],
    [
      'default',
      (it) => {
        field(it, 'f').kind = 'default'
      },
    ],
  ]

  test('changes with everything it covers, and each change gives another one', () => {
    const hashes = changes.map(([, change]) => {
      const it = structuredClone(BASE)
      change(it)
      return compiled(it).hash
    })
    expect(new Set([compiled(BASE).hash, ...hashes]).size).toBe(changes.length + 1)
  })

  test('does not change with functions, names of fields that keep their id, and schemas', () => {
    const policyWith = (name: string, schema: z.ZodString, view: (text: string) => unknown) => {
      const purposes = { a: { basis: 'contract', description: 'x' } } as const
      const record = defineRecord(purposes, ({ field: declare }) => ({
        [name]: declare(schema, { purposes: ['a'], id: 'it', views: { a: view } }),
      }))
      return definePolicy({
        controller: { id: 'a', name: 'A', contact: 'a', country: 'NL' },
        purposes,
        records: { record },
        roles: {},
      }).hash
    }
    const hash = policyWith('before', z.string(), (text) => text.length)
    expect(policyWith('after', z.string().min(3), (text) => text.at(0))).toBe(hash)
  })
})

describe('a layout', () => {
  test('has the id of its content', () => {
    fc.assert(
      fc.property(model, model, (a, b) => {
        const layouts = [a, b].flatMap((it) => recordsOf(compiled(it)).map(({ layout }) => layout))
        for (const one of layouts) {
          expect(one.id).toMatch(/^[0-9a-f]{16}$/)
          for (const other of layouts) {
            const [{ id: _, ...mine }, { id: __, ...theirs }] = [one, other]
            expect(one.id === other.id).toBe(canonicalJson(mine) === canonicalJson(theirs))
          }
        }
      }),
    )
  })

  test('depends on the purposes of the fields and on nothing else', () => {
    fc.assert(
      fc.property(model, (it) => {
        const changed = structuredClone(it)
        changed.version = 'next'
        changed.roles = {}
        for (const record of Object.values(changed.records)) {
          record.many = !record.many
          for (const one of Object.values(record.fields)) {
            Object.assign(one, { kind: 'required', views: [], lookup: 'exact' })
          }
        }
        const ids = (policy: CompiledPolicy) => recordsOf(policy).map(({ layout }) => layout.id)
        expect(ids(compiled(changed))).toEqual(ids(compiled(it)))
      }),
    )
  })
})

interface Sample {
  readonly schema: z.ZodType
  readonly json: boolean
}

function wrap(make: (schema: z.ZodType) => z.ZodType): (sample: Sample) => Sample {
  return ({ schema, json }) => ({ schema: make(schema), json })
}

// Inside `deep`, so that an array of optionals, which has gaps, does not arise.
const { sample } = fc.letrec<{ sample: Sample }>((tie) => ({
  sample: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constantFrom<Sample>(
      { schema: z.string(), json: true },
      { schema: z.number(), json: true },
      { schema: z.boolean(), json: true },
      { schema: z.null(), json: true },
      { schema: z.literal(['a', 1]), json: true },
      { schema: z.date(), json: false },
      { schema: z.bigint(), json: false },
      { schema: z.set(z.string()), json: false },
      { schema: z.nan(), json: false },
    ),
    tie('sample').map(wrap((it) => z.object({ it: it.optional() }))),
    tie('sample').map(wrap((it) => z.array(z.object({ it })))),
    tie('sample').map(wrap((it) => z.record(z.string(), it))),
    tie('sample').map(wrap((it) => it.nullable())),
    tie('sample').map(wrap((it) => it.readonly())),
    tie('sample').map(wrap((it) => z.lazy(() => it))),
    tie('sample').map(wrap((it) => z.unknown().pipe(it))),
    tie('sample').map(({ schema }) => ({ schema: schema.transform(() => 'x'), json: true })),
    fc.tuple(tie('sample'), tie('sample')).map(([a, b]) => ({
      schema: z.union([a.schema, b.schema]),
      json: a.json && b.json,
    })),
    fc.tuple(tie('sample'), tie('sample')).map(([a, b]) => ({
      schema: z.tuple([a.schema], b.schema),
      json: a.json && b.json,
    })),
  ),
}))

describe('a schema of any shape', () => {
  test('is taken exactly if nothing in its output is beyond JSON', () => {
    fc.assert(
      fc.property(sample, ({ schema, json }) => {
        expect(isSchema(schema)).toBe(true)
        expect(inspectSchema(schema).fault === undefined).toBe(json)
      }),
      { numRuns: 500 },
    )
  })

  const leaf = fc.constantFrom<z.ZodType>(
    z.string(),
    z.number(),
    z.string().transform((t) => `${t}!`),
  )
  const layers = fc.array(
    fc.constantFrom<(schema: z.ZodType) => z.ZodType>(
      (it) => it.optional(),
      (it) => it.nullable(),
      (it) => it.nullish(),
      (it) => it.nonoptional(),
      (it) => it.default('d'),
      (it) => it.prefault('p'),
      (it) => it.readonly(),
      (it) => it.refine((value) => value !== 7),
      (it) => it.refine(async (value) => value !== 8),
    ),
    { maxLength: 4 },
  )
  const schemas = fc.tuple(leaf, layers, fc.boolean()).map(([inner, wrappers, exact]) => {
    const schema = wrappers.reduce((it, layer) => layer(it), inner)
    return exact ? schema.exactOptional() : schema
  })
  const value = fc.constantFrom<unknown>('absent', undefined, null, 'x', 7, 8, 9, true, '')

  test('takes and gives what it would as part of an object', async () => {
    await fc.assert(
      fc.asyncProperty(schemas, value, async (schema, given) => {
        const input = given === 'absent' ? {} : { it: given }
        const plan = planFor(schema)
        if (plan === undefined) return
        const expected = await z.strictObject({ it: schema }).safeParseAsync(input)
        const found = await plan.parseCreate(input).catch((error: unknown) => error)
        if (!expected.success) {
          expect(isPrivityError(found, 'invalid_input')).toBe(true)
          return
        }
        const { it } = expected.data
        expect(found).toEqual(it === undefined ? {} : { it })
      }),
      { numRuns: 1_000 },
    )
  })
})

/** The plan for a record of one field; `undefined` if its default needs to be waited for. */
function planFor(schema: z.ZodType) {
  const purposes = { a: { basis: 'contract', description: 'x' } } as const
  try {
    const record = defineRecord(purposes, ({ field }) => ({
      it: field(schema, { purposes: ['a'] }),
    }))
    const policy = definePolicy({
      controller: { id: 'a', name: 'A', contact: 'a', country: 'NL' },
      purposes,
      records: { record },
      roles: {},
    })
    return compilePolicy(policy).records.get('record')?.plans.get('a')
  } catch (error) {
    if (!isPrivityError(error, 'invalid_input')) throw error
    expect(error.details.issues.map(({ code }) => code)).toEqual(['default_not_known'])
    return undefined
  }
}
