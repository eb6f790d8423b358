import { beforeEach, describe, expect, test } from 'vitest'
import { memoryStore } from '../../src/adapters/memory.ts'
import { utf8 } from '../../src/base/bytes.ts'
import { PrivityError } from '../../src/base/errors.ts'
import { watchEpochs } from '../../src/keys/epoch-watch.ts'
import { openEnvelope, ROW_KIND, sealEnvelope } from '../../src/keys/envelope.ts'
import { localKeys } from '../../src/keys/local-keys.ts'
import { createPersonKeys, type PersonKeys } from '../../src/keys/person-keys.ts'
import type { KeyContext, KeyProvider } from '../../src/keys/provider.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import type { Store } from '../../src/storage/store.ts'
import { fakeClock, giveOnWeb, onPaper, openAcme, refusal, SECRET } from '../support/acme.ts'
import { opened } from '../support/hooked-store.ts'

const KEYSPACE = createKeyspace('0123456789abcdef')
const CLASSES = ['core', 'contact:support', 'contact:care!health']
const SLOTS = CLASSES.map((_, accessClass) => ({ epoch: 1, accessClass }))
const ANNA = '11'.repeat(16)
const BEN = '22'.repeat(16)
const CONTEXT = {
  kind: ROW_KIND.fields,
  storeId: '00'.repeat(16),
  personId: ANNA,
  accessClass: 1,
  revision: 1,
} as const

let store: Store

beforeEach(async () => {
  store = await opened(memoryStore())
  const keys = personKeys()
  await store.commit({ checks: [], put: await keys.mint(SLOTS), del: [] })
})

function personKeys(
  provider: KeyProvider = localKeys(SECRET),
  clock: ReturnType<typeof fakeClock> = fakeClock(),
): PersonKeys {
  return createPersonKeys({
    store,
    keyspace: KEYSPACE,
    provider,
    storeId: CONTEXT.storeId,
    salt: new Uint8Array(32),
    epochs: watchEpochs(1),
    clock,
    names: { nameOf: (accessClass) => CLASSES[accessClass], refresh: async () => undefined },
  })
}

async function loaded(...args: Parameters<typeof personKeys>): Promise<PersonKeys> {
  const keys = personKeys(...args)
  await keys.load(SLOTS)
  return keys
}

/** A provider that does something else for the calls of one class. */
function providerWith(
  unwrap: (context: KeyContext) => Promise<Uint8Array> | undefined,
): KeyProvider {
  const local = localKeys(SECRET)
  return {
    ...local,
    unwrap: (wrapped, context) => unwrap(context) ?? local.unwrap(wrapped, context),
  }
}

describe('keys of persons', () => {
  test('open in another process what was sealed under them', async () => {
    const { entry, key } = (await loaded()).create(ANNA, 1)
    const envelope = sealEnvelope(key, CONTEXT, utf8('words'))
    const again = (await loaded()).open(ANNA, entry)
    expect(openEnvelope(again, CONTEXT, envelope)).toEqual(utf8('words'))
    expect(again.id).toEqual(entry.keyId)
  })

  test('are random: two of the same person and class have nothing in common', async () => {
    const keys = await loaded()
    const [one, other] = [keys.create(ANNA, 1), keys.create(ANNA, 1)]
    expect(one.entry.keyId).not.toEqual(other.entry.keyId)
    expect(one.key.suite(1).cipher).not.toEqual(other.key.suite(1).cipher)
  })

  test('do not open under another person, class or epoch', async () => {
    const keys = await loaded()
    const { entry } = keys.create(ANNA, 1)
    expect(await refusal(() => keys.open(BEN, entry))).toEqual({
      code: 'key_unreadable',
      details: { what: 'contact:support' },
    })
    expect(await refusal(() => keys.open(ANNA, { ...entry, accessClass: 2 }))).toEqual({
      code: 'key_unreadable',
      details: { what: 'contact:care!health' },
    })
    expect(await refusal(() => keys.open(ANNA, { ...entry, epoch: 2 }))).toEqual({
      code: 'key_unavailable',
      details: { what: 'contact:support' },
    })
    expect(await refusal(() => keys.open(ANNA, { ...entry, generation: 2 }))).toEqual({
      code: 'key_unreadable',
      details: { what: 'contact:support' },
    })
  })

  test('that are known are still refused to another person', async () => {
    const keys = await loaded()
    const { entry } = keys.create(ANNA, 1)
    keys.open(ANNA, entry)
    expect(await refusal(() => keys.open(BEN, entry))).toMatchObject({ code: 'key_unreadable' })
  })

  test('of a class without a key row are unavailable', async () => {
    const keys = personKeys()
    expect(await refusal(() => keys.create(ANNA, 1))).toEqual({
      code: 'key_unavailable',
      details: { what: 'contact:support' },
    })
    await keys.load([{ epoch: 1, accessClass: 9 }])
    expect(await refusal(() => keys.create(ANNA, 9))).toEqual({
      code: 'key_unavailable',
      details: { what: 'unknown' },
    })
  })

  test('wrap what belongs to a class under its label only', async () => {
    const keys = await loaded()
    const [core, support] = [SLOTS[0] ?? FAIL, SLOTS[1] ?? FAIL]
    const wrapped = keys.wrap(support, 'lookup/0/1', new Uint8Array(32).fill(9))
    expect(keys.unwrap(support, 'lookup/0/1', wrapped)).toEqual(new Uint8Array(32).fill(9))
    expect(await refusal(() => keys.unwrap(support, 'lookup/1/1', wrapped))).toEqual({
      code: 'key_unreadable',
      details: { what: 'contact:support' },
    })
    expect(await refusal(() => keys.unwrap(core, 'lookup/0/1', wrapped))).toEqual({
      code: 'key_unreadable',
      details: { what: 'core' },
    })
  })

  test('ask the provider once per class, however many people there are', async () => {
    let calls = 0
    const keys = await loaded(
      providerWith(() => {
        calls += 1
        return undefined
      }),
    )
    for (let person = 0; person < 1_000; person += 1) {
      const id = person.toString(16).padStart(32, '0')
      keys.open(id, keys.create(id, person % 3).entry)
    }
    await keys.load(SLOTS)
    expect(calls).toBe(3)
  })
})

