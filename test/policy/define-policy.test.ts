import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { isPrivityError } from '../../src/base/errors.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { definePolicy } from '../../src/policy/define-policy.ts'
import { defineRecord } from '../../src/policy/define-record.ts'
import { definePurposes } from '../../src/policy/purposes.ts'

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  marketing: { basis: 'consent', description: 'Send you offers', validFor: { months: 24 } },
  care: { basis: 'consent', description: 'Mind your allergies', explicit: true },
})
const contact = defineRecord(purposes, ({ field }) => ({
  name: field(z.string(), { purposes: ['support', 'marketing'] }),
  allergies: field(z.string().exactOptional(), { purposes: ['care'], special: 'health' }),
}))
const controller = { id: 'acme', name: 'Acme', contact: 'privacy@acme.example', country: 'NL' }
const GOOD = {
  controller,
  purposes,
  records: { contact },
  roles: { agent: { purposes: ['support', 'care'] } },
} as const

/** Defines a policy as JavaScript would. */
function loosely(input: unknown): unknown {
  return (definePolicy as (input: unknown) => unknown)(input)
}

function faultsOf(input: unknown): readonly string[] {
  try {
    loosely(input)
    return []
  } catch (error) {
    if (!isPrivityError(error, 'invalid_input')) throw error
    return error.details.issues.map(({ path, code }) => [...path, code].join(' '))
  }
}

