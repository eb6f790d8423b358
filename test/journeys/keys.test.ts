import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { isPrivityError, type KeyProvider, localKeys, PrivityError, type Store } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import {
  accessorsOf,
  type Acme,
  ANNA,
  collect,
  fakeClock,
  giveOnWeb,
  openAcme,
  refusal,
  SECRET,
  START,
} from '../support/acme.ts'
import { setBack } from '../support/set-back.ts'
import { journey } from '../support/stores.ts'

const CARE = 'contact:care!health'
const SLOW = 60_000

journey(
  'a store does not open under another secret, and is not changed by the attempt',
  async (place) => {
    const acme = await openAcme(place.store())
    const { id } = await acme.subjects.register()
    await accessorsOf(acme).support.contact.create(id, ANNA)
    await acme.close()
    const before = await place.rows()
    for (const secret of [new Uint8Array(32), SECRET.map((byte) => byte ^ 1)]) {
      expect(await refusal(openAcme(place.store(), { keys: localKeys(secret) }))).toEqual({
        code: 'key_unreadable',
        details: { what: 'controller' },
      })
    }
    expect(await place.rows()).toEqual(before)
    const again = await openAcme(place.store())
    expect(await accessorsOf(again).support.contact.read(id)).toMatchObject({ name: 'Anna' })
    await again.close()
  },
)

test('a store that could not be opened is given back closed', async () => {
  const share = memoryData()
  const acme = await openAcme(memoryStore({ share }))
  await acme.close()
  const store = memoryStore({ share })
  await refusal(openAcme(store, { keys: localKeys(new Uint8Array(32)) }))
  expect(await refusal(store.read(['a']))).toMatchObject({ code: 'store_closed' })
})

test('a secret that is changed after the call changes nothing', async () => {
  const share = memoryData()
  const secret = SECRET.slice()
  const keys = localKeys(secret)
  secret.fill(0)
  const acme = await openAcme(memoryStore({ share }), { keys })
  await acme.close()
  const again = await openAcme(memoryStore({ share }), { keys: localKeys(SECRET) })
  await again.close()
})

test('a passphrase opens what it made, however it is composed', { timeout: SLOW }, async () => {
  const share = memoryData()
  const composed = 'schöne Grüße, Anna'.normalize('NFC')
  const acme = await openAcme(memoryStore({ share }), { keys: localKeys(composed) })
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  await acme.close()
  const keys = localKeys(composed.normalize('NFD'))
  const again = await openAcme(memoryStore({ share }), { keys })
  expect(await accessorsOf(again).support.contact.read(id)).toMatchObject({ name: 'Anna' })
  await again.close()
  const other = { keys: localKeys(`${composed} `) }
  expect(await refusal(openAcme(memoryStore({ share }), other))).toMatchObject({
    code: 'key_unreadable',
  })
})

test('passphrases that differ in half a character are different, or refused', () => {
  for (const passphrase of ['passphrase \ud800', 'passphrase \udfff']) {
    expect(() => localKeys(passphrase)).toThrow(PrivityError)
  }
})

test('what holds a secret does not print it', async () => {
  const passphrase = 'marker-of-a-passphrase'
  const hex = Buffer.from(passphrase).toString('hex')
  const keys = localKeys(passphrase)
  const acme = await openAcme(memoryStore(), { keys })
  for (const value of [keys, acme, acme.ledger, accessorsOf(acme).support]) {
    const printed = inspect(value, { showHidden: true, depth: 9 })
    expect(printed).not.toContain(passphrase)
    expect(printed.replaceAll(/[^0-9a-f]/g, '')).not.toContain(hex)
  }
  expect(JSON.stringify(keys)).not.toContain(passphrase)
  await acme.close()
})

/** Local keys, of which single classes are withheld or fail. */
function providerWithout(
  refuse: (accessClass: string) => unknown,
  secret: Uint8Array = SECRET,
): KeyProvider {
  const inner = localKeys(secret)
  return {
    ...inner,
    unwrap: async (wrapped, context) => {
      const refused = refuse(context.accessClass)
      if (refused !== undefined) throw refused
      return inner.unwrap(wrapped, context)
    },
  }
}

journey('a process that is not given a class does all the rest', async (place) => {
  const acme = await openAcme(place.store())
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  await giveOnWeb(acme, id, ['care', 'marketing'])
  await accessorsOf(acme).care.contact.update(id, { allergies: 'nuts' })
  await acme.close()

  const unavailable = new PrivityError('key_unavailable', { what: CARE })
  const keys = providerWithout((name) => (name === CARE ? unavailable : undefined))
  const limited = await openAcme(place.store(), { keys })
  const { support, care, marketing } = accessorsOf(limited)
  expect(await support.contact.read(id)).toMatchObject({ name: 'Anna' })
  expect(await marketing.contact.read(id)).toMatchObject({ name: 'Anna' })
  const withheld = { code: 'key_unavailable', details: { what: CARE } }
  expect(await refusal(care.contact.read(id))).toEqual(withheld)
  expect(await refusal(care.contact.update(id, { allergies: 'none' }))).toEqual(withheld)
  await support.contact.update(id, { address: 'elsewhere' })
  await limited.consent.withdraw(id, { purposes: ['care'] })
  const { id: bram } = await limited.subjects.register()
  await support.contact.create(bram, { ...ANNA, name: 'Bram' })
  expect(await collect(support.contact.list())).toHaveLength(2)
  await limited.erasure.erase(id, { reason: 'subject_request' })
  expect((await place.rows()).filter(([key]) => key.includes(id))).toHaveLength(1)
  await limited.close()
})

