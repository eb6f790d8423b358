import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type EnvelopeCall, envelopeKeys, type EnvelopeOptions, type PrivityError } from 'privity'
import { keyProviderSuite } from 'privity/testkit'
import { type FakeKms, newVersions, startKms, type Versions } from '../../examples/kms/fake-kms.ts'
import { kmsKeys } from '../../examples/kms/keys.ts'
import { KEY_CONTEXT } from '../support/key-context.ts'

const KEY = new Uint8Array(32).map((_, at) => at + 1)
const CLASS = KEY_CONTEXT.accessClass

describe('the suite of key providers, over a key service:', () => {
  keyProviderSuite({
    // Without `skip`: what is not proven has a title of its own.
    test: (title, run) => test(title, run),
    epochs: 'many',
    open: async () => {
      const versions = newVersions()
      const kms = await startKms(versions)
      return { kms, keys: kmsKeys(kms.url, 'app'), dispose: () => kms.stop() }
    },
    again: async ({ kms }) => kmsKeys(kms.url, 'app'),
    outage: async ({ kms }) => {
      kms.away(true)
      return async () => kms.away(false)
    },
  })
})

/** A service that encrypts nothing: what is wrapped is remembered under a number. */
function desk(): EnvelopeOptions & { readonly calls: EnvelopeCall[]; readonly kept: Uint8Array[] } {
  const calls: EnvelopeCall[] = []
  const kept: Uint8Array[] = []
  return {
    id: 'desk',
    calls,
    kept,
    currentEpoch: async () => 1,
    wrap: async (key, call) => {
      calls.push(call)
      return Uint8Array.of(kept.push(key.slice()))
    },
    unwrap: async ([number = 0], call) => {
      calls.push(call)
      return kept[number - 1]?.slice() ?? new Uint8Array(0)
    },
  }
}

async function failure(call: Promise<unknown>): Promise<unknown> {
  try {
    await call
  } catch (error) {
    const { code, details, cause } = error as PrivityError
    expect(cause).toBeUndefined()
    return { code, details }
  }
  return 'no failure'
}

