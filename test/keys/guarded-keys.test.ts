import { afterEach, describe, expect, test, vi } from 'vitest'
import { PrivityError } from '../../src/base/errors.ts'
import { type GuardedKeys, guardKeys } from '../../src/keys/guarded-keys.ts'
import { localKeys } from '../../src/keys/local-keys.ts'
import type { KeyProvider } from '../../src/keys/provider.ts'
import { parseKeys } from '../../src/startup/parse-keys.ts'
import { KEY_CONTEXT } from '../support/key-context.ts'

const KEY = new Uint8Array(32).map((_, at) => at + 1)
const CLASS = KEY_CONTEXT.accessClass
const SECRET_TEXT = 'arn:aws:kms:eu-west-1:1234:key/secret'

/** A provider whose answers are all right, but for those given. */
function guarded(answers: { readonly [N in keyof KeyProvider]?: unknown }): GuardedKeys {
  const right = { ...localKeys(new Uint8Array(32).fill(7)), rotate: async () => 2 }
  const destroy = async (): Promise<object> => ({ effectiveAt: 5 })
  return guardKeys({ ...right, currentEpoch: async () => 2, destroy, ...answers } as KeyProvider)
}

/** Every call of a provider. */
const CALLS: { readonly [name: string]: (keys: GuardedKeys) => Promise<unknown> } = {
  currentEpoch: (keys) => keys.currentEpoch(),
  wrap: (keys) => keys.wrap(KEY, KEY_CONTEXT),
  unwrap: (keys) => keys.unwrap(KEY, KEY_CONTEXT),
  rotate: (keys) => keys.rotate(),
  destroy: (keys) => keys.destroy(1),
}
const NAMES = Object.keys(CALLS)

function about(name: string): string {
  return name === 'wrap' || name === 'unwrap' ? CLASS : 'controller'
}

async function failure(call: Promise<unknown> | undefined): Promise<unknown> {
  try {
    await call
  } catch (error) {
    const { code, details, cause, stack } = error as PrivityError
    expect(cause).toBeUndefined()
    expect(`${stack} ${JSON.stringify(error)}`).not.toContain(SECRET_TEXT)
    return { code, details }
  }
  return 'no failure'
}

function unavailable(name: string): object {
  return { code: 'key_unavailable', details: { what: about(name) } }
}

afterEach(() => {
  vi.useRealTimers()
})

