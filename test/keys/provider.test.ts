import { afterEach, describe, expect, test, vi } from 'vitest'
import { memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { PrivityError } from '../../src/base/errors.ts'
import { localKeys } from '../../src/keys/local-keys.ts'
import type { KeyContext, KeyProvider } from '../../src/keys/provider.ts'
import {
  accessorsOf,
  type Acme,
  ANNA,
  collect,
  giveOnWeb,
  openAcme,
  refusal,
  SECRET,
} from '../support/acme.ts'

type Rows = ReturnType<typeof memoryData>

const HEALTH = 'contact:care!health'

/** A store with a person whose consent to care is given, and her allergies. */
async function withAnna(): Promise<{ readonly rows: Rows; readonly id: string }> {
  const rows = memoryData()
  const acme = await openAcme(memoryStore({ share: rows }))
  const { id } = await acme.subjects.register({ externalId: 'crm:1' })
  await accessorsOf(acme).support.contact.create(id, ANNA)
  await giveOnWeb(acme, id, ['care', 'marketing'])
  await accessorsOf(acme).care.contact.update(id, { allergies: 'peanuts' })
  await acme.close()
  return { rows, id }
}

interface Answers {
  readonly unwrap?: (context: KeyContext) => Promise<Uint8Array> | undefined
  readonly wrap?: (context: KeyContext) => Promise<Uint8Array> | undefined
  readonly epoch?: () => Promise<number>
}

function providerWith({ unwrap, wrap, epoch }: Answers): KeyProvider {
  const local = localKeys(SECRET)
  return {
    id: 'test',
    irrecoverableBy: 'epoch_end',
    currentEpoch: epoch ?? local.currentEpoch,
    wrap: (key, context) => wrap?.(context) ?? local.wrap(key, context),
    unwrap: (wrapped, context) => unwrap?.(context) ?? local.unwrap(wrapped, context),
  }
}

function openWith(rows: Rows, answers: Answers): Promise<Acme> {
  return openAcme(memoryStore({ share: rows }), { keys: providerWith(answers) })
}

async function expectOnlyHealthIsClosed(acme: Acme, id: string, code: string): Promise<void> {
  const { support, marketing, care } = accessorsOf(acme)
  expect(await refusal(care.contact.read(id))).toEqual({ code, details: { what: HEALTH } })
  expect(await refusal(care.contact.update(id, { allergies: 'milk' }))).toEqual({
    code,
    details: { what: HEALTH },
  })
  expect(await support.contact.read(id)).toMatchObject({ name: ANNA.name })
  expect(await marketing.contact.read(id)).toMatchObject({ email: ANNA.email })
  await support.contact.update(id, { address: 'Herengracht 2' })
  expect(await support.contact.read(id)).toMatchObject({ address: 'Herengracht 2' })
  expect(await collect(support.contact.find({ email: ANNA.email }))).toHaveLength(1)
  expect(await acme.ledger.verify()).toMatchObject({ ok: true })
}

describe('a provider that gives out some classes only', () => {
  const answers: readonly (readonly [string, () => Promise<Uint8Array>, string])[] = [
    [
      'by refusing',
      () => Promise.reject(new PrivityError('key_unavailable', { what: HEALTH })),
      'key_unavailable',
    ],
    [
      'by an error of its own',
      () => Promise.reject(new RangeError('AccessDenied')),
      'key_unavailable',
    ],
    [
      'because its secret is another one',
      () => Promise.reject(new PrivityError('key_unreadable', { what: HEALTH })),
      'key_unreadable',
    ],
  ]
  test.for(answers)('closes that class, and the rest works: %s', async ([, answer, code]) => {
    const { rows, id } = await withAnna()
    const acme = await openWith(rows, {
      unwrap: ({ accessClass }) => (accessClass === HEALTH ? answer() : undefined),
    })
    await expectOnlyHealthIsClosed(acme, id, code)
    await acme.close()
  })

  test('lets nothing of what it threw reach the app', async () => {
    const { rows, id } = await withAnna()
    const acme = await openWith(rows, {
      unwrap: ({ accessClass }) =>
        accessClass === HEALTH ? Promise.reject(new RangeError('arn:aws:kms:secret')) : undefined,
    })
    const error = await accessorsOf(acme)
      .care.contact.read(id)
      .catch((reason: unknown) => reason)
    expect(`${String(error)} ${JSON.stringify(error)} ${(error as Error).stack}`).not.toMatch(
      /arn:/,
    )
    expect((error as Error).cause).toBeUndefined()
    await acme.close()
  })

  test('erases a person all the same', async () => {
    const { rows, id } = await withAnna()
    const acme = await openWith(rows, {
      unwrap: ({ accessClass }) =>
        accessClass === HEALTH
          ? Promise.reject(new PrivityError('key_unavailable', { what: HEALTH }))
          : undefined,
    })
    await acme.erasure.erase(id, { reason: 'subject_request' })
    expect(await refusal(accessorsOf(acme).support.contact.read(id))).toEqual({
      code: 'erased',
      details: { kind: 'subject' },
    })
    await acme.close()
  })
})

describe('a provider that hangs', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  test('for one class closes that class, and the rest works', async () => {
    const { rows, id } = await withAnna()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const opening = openWith(rows, {
      unwrap: ({ accessClass }) =>
        accessClass === HEALTH ? new Promise(() => undefined) : undefined,
    })
    let acme: Acme | undefined
    opening.then(
      (it) => {
        acme = it
      },
      () => undefined,
    )
    for (let second = 0; second < 30 && acme === undefined; second += 1) {
      for (let turn = 0; turn < 50; turn += 1) await new Promise((done) => setImmediate(done))
      await vi.advanceTimersByTimeAsync(1_000)
    }
    expect(acme).toBeDefined()
    vi.useRealTimers()
    if (acme === undefined) return
    await expectOnlyHealthIsClosed(acme, id, 'key_unavailable')
    await acme.close()
  })
})

