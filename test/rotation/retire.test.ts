import { expect, test } from 'vitest'
import { type KeyProvider, localKeys } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { verifyCertificate } from 'privity/verify'
import { accessorsOf, ANNA, eagerClock, openAcme, refusal, SECRET, START } from '../support/acme.ts'
import { epochKeys } from '../support/epoch-keys.ts'

const DAY = 86_400_000

test('a provider without epochs says so, and nothing is changed', async () => {
  const share = memoryData()
  const acme = await openAcme(memoryStore({ share }), { keys: localKeys(SECRET) })
  const before = [...share.rows.keys()]
  expect(await refusal(acme.keys.rotate())).toEqual({
    code: 'not_supported',
    details: { what: 'keys.rotate' },
  })
  expect((await refusal(acme.keys.retire(1))).code).toBe('key_in_use')
  expect([...share.rows.keys()]).toEqual(before)
  expect(await acme.keys.rewrap()).toMatchObject({ epoch: 1, people: 0, storedKeys: 0 })
  await acme.close()
})

test('a provider that goes on opening what it says it destroyed gets no record', async () => {
  const kms = epochKeys({ now: () => START })
  const inner = kms.provider()
  let isLying = true
  const keys: KeyProvider = {
    ...inner,
    destroy: async (epoch) => (isLying ? { effectiveAt: START } : inner.destroy(epoch)),
  }
  const acme = await openAcme(memoryStore(), { keys, clock: eagerClock() })
  await acme.keys.rotate()
  await acme.keys.rewrap()
  expect(await refusal(acme.keys.retire(1))).toEqual({
    code: 'not_supported',
    details: { what: 'keys.retire' },
  })
  expect(await acme.keys.epochs()).toMatchObject([{ state: 'retiring' }, { state: 'current' }])
  isLying = false
  await acme.keys.retire(1)
  expect(await acme.keys.epochs()).toMatchObject([{ state: 'retired' }, { state: 'current' }])
  await acme.close()
})

test('a provider that is away after it destroyed gives no evidence: it is asked again', async () => {
  const kms = epochKeys({ now: () => START })
  let isOut = false
  let calls = 0
  const inner = kms.provider(() => isOut)
  const keys: KeyProvider = {
    ...inner,
    destroy: async (epoch) => {
      const destroyed = await inner.destroy(epoch)
      calls += 1
      isOut = calls === 1
      return destroyed
    },
  }
  const acme = await openAcme(memoryStore(), { keys, clock: eagerClock() })
  await acme.keys.rotate()
  await acme.keys.rewrap()
  expect(await refusal(acme.keys.retire(1))).toEqual({
    code: 'key_unavailable',
    details: { what: 'controller' },
  })
  expect(await acme.keys.epochs()).toMatchObject([{ state: 'retiring' }, { state: 'current' }])
  isOut = false
  const record = await acme.keys.retire(1)
  const { jwks } = acme.ledger.publicKeys
  expect(await verifyCertificate(record, { jwks })).toMatchObject({
    certificate: { verification: { unwrap: 'key_unreadable' } },
  })
  await acme.close()
})

test('a waiting period is in the record', async () => {
  const kms = epochKeys({ now: () => START, waiting: 7 * DAY })
  const acme = await openAcme(memoryStore(), { keys: kms.provider(), clock: eagerClock() })
  await acme.keys.rotate()
  await acme.keys.rewrap()
  const record = await acme.keys.retire(1)
  const effectiveAt = new Date(START + 7 * DAY).toISOString()
  const { jwks } = acme.ledger.publicKeys
  expect(await verifyCertificate(record, { jwks })).toMatchObject({
    ok: true,
    certificate: { effectiveAt, limits: expect.arrayContaining(['copies_already_read']) },
  })
  expect(await acme.keys.epochs()).toMatchObject([{ destroyedFrom: effectiveAt }, {}])
  await acme.close()
})

test('a document of which nothing can be told keeps every epoch alive', async () => {
  const kms = epochKeys()
  const share = memoryData()
  const acme = await openAcme(memoryStore({ share }), {
    keys: kms.provider(),
    clock: eagerClock(),
  })
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  const [key = ''] = [...share.rows.keys()].filter((row) => row.endsWith(`/p/${id}`))
  const document = share.rows.get(key) ?? new Uint8Array(0)
  await acme.keys.rotate()
  share.rows.set(key, Uint8Array.of(1, 2, 3))
  expect(await acme.keys.rewrap()).toMatchObject({ people: 0, left: { unreadable: 1 } })
  expect(await refusal(acme.keys.retire(1))).toMatchObject({
    code: 'key_in_use',
    details: { unreadable: 1 },
  })
  expect(kms.destroyed.size).toBe(0)
  share.rows.set(key, document)
  expect(await acme.keys.rewrap()).toMatchObject({ people: 1, left: { unreadable: 0 } })
  await acme.keys.retire(1)
  expect(await accessorsOf(acme).support.contact.read(id)).toMatchObject({ name: ANNA.name })
  await acme.close()
})

test('a newer key row that is taken away does not bring an older epoch back in use', async () => {
  const kms = epochKeys()
  const share = memoryData()
  const open = (): ReturnType<typeof openAcme> =>
    openAcme(memoryStore({ share }), { keys: kms.provider(), clock: eagerClock() })
  const acme = await open()
  await acme.keys.rotate()
  await acme.close()
  const [key = ''] = [...share.rows.keys()].filter((row) => row.endsWith('/k/c/00000002'))
  const raw = memoryStore({ share })
  await raw.open()
  await raw.commit({ checks: [], put: [], del: [key] })
  const again = await open()
  await again.subjects.register()
  expect(await again.keys.usage(1)).toMatchObject({ current: false, people: 0 })
  expect(await again.keys.usage(2)).toMatchObject({ current: true, people: 1 })
  await again.close()
})