describe('a guarded provider', () => {
  const answers: readonly (readonly [string, string, unknown])[] = [
    ...[0, -1, 1.5, 2 ** 32, Number.NaN, '1', null, undefined, 1n].flatMap((epoch) => [
      ['currentEpoch', `${String(epoch)} as an epoch`, epoch] as const,
      ['rotate', `${String(epoch)} as an epoch`, epoch] as const,
    ]),
    ...[undefined, null, 'bytes', [1, 2, 3], new Uint8Array(0), new ArrayBuffer(8), {}].flatMap(
      (bytes) => [
        ['wrap', `${JSON.stringify(bytes)} as bytes`, bytes] as const,
        ['unwrap', `${JSON.stringify(bytes)} as bytes`, bytes] as const,
      ],
    ),
    ['wrap', 'more than any KMS', new Uint8Array(16_385)],
    ['wrap', 'the key itself', KEY],
    ['wrap', 'the key among other bytes', Uint8Array.from([9, ...KEY, 9])],
    ...[
      undefined,
      null,
      5,
      {},
      { effectiveAt: '5' },
      { effectiveAt: -1 },
      { effectiveAt: 2 ** 60 },
    ].map((answer) => ['destroy', `${JSON.stringify(answer)} as a time`, answer] as const),
  ]
  test.for(answers)('takes no answer of %s that is %s', async ([name, , answer]) => {
    const keys = guarded({ [name]: async () => answer })
    expect(await failure(CALLS[name]?.(keys))).toEqual(unavailable(name))
  })

  test('takes no unwrapped key of another length', async () => {
    for (const length of [1, 31, 33, 64]) {
      const keys = guarded({ unwrap: async () => new Uint8Array(length) })
      expect(await failure(keys.unwrap(KEY, KEY_CONTEXT))).toEqual({
        code: 'key_unreadable',
        details: { what: CLASS },
      })
    }
  })

  const throws: readonly (readonly [string, unknown])[] = [
    ['an error of its client', new RangeError(SECRET_TEXT)],
    ['a text', SECRET_TEXT],
    ['nothing', undefined],
    ['a verdict about a person', new PrivityError('erased', { kind: 'subject' })],
    ['a verdict about a store', new PrivityError('store_unavailable', { reason: SECRET_TEXT })],
    ['a verdict on the input', new PrivityError('invalid_input', { issues: [] })],
    [
      'a proxy that throws',
      new Proxy(
        {},
        {
          get: () => {
            throw new RangeError(SECRET_TEXT)
          },
        },
      ),
    ],
  ]
  test.for(NAMES)(
    'takes what %s throws for silence, unless it is a verdict about keys',
    async (name) => {
      for (const [, thrown] of throws) {
        for (const answer of [
          () => Promise.reject(thrown),
          () => {
            throw thrown
          },
        ])
          expect(await failure(CALLS[name]?.(guarded({ [name]: answer })))).toEqual(
            unavailable(name),
          )
      }
      const missing = guarded({ [name]: 7 })
      expect(await failure(CALLS[name]?.(missing))).toEqual(unavailable(name))
    },
  )

  test.for(['key_unknown', 'key_unreadable', 'key_unavailable'] as const)(
    'passes %s on, and nothing that was written into it',
    async (code) => {
      const words: readonly (readonly [string, string])[] = [
        [SECRET_TEXT, CLASS],
        ['anna@example.com', CLASS],
        ['key_file.missing', 'key_file.missing'],
        ['key_database', 'key_database'],
      ]
      for (const [word, shown] of words) {
        const thrown = Object.assign(new PrivityError(code, { what: word }), { cause: SECRET_TEXT })
        const keys = guarded({ unwrap: () => Promise.reject(thrown) })
        expect(await failure(keys.unwrap(KEY, KEY_CONTEXT))).toEqual({
          code,
          details: { what: shown },
        })
      }
    },
  )

  test('passes on that a file is of a newer format', async () => {
    const thrown = new PrivityError('unsupported_format', { what: 'key_file', version: 2 })
    const keys = guarded({ currentEpoch: () => Promise.reject(thrown) })
    expect(await failure(keys.currentEpoch())).toEqual({
      code: 'unsupported_format',
      details: { what: 'key_file', version: 2 },
    })
  })

  test.for(NAMES)(
    'gives up after ten seconds when %s is silent, and a late answer is none',
    async (name) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      for (const late of ['an answer', 'a refusal']) {
        let settle = (): void => undefined
        const keys = guarded({
          [name]: () =>
            new Promise((resolve, reject) => {
              settle = () =>
                late === 'an answer' ? resolve(KEY) : reject(new RangeError(SECRET_TEXT))
            }),
        })
        let found: unknown = 'waiting'
        failure(CALLS[name]?.(keys)).then((it) => {
          found = it
        })
        await vi.advanceTimersByTimeAsync(9_999)
        expect(found).toBe('waiting')
        await vi.advanceTimersByTimeAsync(1)
        expect(found).toEqual(unavailable(name))
        settle()
        await vi.advanceTimersByTimeAsync(0)
      }
    },
  )

  test('gives the provider copies, and takes copies', async () => {
    const pool = new Uint8Array(32).fill(3)
    const given: Uint8Array[] = []
    const keys = guarded({
      wrap: async (key: Uint8Array) => {
        given.push(key)
        return pool
      },
      unwrap: async (wrapped: Uint8Array) => {
        wrapped.fill(0)
        return pool
      },
    })
    const wrapped = await keys.wrap(KEY, KEY_CONTEXT)
    const opened = await keys.unwrap(KEY, KEY_CONTEXT)
    pool.fill(0)
    expect([wrapped, opened]).toEqual([new Uint8Array(32).fill(3), new Uint8Array(32).fill(3)])
    expect(KEY[31]).toBe(32)
    // Overwritten once it was used.
    expect(given).toEqual([new Uint8Array(32)])
  })

  test('that has no epochs says that it cannot rotate, retire or destroy', async () => {
    const keys = guardKeys(localKeys(new Uint8Array(32).fill(7)))
    expect(await failure(keys.rotate())).toEqual({
      code: 'not_supported',
      details: { what: 'keys.rotate' },
    })
    expect(await failure(keys.destroy(1))).toEqual({
      code: 'not_supported',
      details: { what: 'keys.retire' },
    })
  })

  test('is not asked to destroy the current epoch, or what is none', async () => {
    const destroy = vi.fn(async () => ({ effectiveAt: 5 }))
    const keys = guarded({ destroy })
    expect(await failure(keys.destroy(2))).toEqual({
      code: 'invalid_transition',
      details: { machine: 'epoch', from: 'current', event: 'destroy' },
    })
    for (const epoch of [0, -1, 1.5, Number.NaN])
      expect(await failure(keys.destroy(epoch))).toMatchObject({ code: 'invalid_input' })
    expect(destroy).not.toHaveBeenCalled()
    expect(await keys.destroy(1)).toEqual({ effectiveAt: 5 })
  })
})

describe('a provider of the app', () => {
  test('is read once, with rotate and destroy where it has them', async () => {
    const right = localKeys(new Uint8Array(32).fill(7))
    class Keys {
      readonly id = 'own'
      readonly irrecoverableBy = 'epoch_end'
      epoch = 1
      currentEpoch = async (): Promise<number> => this.epoch
      wrap = right.wrap
      unwrap = right.unwrap
      async rotate(): Promise<number> {
        this.epoch += 1
        return this.epoch
      }
      async destroy(epoch: number): Promise<object> {
        return { effectiveAt: epoch }
      }
    }
    const keys = parseKeys(new Keys())
    expect(await keys.rotate()).toBe(2)
    expect(await keys.currentEpoch()).toBe(2)
    expect(await keys.destroy(1)).toEqual({ effectiveAt: 1 })
  })

  test.for(['rotate', 'destroy'])('whose %s is no function is refused', (name) => {
    const right = localKeys(new Uint8Array(32).fill(7))
    expect(() => parseKeys({ ...right, [name]: true })).toThrowError(
      expect.objectContaining({
        code: 'invalid_input',
        details: { issues: [{ path: ['keys', name], code: 'not_a_function' }] },
      }),
    )
  })
})