describe('envelope keys', () => {
  test('tell the service ids and the class, and hold it to them even if it does not look', async () => {
    const service = desk()
    const keys = envelopeKeys(service)
    const wrapped = await keys.wrap(KEY, KEY_CONTEXT)
    expect(await keys.unwrap(wrapped, KEY_CONTEXT)).toEqual(KEY)
    const context = {
      store: KEY_CONTEXT.storeId,
      epoch: '1',
      class: CLASS,
      salt: '01'.repeat(32),
    }
    for (const call of service.calls) {
      expect(call).toEqual({
        epoch: 1,
        context,
        contextBytes: expect.any(Uint8Array),
        signal: expect.any(AbortSignal),
      })
      expect(JSON.parse(new TextDecoder().decode(call.contextBytes))).toEqual(context)
    }
    for (const other of [
      { storeId: 'ff' },
      { epoch: 2 },
      { accessClass: 'core' },
      { salt: new Uint8Array(32) },
    ])
      expect(await failure(keys.unwrap(wrapped, { ...KEY_CONTEXT, ...other }))).toEqual({
        code: 'key_unreadable',
        details: { what: other.accessClass ?? CLASS },
      })
  })

  test('take no answer that is another key, or cut, or changed', async () => {
    const service = desk()
    const keys = envelopeKeys(service)
    const wrapped = await keys.wrap(KEY, KEY_CONTEXT)
    const [payload = new Uint8Array(0)] = service.kept
    const answers = [
      KEY,
      new Uint8Array(0),
      new Uint8Array(payload.length),
      ...Array.from({ length: payload.length }, (_, length) => payload.slice(0, length)),
      ...Array.from({ length: payload.length * 8 }, (_, bit) => {
        const copy = payload.slice()
        copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        return copy
      }),
    ]
    for (const answer of answers) {
      service.kept[0] = answer
      expect(await failure(keys.unwrap(wrapped, KEY_CONTEXT))).toEqual({
        code: 'key_unreadable',
        details: { what: CLASS },
      })
    }
  })

  const silent = { code: 'key_unavailable', details: { what: CLASS } }
  test('take what is no bytes, and foreign errors, for silence', async () => {
    for (const answer of [undefined, 'bytes', [1], {}, new ArrayBuffer(8)]) {
      const wrong = { wrap: async () => answer, unwrap: async () => answer } as object
      const keys = envelopeKeys({ ...desk(), ...wrong })
      expect(await failure(keys.wrap(KEY, KEY_CONTEXT))).toEqual(silent)
      expect(await failure(keys.unwrap(KEY, KEY_CONTEXT))).toEqual(silent)
    }
    const throws = async (): Promise<never> => {
      throw new RangeError('AccessDeniedException')
    }
    const keys = envelopeKeys({ ...desk(), wrap: throws, unwrap: throws, currentEpoch: throws })
    expect(await failure(keys.wrap(KEY, KEY_CONTEXT))).toEqual(silent)
    expect(await failure(keys.unwrap(KEY, KEY_CONTEXT))).toEqual(silent)
    expect(await failure(keys.currentEpoch())).toEqual({
      code: 'key_unavailable',
      details: { what: 'controller' },
    })
  })

  test('overwrite what was sent once it was answered', async () => {
    let sent = new Uint8Array(0)
    const keys = envelopeKeys({
      ...desk(),
      wrap: async (key) => {
        sent = key as Uint8Array<ArrayBuffer>
        expect(sent.some((byte) => byte !== 0)).toBe(true)
        return Uint8Array.of(1)
      },
    })
    await keys.wrap(KEY, KEY_CONTEXT)
    expect(sent).toEqual(new Uint8Array(1 + 32 + 32))
  })

  test('end with an epoch if it can be destroyed, else with the last backup, unless it is said', () => {
    const destroy = async (): Promise<{ readonly effectiveAt: number }> => ({ effectiveAt: 1 })
    expect(envelopeKeys(desk()).irrecoverableBy).toBe('backup_expiry')
    expect(envelopeKeys({ ...desk(), destroy }).irrecoverableBy).toBe('epoch_end')
    const said = envelopeKeys({ ...desk(), irrecoverableBy: 'epoch_end' })
    expect([said.irrecoverableBy, said.rotate, said.destroy]).toEqual([
      'epoch_end',
      undefined,
      undefined,
    ])
  })

  const wrong: readonly (readonly [string, object | undefined, string])[] = [
    ['nothing', undefined, 'not_an_object'],
    ['no id', { ...desk(), id: '' }, 'not_an_id'],
    ['another end', { ...desk(), irrecoverableBy: 'never' }, 'not_an_end'],
    ['no wrap', { ...desk(), wrap: undefined }, 'not_a_function'],
    ['a rotate that is none', { ...desk(), rotate: 1 }, 'not_a_function'],
  ]
  test.for(wrong)('refuse %s', ([, options, code]) => {
    expect(() => envelopeKeys(options as EnvelopeOptions)).toThrowError(
      expect.objectContaining({
        code: 'invalid_input',
        details: { issues: [expect.objectContaining({ code })] },
      }),
    )
  })
})

describe('a key service', () => {
  let versions: Versions
  let kms: FakeKms

  beforeEach(async () => {
    versions = newVersions()
    kms = await startKms(versions, (caller, name) => caller === 'desk' && name === CLASS)
  })

  afterEach(() => kms.stop())

  test('that refuses a class to one process refuses no other class and no other process', async () => {
    const [office, help] = [kmsKeys(kms.url, 'office'), kmsKeys(kms.url, 'desk')]
    const wrapped = await office.wrap(KEY, KEY_CONTEXT)
    expect(await failure(help.unwrap(wrapped, KEY_CONTEXT))).toMatchObject({
      code: 'key_unavailable',
    })
    const core = { ...KEY_CONTEXT, accessClass: 'core' }
    expect(await help.unwrap(await help.wrap(KEY, core), core)).toEqual(KEY)
    expect(await office.unwrap(wrapped, KEY_CONTEXT)).toEqual(KEY)
  })

  test('that waits before it destroys for good refuses at once, and says until when it could be undone', async () => {
    const keys = kmsKeys(kms.url, 'office')
    const wrapped = await keys.wrap(KEY, KEY_CONTEXT)
    await keys.rotate?.()
    const before = Date.now()
    const { effectiveAt = 0 } = (await keys.destroy?.(1)) ?? {}
    expect(effectiveAt).toBeGreaterThanOrEqual(before + 3_600_000)
    expect(await failure(keys.unwrap(wrapped, KEY_CONTEXT))).toMatchObject({
      code: 'key_unreadable',
    })
  })

  test('logs no byte of a key', async () => {
    const keys = kmsKeys(kms.url, 'office')
    await keys.unwrap(await keys.wrap(KEY, KEY_CONTEXT), KEY_CONTEXT)
    const log = JSON.stringify(kms.log)
    expect(log).toContain(CLASS)
    expect(log).not.toContain(Buffer.from(KEY).toString('base64').slice(0, 20))
  })
})
