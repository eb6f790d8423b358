import { expect, test } from 'vitest'
import type { KeyProvider } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import {
  accessorsOf,
  type Acme,
  ANNA,
  eagerClock,
  type FakeClock,
  openAcme,
  refusal,
} from '../support/acme.ts'
import { epochKeys } from '../support/epoch-keys.ts'
import { opened } from '../support/hooked-store.ts'

const MINUTE = 60_000
const WITHHELD = { code: 'key_unavailable', details: { what: 'core' } }

interface Opening {
  readonly keys: KeyProvider
  readonly shards?: number
  readonly clock?: FakeClock
}

function open(share: MemoryData, { keys, shards, clock = eagerClock() }: Opening): Promise<Acme> {
  const store = memoryStore({ share })
  return openAcme(store, { keys, clock, ...(shards === undefined ? {} : { shards }) })
}

async function addAnna(acme: Acme): Promise<string> {
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  return id
}

async function leave(acme: Acme): Promise<void> {
  await acme.keys.rotate()
  await acme.keys.rewrap()
}

test('all of several writes at once meet a new epoch', async () => {
  const [data, kms] = [memoryData(), epochKeys()]
  const one = await open(data, { keys: kms.provider() })
  const people = [await addAnna(one), await addAnna(one), await addAnna(one), await addAnna(one)]
  const other = await open(data, { keys: kms.provider() })
  await leave(one)
  const { support } = accessorsOf(other)
  await Promise.all(people.map((id) => support.contact.update(id, { address: 'Herengracht 2' })))
  for (const id of people)
    expect(await support.contact.read(id)).toMatchObject({ address: 'Herengracht 2' })
})

test('a provider that was away while an epoch was met is asked again', async () => {
  const [data, kms] = [memoryData(), epochKeys()]
  const one = await open(data, { keys: kms.provider() })
  const id = await addAnna(one)
  let isOut = false
  const clock = eagerClock()
  const other = await open(data, { keys: kms.provider(() => isOut), clock })
  await leave(one)
  isOut = true
  const { support } = accessorsOf(other)
  expect(await refusal(support.contact.read(id))).toEqual(WITHHELD)
  isOut = false
  clock.advance(MINUTE)
  expect(await support.contact.read(id)).toMatchObject({ name: ANNA.name })
  await support.contact.update(id, { address: 'Herengracht 2' })
})

test('a class that was refused for a moment when the store was opened is asked for again', async () => {
  const [data, kms] = [memoryData(), epochKeys()]
  const id = await addAnna(await open(data, { keys: kms.provider() }))
  let isOut = true
  const clock = eagerClock()
  const keys = kms.provider((accessClass) => isOut && accessClass === 'core')
  const acme = await open(data, { keys, clock })
  const { support } = accessorsOf(acme)
  expect(await refusal(support.contact.read(id))).toEqual(WITHHELD)
  isOut = false
  clock.advance(MINUTE)
  expect(await support.contact.read(id)).toMatchObject({ name: ANNA.name })
})

test.for([1, 2])(
  'a process that was ahead of a copy that was put back loses no key in it, over %i log(s)',
  async (shards) => {
    const [data, kms] = [memoryData(), epochKeys()]
    const acme = await open(data, { keys: kms.provider(), shards })
    const id = await addAnna(acme)
    const copy = new Map(data.rows)
    await acme.keys.rotate()
    const raw = await opened(memoryStore({ share: data }))
    const del = [...data.rows.keys()].filter((key) => !copy.has(key))
    await raw.commit({ checks: [], put: [...copy], del })
    expect(await refusal(acme.subjects.register())).toMatchObject({
      code: 'ledger_inconsistent',
      details: { kind: 'epoch' },
    })
    expect(new Map(data.rows)).toEqual(copy)
    const again = await open(data, { keys: kms.provider() })
    const made = await addAnna(again)
    const fresh = accessorsOf(await open(data, { keys: kms.provider() })).support.contact
    for (const person of [id, made])
      expect(await fresh.read(person)).toMatchObject({ name: ANNA.name })
  },
)

test('a record that is due is counted while somebody writes to its owner', async () => {
  const [share, kms] = [memoryData(), epochKeys()]
  const one = await open(share, { keys: kms.provider() })
  const { support } = accessorsOf(one)
  const id = await addAnna(one)
  const { recordId } = await support.ticket.create(id, { text: 'first' })
  await one.keys.rotateLookups()
  expect(await one.keys.lookupsDue()).toBe(2)
  const inner = memoryStore({ share })
  let met = 0
  const store: typeof inner = {
    ...inner,
    scan: async (prefix, options) => {
      const rows = await inner.scan(prefix, options)
      if (!/^[0-9a-f]{16}\/p\/$/.test(prefix)) return rows
      met += 1
      await support.ticket.update(id, recordId, { text: `again ${met}` })
      return rows
    },
  }
  const other = await openAcme(store, { keys: kms.provider(), clock: eagerClock() })
  expect([await other.keys.lookupsDue(), met]).toEqual([await one.keys.lookupsDue(), 1])
})