describe("the controller's own key", () => {
  test('under another secret is unreadable, and nothing is opened', async () => {
    const { rows } = await withAnna()
    const opening = openAcme(memoryStore({ share: rows }), {
      keys: localKeys(new Uint8Array(32).fill(8)),
    })
    expect(await refusal(opening)).toEqual({
      code: 'key_unreadable',
      details: { what: 'controller' },
    })
  })

  const calls: readonly (readonly [string, Answers])[] = [
    ['unwrap', { unwrap: () => Promise.reject(new RangeError('ECONNREFUSED 10.0.0.7')) }],
    ['name an epoch', { epoch: () => Promise.reject(new RangeError('ECONNREFUSED 10.0.0.7')) }],
  ]
  test.for(calls)('is unavailable when the provider cannot %s', async ([, answers]) => {
    const { rows } = await withAnna()
    expect(await refusal(openWith(rows, answers))).toEqual({
      code: 'key_unavailable',
      details: { what: 'controller' },
    })
  })

  test('is unavailable when the provider cannot wrap for a new store', async () => {
    const wrap = (): Promise<Uint8Array> => Promise.reject(new RangeError('ECONNREFUSED 10.0.0.7'))
    expect(await refusal(openWith(memoryData(), { wrap }))).toEqual({
      code: 'key_unavailable',
      details: { what: 'controller' },
    })
  })
})

describe('a new epoch', () => {
  test('leaves what was sealed under the old one readable and writable', async () => {
    const { rows, id } = await withAnna()
    const acme = await openWith(rows, { epoch: async () => 2 })
    const { support, care } = accessorsOf(acme)
    expect(await support.contact.read(id)).toMatchObject({ name: ANNA.name })
    expect(await care.contact.read(id)).toMatchObject({ allergies: 'peanuts' })
    await support.contact.update(id, { address: 'Herengracht 2' })
    expect(await collect(support.contact.find({ email: ANNA.email }))).toHaveLength(1)
    await acme.close()
  })

  test('is what new people are sealed under', async () => {
    const { rows } = await withAnna()
    const acme = await openWith(rows, { epoch: async () => 2 })
    const { id } = await acme.subjects.register()
    await accessorsOf(acme).support.contact.create(id, { ...ANNA, email: 'ben@example.com' })
    await acme.close()
    const old = await openWith(rows, {
      epoch: async () => 2,
      unwrap: ({ epoch, accessClass }) =>
        epoch === 1 && accessClass !== 'controller'
          ? Promise.reject(new PrivityError('key_unavailable', { what: 'core' }))
          : undefined,
    })
    expect(await accessorsOf(old).support.contact.read(id)).toMatchObject({ name: ANNA.name })
    await old.close()
  })
})
