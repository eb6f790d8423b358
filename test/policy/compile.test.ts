import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { canonicalJson } from '../../src/base/canonical.ts'
import { isPrivityError } from '../../src/base/errors.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { isCountry } from '../../src/policy/country.ts'
import { definePolicy } from '../../src/policy/define-policy.ts'
import { defineRecord } from '../../src/policy/define-record.ts'
import { definePurposes } from '../../src/policy/purposes.ts'

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  marketing: { basis: 'consent', description: 'Send you offers' },
  care: { basis: 'consent', description: 'Mind your allergies', explicit: true },
  idle: { basis: 'public_task', description: 'Nothing yet' },
})
const year = (date: string | undefined) => Number(date?.slice(0, 4))
const contact = defineRecord(purposes, ({ field }) => ({
  name: field(z.string().min(1), { purposes: ['support', 'marketing'] }),
  email: field(z.email(), { purposes: ['marketing', 'support'], lookup: 'email', id: 'mail' }),
  address: field(z.string(), { purposes: ['support'] }),
  born: field(z.iso.date().optional(), {
    purposes: ['support', 'marketing'],
    views: { marketing: year },
  }),
  language: field(z.string().default('en'), { purposes: ['support'] }),
  allergies: field(z.string().exactOptional(), { purposes: ['care'], special: 'health' }),
}))
const ticket = defineRecord(
  purposes,
  ({ field }) => ({ text: field(z.string(), { purposes: ['support'] }) }),
  { many: true },
)
const controller = { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' }
const policy = definePolicy({
  controller,
  purposes,
  records: { contact, ticket },
  roles: { agent: { purposes: ['support', 'care'] }, guest: { purposes: [] } },
})

describe('compilePolicy', () => {
  const compiled = compilePolicy(policy)
  const record = compiled.records.get('contact')

  test('refuses a look-alike, whatever it carries', () => {
    const lookalikes: readonly unknown[] = [
      { ...policy },
      Object.create(policy),
      structuredClone({ hash: policy.hash }),
      {},
      undefined,
      'policy',
    ]
    for (const it of lookalikes) {
      const refuse = () => compilePolicy(it as object)
      expect(refuse).toThrow()
      try {
        refuse()
      } catch (error) {
        expect(isPrivityError(error, 'invalid_input') && error.details.issues).toEqual([
          { path: ['policy'], code: 'not_a_policy' },
        ])
      }
    }
  })

  test('knows purposes, roles and records by name', () => {
    expect(compiled.hash).toBe(policy.hash)
    expect(compiled.controller).toEqual(controller)
    expect([...compiled.purposes.keys()]).toEqual(['support', 'marketing', 'care', 'idle'])
    expect(compiled.purposes.get('care')?.explicit).toBe(true)
    expect([...(compiled.roles.get('agent') ?? [])]).toEqual(['support', 'care'])
    expect([...compiled.records.keys()]).toEqual(['contact', 'ticket'])
    expect(compiled.records.get('ticket')?.many).toBe(true)
    expect(record?.many).toBe(false)
  })

  test('puts each field into the class of its purposes', () => {
    expect(record?.fields).toEqual([
      {
        name: 'name',
        id: 'name',
        classKey: 'contact:marketing+support',
        purposes: ['marketing', 'support'],
        optional: false,
        hasDefault: false,
      },
      {
        name: 'email',
        id: 'mail',
        classKey: 'contact:marketing+support',
        purposes: ['marketing', 'support'],
        optional: false,
        hasDefault: false,
      },
      {
        name: 'address',
        id: 'address',
        classKey: 'contact:support',
        purposes: ['support'],
        optional: false,
        hasDefault: false,
      },
      {
        name: 'born',
        id: 'born',
        classKey: 'contact:marketing+support',
        purposes: ['marketing', 'support'],
        optional: true,
        hasDefault: false,
      },
      {
        name: 'language',
        id: 'language',
        classKey: 'contact:support',
        purposes: ['support'],
        optional: false,
        hasDefault: true,
        defaultValue: 'en',
      },
      {
        name: 'allergies',
        id: 'allergies',
        classKey: 'contact:care!health',
        purposes: ['care'],
        special: 'health',
        optional: true,
        hasDefault: false,
      },
    ])
    expect(record?.classes).toEqual([
      { key: 'contact:care!health', record: 'contact', purposes: ['care'], special: 'health' },
      { key: 'contact:marketing+support', record: 'contact', purposes: ['marketing', 'support'] },
      { key: 'contact:support', record: 'contact', purposes: ['support'] },
    ])
  })

  test('writes the layout down by field id, under an id that is a frozen format', () => {
    expect(record?.layout).toEqual({
      id: '665b45d9711ae9c6',
      record: 'contact',
      classes: {
        name: 'contact:marketing+support',
        mail: 'contact:marketing+support',
        address: 'contact:support',
        born: 'contact:marketing+support',
        language: 'contact:support',
        allergies: 'contact:care!health',
      },
    })
  })

  test('has a plan for every purpose, with its fields in order of declaration', () => {
    const seen = [...(record?.plans ?? [])].map(([purpose, plan]) => [
      purpose,
      plan.fields.map(({ name }) => name).join(),
      plan.classKeys.join(),
      plan.coversRequired,
    ])
    expect(seen).toEqual([
      [
        'support',
        'name,email,address,born,language',
        'contact:marketing+support,contact:support',
        true,
      ],
      ['marketing', 'name,email,born', 'contact:marketing+support', false],
      ['care', 'allergies', 'contact:care!health', false],
      ['idle', '', '', false],
    ])
    expect(record?.plans.get('profiling')).toBeUndefined()
  })

  test('gives a view to the purpose it is for', () => {
    const bornFor = (purpose: string) =>
      record?.plans.get(purpose)?.fields.find(({ name }) => name === 'born')
    expect(bornFor('marketing')?.view).toBe(year)
    expect(bornFor('support')?.view).toBeUndefined()
  })

  test('describes content without functions, which is what the hash covers', () => {
    expect(JSON.parse(canonicalJson(compiled.describe))).toEqual({
      controller,
      purposes,
      roles: { agent: { purposes: ['care', 'support'] }, guest: { purposes: [] } },
      records: {
        contact: {
          many: false,
          fields: {
            name: plainField({ purposes: ['marketing', 'support'] }),
            mail: plainField({ purposes: ['marketing', 'support'], lookup: 'email' }),
            address: plainField({ purposes: ['support'] }),
            born: plainField({
              purposes: ['marketing', 'support'],
              optional: true,
              views: ['marketing'],
            }),
            language: plainField({ purposes: ['support'], hasDefault: true }),
            allergies: plainField({ purposes: ['care'], optional: true, special: 'health' }),
          },
        },
        ticket: { many: true, fields: { text: plainField({ purposes: ['support'] }) } },
      },
    })
    expect(policy.hash).toBe('j3ysrqf-qbu-GtVpCsy-9isGuVT7IbNwD4UNljNjhsU')
  })

  test('is frozen where it is not a map', () => {
    const plan = record?.plans.get('marketing')
    const parts: readonly unknown[] = [
      compiled,
      compiled.describe,
      compiled.describe['records'],
      record,
      record?.fields,
      record?.fields[4],
      record?.layout,
      record?.layout.classes,
      record?.classes,
      record?.classes[0],
      plan,
      plan?.fields,
      plan?.fields[2],
      plan?.classKeys,
    ]
    expect(parts.every((part) => Object.isFrozen(part))).toBe(true)
  })
})

function plainField(field: object): object {
  return { optional: false, hasDefault: false, views: [], ...field }
}

describe('isCountry', () => {
  test('knows the officially assigned codes, as the platform names them', () => {
    const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']
    const codes = letters.flatMap((a) => letters.map((b) => a + b)).filter(isCountry)
    const names = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' })
    expect(codes).toHaveLength(249)
    expect(codes.filter((code) => names.of(code) === undefined)).toEqual([])
  })

  test.each(['nl', 'UK', 'EU', 'XX', 'ZZ', 'AN', 'NLD', '', 'N', 'NL '])('refuses %j', (code) => {
    expect(isCountry(code)).toBe(false)
  })
})
