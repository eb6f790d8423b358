import { describe, expect, test } from 'vitest'
import { isPrivityError } from '../../src/base/errors.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { definePolicy } from '../../src/policy/define-policy.ts'
import { controller } from '../support/acme.ts'

const WAIVER = { reason: 'overwritten after a week', reviewAt: '2027-06-30' } as const

function policyOf(collections?: unknown): { readonly hash: string; readonly collections?: object } {
  const define = definePolicy as (input: unknown) => { readonly hash: string }
  const more = collections === undefined ? {} : { collections }
  return define({ controller, purposes: {}, records: {}, roles: {}, ...more })
}

function faultsOf(collections: unknown): readonly string[] {
  try {
    policyOf(collections)
    return []
  } catch (error) {
    if (!isPrivityError(error, 'invalid_input')) throw error
    return error.details.issues.map(({ path, code }) => [...path, code].join(' '))
  }
}

describe('what is kept elsewhere', () => {
  test('is part of the policy, copied and frozen', () => {
    const logs = { waiver: { ...WAIVER, reason: String(WAIVER.reason) } }
    const given = { orders: { hook: 'shop' }, logs }
    const policy = policyOf(given)
    given.orders.hook = 'other'
    logs.waiver.reason = 'other'
    const declared = { orders: { hook: 'shop' }, logs: { waiver: WAIVER } }
    expect(policy.collections).toEqual(declared)
    const parts = [policy.collections, ...Object.values(policy.collections ?? {})]
    expect(parts.every((it) => Object.isFrozen(it))).toBe(true)
    expect(Object.isFrozen(Reflect.get(policy.collections ?? {}, 'logs').waiver)).toBe(true)
    const compiled = compilePolicy(policy)
    expect(compiled.describe['collections']).toEqual(declared)
    expect([...(compiled.collections ?? [])]).toEqual(Object.entries(declared))
  })

  test('is in no policy that says nothing of it', () => {
    const policy = policyOf()
    expect('collections' in policy).toBe(false)
    const compiled = compilePolicy(policy)
    expect('collections' in compiled).toBe(false)
    expect('collections' in compiled.describe).toBe(false)
    expect(policyOf(undefined).hash).toBe(policy.hash)
  })

  test('is part of the hash, down to every detail, and in no order', () => {
    const hashes = [
      undefined,
      {},
      { a: { hook: 'x' } },
      { b: { hook: 'x' } },
      { a: { hook: 'y' } },
      { a: { waiver: WAIVER } },
      { a: { waiver: { ...WAIVER, reason: 'other' } } },
      { a: { waiver: { ...WAIVER, reviewAt: '2027-07-01' } } },
    ].map((it) => policyOf(it).hash)
    expect(new Set(hashes).size).toBe(hashes.length)
    const [one, other] = [{ hook: 'x' }, { hook: 'y' }]
    expect(policyOf({ a: one, b: other }).hash).toBe(policyOf({ b: other, a: one }).hash)
  })

  test.each<readonly [string, unknown, readonly string[]]>([
    ['null', null, [' invalid_type']],
    ['a list', [{ hook: 'x' }], [' invalid_type']],
    ['nothing', { a: {} }, [' a needs_hook_or_waiver']],
    ['undefined', { a: { hook: undefined } }, [' a needs_hook_or_waiver']],
    ['both', { a: { hook: 'x', waiver: WAIVER } }, [' a hook_and_waiver']],
    ['no object', { a: 'x' }, [' a invalid_type']],
    ['no id', { a: { hook: 1 } }, [' a hook invalid_type']],
    ['an empty id', { a: { hook: '' } }, [' a hook too_small']],
    [
      'no reason',
      { a: { waiver: {} } },
      [' a waiver reason required', ' a waiver reviewAt required'],
    ],
    ['a waiver that is null', { a: { waiver: null } }, [' a waiver invalid_type']],
    [
      'no day',
      { a: { waiver: { ...WAIVER, reviewAt: '2027-06-31' } } },
      [' a waiver reviewAt invalid_format'],
    ],
    ['more', { a: { hook: 'x', table: 'orders' } }, [' a table unrecognized_keys']],
    ['a reserved name', { then: { hook: 'x' } }, [' then reserved_name']],
    ['no name', { 'a b': { hook: 'x' } }, [' ? invalid_name']],
    [
      'too many',
      Object.fromEntries(Array.from({ length: 257 }, (_, at) => [`c${at}`, { hook: 'x' }])),
      [' too_big'],
    ],
  ])('is refused as %s', (_, given, expected) => {
    expect(faultsOf(given)).toEqual(expected.map((it) => `collections${it}`))
  })
})
