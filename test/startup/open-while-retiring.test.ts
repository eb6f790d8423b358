import { expect, test } from 'vitest'
import type { KeyProvider } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { accessorsOf, type Acme, ANNA, eagerClock, openAcme, refusal } from '../support/acme.ts'
import { type EpochKeys, epochKeys } from '../support/epoch-keys.ts'

interface Running {
  readonly acme: Acme
  readonly share: MemoryData
  readonly kms: EpochKeys
  readonly id: string
  /** A new epoch is put in use, and the one before dies. */
  goOn(): Promise<void>
}

async function run(shards: number): Promise<Running> {
  const kms = epochKeys()
  const share = memoryData()
  const acme = await openAcme(memoryStore({ share }), {
    keys: kms.provider(),
    clock: eagerClock(),
    shards,
  })
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  async function goOn(): Promise<void> {
    const epoch = await acme.keys.rotate()
    await acme.keys.rewrap()
    await acme.keys.retire(epoch - 1)
  }
  return { acme, share, kms, id, goOn }
}

interface Counted {
  readonly keys: KeyProvider
  readonly calls: number
}

/** A provider before whose calls something happens. */
function before(kms: EpochKeys, happens: (nth: number) => Promise<void>): Counted {
  const inner = kms.provider()
  let calls = 0
  async function meet(): Promise<void> {
    calls += 1
    await happens(calls)
  }
  return {
    keys: {
      ...inner,
      currentEpoch: () => meet().then(() => inner.currentEpoch()),
      wrap: (...args) => meet().then(() => inner.wrap(...args)),
      unwrap: (...args) => meet().then(() => inner.unwrap(...args)),
    },
    get calls() {
      return calls
    },
  }
}

for (const shards of [1, 3]) {
  test(`whenever another process retires an epoch while this one starts, it starts, over ${shards} log(s)`, async () => {
    let isMet = true
    for (let nth = 1; isMet; nth += 1) {
      const { acme, share, kms, id, goOn } = await run(shards)
      const met = before(kms, async (call) => {
        if (call === nth) await goOn()
      })
      const store = memoryStore({ share })
      const second = await openAcme(store, { keys: met.keys, clock: eagerClock() })
      const { support } = accessorsOf(second)
      await support.contact.update(id, { address: 'Herengracht 2' })
      expect(await support.contact.read(id)).toMatchObject({ address: 'Herengracht 2' })
      expect(await second.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
      isMet = met.calls >= nth
      if (isMet) expect([...kms.destroyed]).toEqual([1])
      for (const instance of [acme, second]) await instance.close()
    }
  })
}

test('of epochs that die one after the other it goes on with the last', async () => {
  const { acme, share, kms, id, goOn } = await run(1)
  const { keys } = before(kms, async (nth) => {
    if (nth <= 3) await goOn()
  })
  const second = await openAcme(memoryStore({ share }), { keys, clock: eagerClock() })
  expect(await accessorsOf(second).support.contact.read(id)).toMatchObject({ name: ANNA.name })
  expect(kms.current).toBe(4)
  for (const instance of [acme, second]) await instance.close()
})

test('where they never end it gives up', async () => {
  const { acme, share, kms, goOn } = await run(1)
  const met = before(kms, goOn)
  const opening = openAcme(memoryStore({ share }), { keys: met.keys, clock: eagerClock() })
  expect(await refusal(opening)).toEqual({
    code: 'key_unreadable',
    details: { what: 'controller' },
  })
  expect(met.calls).toBe(10)
  await acme.close()
})

test('what is still the newest is asked for once: another secret is no race', async () => {
  const { acme, share } = await run(1)
  await acme.close()
  const met = before(epochKeys(), async () => undefined)
  const opening = openAcme(memoryStore({ share }), { keys: met.keys, clock: eagerClock() })
  expect(await refusal(opening)).toEqual({
    code: 'key_unreadable',
    details: { what: 'controller' },
  })
  expect(met.calls).toBe(1)
})