test('a class that could not be fetched at the start is asked for again', async () => {
  const share = memoryData()
  const acme = await openAcme(memoryStore({ share }))
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  await giveOnWeb(acme, id, ['care'])
  await accessorsOf(acme).care.contact.update(id, { allergies: 'nuts' })
  await acme.close()
  let isDown = true
  const keys = providerWithout((name) =>
    isDown && name === CARE ? new Error('the KMS is down') : undefined,
  )
  const clock = fakeClock()
  const later = await openAcme(memoryStore({ share }), { keys, clock })
  const { care } = accessorsOf(later)
  expect(await refusal(care.contact.read(id))).toMatchObject({ code: 'key_unavailable' })
  isDown = false
  // The code is marked as one that may be retried.
  clock.advance({ hours: 1 })
  expect(await care.contact.read(id)).toEqual({ allergies: 'nuts' })
  await later.close()
})

test('a foreign error of a key provider goes no further', async () => {
  const marker = 'marker-17'
  const thrown = Object.assign(new Error(marker), { key: marker })
  const share = memoryData()
  const acme = await openAcme(memoryStore({ share }))
  await acme.close()
  const inner = localKeys(SECRET)
  const fails = async (): Promise<never> => {
    throw thrown
  }
  const stores: readonly (readonly [KeyProvider, Store])[] = [
    [{ ...inner, currentEpoch: fails }, memoryStore({ share })],
    [{ ...inner, unwrap: fails }, memoryStore({ share })],
    [{ ...inner, wrap: fails }, memoryStore()],
  ]
  for (const [keys, store] of stores) {
    const outcome = await openAcme(store, { keys }).catch((error: unknown) => error)
    expect(isPrivityError(outcome)).toBe(true)
    expect(outcome).toMatchObject({ code: expect.stringMatching(/^key_un/) })
    expect(inspect(outcome, { showHidden: true, depth: 9 })).not.toContain(marker)
  }
})

test('a provider that answers nonsense is an error of this library', async () => {
  const inner = localKeys(SECRET)
  for (const currentEpoch of [
    () => 1,
    async () => Number.NaN,
    async () => -1,
    async () => 2 ** 40,
    async () => 'one',
  ]) {
    const keys = { ...inner, currentEpoch } as KeyProvider
    const outcome = await openAcme(memoryStore(), { keys }).then(
      (acme) => acme.close(),
      (error: unknown) => error,
    )
    expect(outcome === undefined || isPrivityError(outcome)).toBe(true)
  }
})

const CLOCKS: readonly (readonly [name: string, now: number])[] = [
  ['in fractions', START + 0.5],
  ['before 1970', -1],
  ['at the end of time', 8.64e15],
  ['beyond every date', 1e20],
  ['beyond what is exact', Number.MAX_SAFE_INTEGER + 2],
]

for (const [name, now] of CLOCKS) {
  test(`a clock that tells the time ${name} makes no store that nobody can open`, async () => {
    const share = memoryData()
    const people: string[] = []
    const clock = fakeClock(now)
    const strange = await openAcme(memoryStore({ share }), { clock }).catch(
      (error: unknown) => error,
    )
    if (isPrivityError(strange)) expect(strange).toMatchObject({ code: 'invalid_input' })
    else people.push((await (strange as Acme).subjects.register()).id)
    const again = await openAcme(memoryStore({ share }), { clock: fakeClock(START) })
    people.push((await again.subjects.register()).id)
    for (const id of people) {
      await accessorsOf(again).support.contact.create(id, ANNA)
      expect(await accessorsOf(again).support.contact.read(id)).toMatchObject({ name: 'Anna' })
      expect(await again.consent.status(id, 'support')).toMatchObject({ permits: true })
      await again.consent.withdraw(id, { purposes: ['marketing'] })
      expect(await collect(again.consent.history(id))).toHaveLength(1)
      await again.erasure.erase(id, { reason: 'subject_request' })
    }
    await again.close()
  })
}

journey(
  'rows that the log knows of are not made anew when somebody deleted them',
  async (place) => {
    await (await openAcme(place.store())).close()
    const rows = await place.rows()
    for (const family of ['/c/catalogue', '/c/p/', '/k/k/']) {
      for (const [gone] of rows.filter(([key]) => key.includes(family))) {
        await setBack(
          place,
          rows.filter(([key]) => key !== gone),
        )
        expect(await refusal(openAcme(place.store()))).toEqual({
          code: 'store_corrupt',
          details: { reason: 'missing_row' },
        })
      }
    }
    await setBack(place, rows)
    await (await openAcme(place.store())).close()
  },
)
