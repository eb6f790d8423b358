import nodeCrypto from 'node:crypto'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { localKeys } from '../../src/keys/local-keys.ts'
import type { KeyContext } from '../../src/keys/provider.ts'
import { keyProviderSuite } from '../../src/testkit/key-provider-suite.ts'

const SECRET = new Uint8Array(32).fill(7)
const KEY = new Uint8Array(32).map((_, index) => index)
const CONTEXT: KeyContext = {
  storeId: '00'.repeat(16),
  epoch: 1,
  accessClass: 'contact:support',
  salt: new Uint8Array(32).fill(1),
}

describe('the suite of key providers, over a secret of 32 bytes:', () => {
  keyProviderSuite({
    // Without `skip`: what is not proven has a title of its own.
    test: (title, run) => test(title, run),
    epochs: 'one',
    open: async () => {
      const secret = crypto.getRandomValues(new Uint8Array(32))
      return { secret, keys: localKeys(secret), dispose: async () => {} }
    },
    again: async ({ secret }) => localKeys(secret),
  })
})

describe('the suite of key providers, over a passphrase:', () => {
  keyProviderSuite({
    // Each case stretches two passphrases or more, half a second each on an idle machine.
    test: (title, run) => test(title, { timeout: 60_000 }, run),
    epochs: 'one',
    open: async () => {
      const secret = crypto.randomUUID()
      return { secret, keys: localKeys(secret), dispose: async () => {} }
    },
    again: async ({ secret }) => localKeys(secret),
  })
})

afterEach(() => {
  vi.restoreAllMocks()
})

describe('local keys', () => {
  test('under a passphrase that could not be stretched for want of memory are tried again', async () => {
    const keys = localKeys('correct horse battery')
    const { scrypt } = nodeCrypto
    let calls = 0
    vi.spyOn(nodeCrypto, 'scrypt').mockImplementation(((...args: Parameters<typeof scrypt>) => {
      calls += 1
      if (calls === 1) args[4](new RangeError('out of memory'), Buffer.alloc(0))
      else scrypt(...args)
    }) as typeof scrypt)
    const both = await Promise.allSettled([keys.wrap(KEY, CONTEXT), keys.wrap(KEY, CONTEXT)])
    for (const outcome of both)
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { code: 'key_unavailable', details: { what: 'contact:support' } },
      })
    expect(await keys.unwrap(await keys.wrap(KEY, CONTEXT), CONTEXT)).toEqual(KEY)
    expect(calls).toBe(2)
  })

  test('unwrap what they wrapped, also in another process', async () => {
    const wrapped = await localKeys(SECRET).wrap(KEY, CONTEXT)
    expect(await localKeys(SECRET.slice()).unwrap(wrapped, CONTEXT)).toEqual(KEY)
  })

  test('have one epoch for ever, and say what that means for backups', async () => {
    const keys = localKeys(SECRET)
    expect(await keys.currentEpoch()).toBe(1)
    expect(keys.irrecoverableBy).toBe('backup_expiry')
    expect(keys.id).toBe('local')
  })

  test('under another secret are unreadable', async () => {
    const wrapped = await localKeys(SECRET).wrap(KEY, CONTEXT)
    const others = localKeys(new Uint8Array(32).fill(8))
    await expect(others.unwrap(wrapped, CONTEXT)).rejects.toMatchObject({
      code: 'key_unreadable',
      details: { what: 'contact:support' },
    })
  })

  const places: readonly (readonly [string, Partial<KeyContext>])[] = [
    ['another store', { storeId: '11'.repeat(16) }],
    ['another epoch', { epoch: 2 }],
    ['another class', { accessClass: 'contact:marketing' }],
    ['another salt', { salt: new Uint8Array(32).fill(2) }],
  ]
  test.for(places)('do not unwrap for %s', async ([, place]) => {
    const keys = localKeys(SECRET)
    const wrapped = await keys.wrap(KEY, CONTEXT)
    await expect(keys.unwrap(wrapped, { ...CONTEXT, ...place })).rejects.toMatchObject({
      code: 'key_unreadable',
      details: { what: place.accessClass ?? CONTEXT.accessClass },
    })
  })

  test('do not unwrap what was changed or cut', async () => {
    const keys = localKeys(SECRET)
    const wrapped = await keys.wrap(KEY, CONTEXT)
    for (let at = 0; at < wrapped.length; at += 1) {
      const changed = wrapped.slice()
      changed[at] = (changed[at] ?? 0) ^ 0x10
      for (const bytes of [changed, wrapped.subarray(0, at)])
        await expect(keys.unwrap(bytes, CONTEXT)).rejects.toMatchObject({ code: 'key_unreadable' })
    }
  })

  test('keep their own copy of the secret', async () => {
    const secret = SECRET.slice()
    const keys = localKeys(secret)
    secret.fill(0)
    const wrapped = await localKeys(SECRET).wrap(KEY, CONTEXT)
    expect(await keys.unwrap(wrapped, CONTEXT)).toEqual(KEY)
  })

  const wrong: readonly (readonly [string, unknown])[] = [
    ['31 bytes', new Uint8Array(31)],
    ['33 bytes', new Uint8Array(33)],
    ['an array of numbers', new Array(32).fill(1)],
    ['a passphrase of 7 characters', 'seven77'],
    ['a passphrase of 1,025 characters', 'x'.repeat(1_025)],
    ['nothing', undefined],
    ['null', null],
    ['an object', { secret: 'long enough to be one' }],
  ]
  test.for(wrong)('refuse %s', ([, secret]) => {
    const make = localKeys as (secret: unknown) => unknown
    expect(() => make(secret)).toThrowError(
      expect.objectContaining({
        code: 'invalid_input',
        details: { issues: [{ path: ['secret'], code: 'not_a_secret' }] },
      }),
    )
  })

  test('show their secret to nobody who prints them', async () => {
    const { inspect } = await import('node:util')
    const keys = localKeys(SECRET)
    const shown = `${inspect(keys, { depth: null, showHidden: true })} ${JSON.stringify(keys)}`
    expect(shown).not.toMatch(/7,\s*7,\s*7|0707/)
  })

  test('take a passphrase in any spelling of its characters', { timeout: 30_000 }, async () => {
    const keys = localKeys('pässphrase ﬁve')
    const wrapped = await keys.wrap(KEY, CONTEXT)
    const spelled = localKeys('pa\u0308ssphrase five')
    expect(await spelled.unwrap(wrapped, CONTEXT)).toEqual(KEY)
    expect(await keys.unwrap(wrapped, CONTEXT)).toEqual(KEY)
    await expect(localKeys('passphrase five').unwrap(wrapped, CONTEXT)).rejects.toMatchObject({
      code: 'key_unreadable',
    })
  })
})