describe('definePolicy', () => {
  test('gives the parts back with a hash, frozen all the way down', () => {
    const policy = definePolicy({ ...GOOD, version: '2' })
    expect(policy).toEqual({ ...GOOD, version: '2', hash: policy.hash })
    expect(policy.hash).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(policy.records.contact).toBe(contact)
    const parts: readonly unknown[] = [
      policy,
      policy.controller,
      policy.purposes,
      policy.purposes.marketing,
      policy.purposes.marketing.validFor,
      policy.records,
      policy.roles,
      policy.roles['agent'],
      policy.roles['agent']?.purposes,
    ]
    expect(parts.every((part) => Object.isFrozen(part))).toBe(true)
  })

  test('does not follow the parts it was made from', () => {
    const mine = { ...controller }
    const roles = { agent: { purposes: ['support'] as ('support' | 'care')[] } }
    const policy = definePolicy({ ...GOOD, controller: mine, roles })
    const { hash } = policy
    mine.name = 'Other'
    roles.agent.purposes.push('care')
    expect(policy.controller.name).toBe('Acme')
    expect([...(compilePolicy(policy).roles.get('agent') ?? [])]).toEqual(['support'])
    expect(definePolicy({ ...GOOD, roles: { agent: { purposes: ['support'] } } }).hash).toBe(hash)
  })

  test('takes a policy that declares nothing, and roles that may do nothing', () => {
    const empty = definePolicy({
      controller,
      purposes: {},
      records: {},
      roles: { guest: { purposes: [] } },
    })
    const compiled = compilePolicy(empty)
    expect(compiled.purposes.size).toBe(0)
    expect(compiled.records.size).toBe(0)
    expect(compiled.roles.get('guest')?.size).toBe(0)
  })

  test('takes purposes that were not defined apart', () => {
    expect(faultsOf({ ...GOOD, purposes: { ...purposes } })).toEqual([])
  })

  test('takes the namespace of a module as records', () => {
    const records = Object.assign(Object.create(null), { contact })
    expect(faultsOf({ ...GOOD, records })).toEqual([])
  })

  test('reports everything that is wrong at once', () => {
    const faults = faultsOf({
      controller: { id: '', name: 'x'.repeat(257), country: 'UK', phone: '1' },
      purposes: { ...purposes, 'no name': 1 },
      records: { contact, then: contact, copy: { ...contact }, 'x y': contact, none: null },
      roles: { agent: { purposes: ['support', 'sales', 'support'] }, 'no role': 3, idle: {} },
      version: '  ',
      tenant: 'x',
    })
    expect(faults).toEqual([
      'tenant unrecognized_keys',
      'version too_small',
      'purposes ? invalid_name',
      'purposes ? invalid_type',
      'records then reserved_name',
      'records copy not_a_record',
      'records ? invalid_name',
      'records none not_a_record',
      'roles agent purposes 1 not_declared',
      'roles agent purposes 2 duplicate',
      'roles ? invalid_name',
      'roles ? invalid_type',
      'roles idle purposes required',
      'controller id too_small',
      'controller name too_big',
      'controller contact required',
      'controller country not_a_country',
      'controller phone unrecognized_keys',
    ])
  })

  test('reports what is missing', () => {
    expect(faultsOf({})).toEqual([
      'controller required',
      'purposes required',
      'records required',
      'roles required',
    ])
  })

  test('does not take null for what is missing', () => {
    const nothing = { controller: null, purposes: null, records: null, roles: null, version: null }
    expect(faultsOf(nothing)).toEqual([
      'version invalid_type',
      'purposes invalid_type',
      'records invalid_type',
      'roles invalid_type',
      'controller invalid_type',
    ])
  })

  test('refuses line breaks and control characters in what is printed on one line', () => {
    const broken = { id: 'a\nb', name: 'a\u2028b', contact: 'a\u0000b', country: 'NL' }
    expect(faultsOf({ ...GOOD, controller: broken, version: '1\r' })).toEqual([
      'version invalid_format',
      'controller id invalid_format',
      'controller name invalid_format',
      'controller contact invalid_format',
    ])
  })

  test('stops counting faults at a thousand', () => {
    const options = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, index) => [`o${index}`, 1]),
    )
    expect(faultsOf({ ...GOOD, controller: { ...controller, ...options } })).toHaveLength(1_000)
  })

  test.each([undefined, null, 1, 'x', [], new Map(), () => ({})])('refuses %o', (input) => {
    expect(faultsOf(input)).toEqual(['invalid_type'])
  })

  test('refuses a record whose fields name purposes it does not have', () => {
    const { support } = purposes
    expect(faultsOf({ ...GOOD, purposes: { support }, roles: {} })).toEqual([
      'records contact fields name purposes not_declared',
      'records contact fields allergies purposes not_declared',
    ])
  })

  test('holds special fields against its own purposes', () => {
    const mild = { ...purposes, care: { basis: 'consent', description: 'Mind your allergies' } }
    expect(faultsOf({ ...GOOD, purposes: mild })).toEqual([
      'records contact fields allergies special needs_explicit_consent',
    ])
  })

  test('refuses more than 64 records, and more than 256 roles', () => {
    const many = (count: number, value: unknown) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, value]))
    expect(faultsOf({ ...GOOD, records: many(64, contact) })).toEqual([])
    expect(faultsOf({ ...GOOD, records: many(65, contact) })).toEqual(['records too_big'])
    expect(faultsOf({ ...GOOD, roles: many(257, { purposes: [] }) })).toEqual(['roles too_big'])
  })

  test('refuses a policy whose description does not fit into a row', () => {
    const names = Array.from({ length: 64 }, (_, index) => `${'p'.repeat(60)}${index}`)
    const big = Object.fromEntries(
      names.map((name) => [name, { basis: 'contract', description: 'x' }] as const),
    )
    const record = (defineRecord as (a: unknown, b: unknown) => unknown)(
      big,
      ({ field }: { field(a: unknown, b: unknown): unknown }) =>
        Object.fromEntries(
          Array.from({ length: 100 }, (_, index) => [
            `f${index}`,
            field(z.string(), { purposes: names }),
          ]),
        ),
    )
    expect(faultsOf({ controller, purposes: big, records: { record }, roles: {} })).toEqual([
      'too_big',
    ])
  })

  test('never runs an accessor, and replaces what a proxy throws', () => {
    let runs = 0
    const trap = { get: () => runs++, enumerable: true }
    expect(faultsOf(Object.defineProperty({ ...GOOD }, 'controller', trap))).toEqual([
      'controller unreadable',
    ])
    expect(faultsOf({ ...GOOD, records: Object.defineProperty({}, 'contact', trap) })).toEqual([
      'records contact unreadable',
    ])
    expect(faultsOf({ ...GOOD, roles: Object.defineProperty({}, 'agent', trap) })).toEqual([
      'roles agent unreadable',
    ])
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    expect(faultsOf({ ...GOOD, controller: proxy, records: proxy, roles: { a: proxy } })).toEqual([
      'records unreadable',
      'roles a unreadable',
      'controller unreadable',
    ])
    expect(faultsOf(proxy)).toEqual(['unreadable'])
    expect(runs).toBe(0)
  })

  test('is not changed by a prototype that was tampered with', () => {
    const parts = ['"purposes":{},"records":{}', '"controller":{"__proto__":{"country":"NL"}}']
    const roles = '"roles":{"__proto__":{"purposes":[]}}'
    const input: unknown = JSON.parse(`{${[...parts, roles].join()}}`)
    expect(faultsOf(input)).toEqual([
      'roles __proto__ invalid_name',
      'controller id required',
      'controller name required',
      'controller contact required',
      'controller country required',
      'controller __proto__ unrecognized_keys',
    ])
  })
})
