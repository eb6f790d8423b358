import { expect, test } from 'vitest'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { verifyCertificate } from 'privity/verify'
import {
  accessorsOf,
  type Acme,
  ANNA,
  collect,
  eagerClock,
  openAcme,
  refusal,
} from '../support/acme.ts'

const REASON = { reason: 'subject_request' } as const

interface Pair {
  readonly main: MemoryData
  readonly keys: MemoryData
}

function open({ main, keys }: Pair): Promise<Acme> {
  return openAcme(memoryStore({ share: main }), {
    keyStore: memoryStore({ share: keys }),
    clock: eagerClock(),
  })
}

/** Changes the rows of one person in a store, past the library. */
async function change(
  share: MemoryData,
  isIt: (key: string) => boolean,
  value: Uint8Array | undefined,
): Promise<void> {
  const store = memoryStore({ share })
  await store.open()
  const keys = (await store.scan('', { limit: 10_000 })).map(([key]) => key).filter(isIt)
  expect(keys).toHaveLength(1)
  await store.commit({
    checks: [],
    put: value === undefined ? [] : keys.map((key) => [key, value] as const),
    del: value === undefined ? keys : [],
  })
}

const LOSSES: Readonly<Record<string, (pair: Pair, id: string) => Promise<void>>> = {
  'whose keys are lost': ({ keys }, id) =>
    change(keys, (key) => key.endsWith(`p/${id}`), undefined),
  'whose document is no document': ({ main }, id) =>
    change(main, (key) => key.endsWith(`p/${id}`), new Uint8Array([9, 9, 9])),
}

for (const [name, lose] of Object.entries(LOSSES)) {
  test(`a person ${name} is erased by whoever asks for that, with all rows and lookups`, async () => {
    const pair: Pair = { main: memoryData(), keys: memoryData() }
    const first = await open(pair)
    const { id } = await first.subjects.register({ externalId: 'crm:anna' })
    const { id: bo } = await first.subjects.register({ externalId: 'crm:bo' })
    const { support } = accessorsOf(first)
    await support.contact.create(id, { ...ANNA, phone: '+31 20 1234567' })
    await support.contact.create(bo, { ...ANNA, email: 'bo@example.com' })
    await support.ticket.create(id, { text: 'a', channel: 'mail' })
    await first.close()
    await lose(pair, id)

    const acme = await open(pair)
    expect(await refusal(accessorsOf(acme).support.contact.read(id))).not.toMatchObject({
      code: 'erased',
    })
    expect(await refusal(acme.erasure.erase(id, REASON))).toMatchObject({
      code: 'erasure_incomplete',
      details: { failing: ['privity:unreadable'] },
    })
    expect(await collect(acme.erasure.pending())).toEqual([])
    const certificate = await acme.erasure.erase(id, { ...REASON, unreadable: 'erase' })
    expect(await verifyCertificate(certificate, acme.ledger.publicKeys)).toMatchObject({
      ok: true,
      certificate: { limits: expect.arrayContaining(['holds_of_unreadable_people']) },
    })
    const again = accessorsOf(acme).support
    expect(await refusal(again.contact.read(id))).toMatchObject({ code: 'erased' })
    expect(await acme.subjects.find({ externalId: 'crm:anna' })).toBeUndefined()
    expect(await collect(again.contact.find({ email: ANNA.email }))).toEqual([])
    expect(await again.contact.read(bo)).toMatchObject({ email: 'bo@example.com' })
    const store = memoryStore({ share: pair.main })
    await store.open()
    const rows = (await store.scan('', { limit: 10_000 })).filter(([key]) => key.includes(id))
    expect(rows.map(([key]) => key.slice(17))).toEqual([`p/${id}`])
    const found = { ok: true, faults: [], unmarked: 3n }
    expect(await acme.ledger.verify({ deep: true })).toMatchObject(found)
    expect(await acme.ledger.verify({ deep: true, unmarked: 3n })).toMatchObject(found)
    const { ok, faults } = await acme.ledger.verify({ deep: true, unmarked: 2n })
    expect([ok, new Set(faults.map(({ kind }) => kind))]).toEqual([
      false,
      new Set(['body_unmarked']),
    ])
    await acme.close()
  })
}

test('who was never registered is not erased', async () => {
  const acme = await openAcme(memoryStore())
  expect(await refusal(acme.erasure.erase('0'.repeat(32), REASON))).toMatchObject({
    code: 'not_found',
  })
  await acme.close()
})