describe('a key that is handed out', () => {
  test('goes on working when the cache lets go of it', async () => {
    const clock = fakeClock()
    const keys = await loaded(localKeys(SECRET), clock)
    const { entry } = keys.create(ANNA, 1)
    const key = keys.open(ANNA, entry)
    const envelope = sealEnvelope(key, CONTEXT, utf8('words'))
    clock.advance({ hours: 1 })
    keys.open(ANNA, entry)
    // Somebody who opened the person before is still at it.
    expect(openEnvelope(key, CONTEXT, envelope)).toEqual(utf8('words'))
  })

  test('serves a history that is read slowly to its end', async () => {
    const clock = fakeClock()
    const acme = await openAcme(memoryStore(), { clock })
    const { id } = await acme.subjects.register()
    const { notice } = await giveOnWeb(acme, id, ['marketing'])
    await acme.consent.give(id, onPaper(notice, ['care']))
    const states: string[] = []
    for await (const { state } of acme.consent.history(id)) {
      states.push(state)
      clock.advance({ hours: 1 })
      await acme.consent.status(id, 'care')
    }
    expect(states).toEqual(['given', 'given'])
    await acme.close()
  })
})

describe('a key that is destroyed', () => {
  test('ends what was being read under it as erased', async () => {
    const acme = await openAcme(memoryStore())
    const { id } = await acme.subjects.register()
    const { notice } = await giveOnWeb(acme, id, ['marketing'])
    await acme.consent.give(id, onPaper(notice, ['care']))
    const history = acme.consent.history(id)[Symbol.asyncIterator]()
    expect(await history.next()).toMatchObject({ value: { purpose: 'marketing' } })
    await acme.erasure.erase(id, { reason: 'subject_request' })
    expect(await refusal(history.next())).toEqual({ code: 'erased', details: { kind: 'subject' } })
    await acme.close()
  })
})

describe('a provider', () => {
  const HEALTH = 'contact:care!health'
  const refusals: readonly (readonly [string, () => Promise<Uint8Array>, string])[] = [
    [
      'refuses',
      () => Promise.reject(new PrivityError('key_unavailable', { what: HEALTH })),
      'key_unavailable',
    ],
    ['fails', () => Promise.reject(new RangeError('403 arn:aws:kms')), 'key_unavailable'],
    [
      'throws at once for',
      () => {
        throw new RangeError('403 arn:aws:kms')
      },
      'key_unavailable',
    ],
    [
      'cannot read',
      () => Promise.reject(new PrivityError('key_unreadable', { what: HEALTH })),
      'key_unreadable',
    ],
  ]
  test.for(refusals)('that %s one class withholds that class only', async ([, answer, code]) => {
    const keys = await loaded(
      providerWith(({ accessClass }) => (accessClass === HEALTH ? answer() : undefined)),
    )
    const { entry } = (await loaded()).create(ANNA, 2)
    expect(await refusal(() => keys.open(ANNA, entry))).toEqual({ code, details: { what: HEALTH } })
    expect(await refusal(() => keys.create(ANNA, 2))).toEqual({ code, details: { what: HEALTH } })
    const other = keys.create(ANNA, 1)
    expect(keys.open(ANNA, other.entry).id).toEqual(other.entry.keyId)
  })

  test('that withholds a class is not asked for it at every turn', async () => {
    let calls = 0
    const keys = await loaded(
      providerWith(({ accessClass }) => {
        if (accessClass !== HEALTH) return undefined
        calls += 1
        return Promise.reject(new PrivityError('key_unavailable', { what: HEALTH }))
      }),
    )
    await keys.load(SLOTS)
    expect(calls).toBe(1)
  })

  test('that was down is asked again a minute later', async () => {
    let isDown = true
    const clock = fakeClock()
    const keys = await loaded(
      providerWith(() => (isDown ? Promise.reject(new RangeError('ECONNREFUSED')) : undefined)),
      clock,
    )
    expect(await refusal(() => keys.create(ANNA, 1))).toMatchObject({ code: 'key_unavailable' })
    isDown = false
    clock.advance(60_000)
    await keys.load(SLOTS)
    expect(keys.create(ANNA, 1).entry.accessClass).toBe(1)
  })

  test('is told what a key is for, and nothing about a person', async () => {
    const contexts: KeyContext[] = []
    const keys = await loaded(
      providerWith((context) => {
        contexts.push(context)
        return undefined
      }),
    )
    keys.create(ANNA, 1)
    expect(contexts.map(({ accessClass }) => accessClass)).toEqual(CLASSES)
    for (const context of contexts) {
      expect(context).toMatchObject({ storeId: CONTEXT.storeId, epoch: 1 })
      expect(Object.keys(context).sort()).toEqual(['accessClass', 'epoch', 'salt', 'storeId'])
    }
  })
})

const FAIL = { epoch: -1, accessClass: -1 }
