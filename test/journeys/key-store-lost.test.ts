import { expect, test } from 'vitest'
import { PrivityError, type Store } from 'privity'
import { memoryStore } from 'privity/memory'
import { SECTION } from '../../src/storage/container.ts'
import { decodeKeyRow, encodeKeyRow } from '../../src/subjects/key-row.ts'
import {
  accessorsOf,
  type Acme,
  ANNA,
  collect,
  eagerClock,
  openAcme,
  refusal,
} from '../support/acme.ts'
import { acceptCopy, contradict } from '../support/contradicted.ts'
import { epochKeys } from '../support/epoch-keys.ts'
import {
  acmeKeyspace as keyspace,
  faultsOf,
  kindsAt,
  openPair as open,
  type Pair,
  pair,
  rowAt,
  rowsOf,
  setRow,
  withAnna,
} from '../support/key-stores.ts'
import { KEY_STORE, type Place } from '../support/stores.ts'

const REASON = { reason: 'subject_request' } as const
const UNREADABLE = { ...REASON, unreadable: 'erase' } as const
const MALFORMED = new Uint8Array([9])
const KEPT = '/c/q/w/'

/** What may become of a row, and what everybody is told who needs it. */
const CASES = [
  { name: 'missing', row: undefined, code: 'key_unknown', fault: 'key_row_missing' },
  { name: 'malformed', row: MALFORMED, code: 'key_unreadable', fault: 'key_row_changed' },
] as const

interface Five {
  readonly acme: Acme
  /** In their order. */
  readonly ids: readonly string[]
}

async function withFive(stores: Pair): Promise<Five> {
  const acme = await open(stores, { keys: epochKeys().provider() })
  const ids: string[] = []
  for (let nth = 0; nth < 5; nth += 1) {
    const { id } = await acme.subjects.register()
    await accessorsOf(acme).support.contact.create(id, { ...ANNA, email: `a${nth}@x.example` })
    ids.push(id)
  }
  return { acme, ids: ids.sort() }
}

for (const { name, row, code, fault } of CASES) {
  test(`one person whose key row is ${name} hides nobody else from a list, and is told last`, async () => {
    const stores = pair()
    const { acme, ids } = await withFive(stores)
    const [bad = '', ...others] = [ids[1], ...ids.filter((_, nth) => nth !== 1)]
    await setRow(stores.keys, keyspace.person(bad), row)
    const { contact } = accessorsOf(acme).support
    const found: string[] = []
    const listing = (async () => {
      for await (const { subjectId } of contact.list()) found.push(subjectId)
    })()
    expect(await refusal(listing)).toEqual({ code, details: { what: 'ring' } })
    expect(found).toEqual(others)
    for (const id of others) {
      const { email } = await contact.read(id as never)
      expect(await collect(contact.find({ email }))).toMatchObject([{ subjectId: id }])
    }
  })

  test(`a cursor goes on behind one person whose key row is ${name}`, async () => {
    const stores = pair()
    const { acme, ids } = await withFive(stores)
    await setRow(stores.keys, keyspace.person(ids[1] ?? ''), row)
    const { contact } = accessorsOf(acme).support
    const pages: (string | undefined)[] = []
    let after: string | undefined
    for (let page = 0; page < 2; page += 1) {
      const options = { limit: 2, ...(after === undefined ? {} : { after }) }
      try {
        for await (const { subjectId, cursor } of contact.list(options)) {
          pages.push(subjectId)
          after = cursor
        }
      } catch (error) {
        expect(error).toMatchObject({ code })
        pages.push(undefined)
      }
    }
    expect(pages).toEqual([ids[0], ids[2], undefined, ids[3], ids[4]])
  })

  test(`one person whose key row is ${name} is counted, named, and erased for good`, async () => {
    const stores = pair()
    const { acme, ids } = await withFive(stores)
    const bad = ids[1] ?? ''
    const keys = decodeKeyRow(await rowAt(stores.keys, bad))?.entries.length
    await setRow(stores.keys, keyspace.person(bad), row)
    expect((await faultsOf(acme)).filter((kind) => kind.startsWith('key_'))).toEqual([fault])
    await acme.keys.rotate()
    const isLost = row === undefined
    expect(await acme.keys.rewrap()).toMatchObject({
      people: 4,
      left: { unavailable: 0, erasing: 0, unreadable: isLost ? keys : 1 },
    })
    expect(await acme.keys.usage(1)).toMatchObject({
      people: 0,
      lost: isLost ? keys : 0,
      unreadable: isLost ? 0 : 1,
    })
    if (!isLost)
      expect(await refusal(acme.keys.retire(1))).toMatchObject({
        code: 'key_in_use',
        details: { people: 0, unreadable: 1 },
      })
    await acme.erasure.erase(bad as never, UNREADABLE)
    expect(await kindsAt(stores.main, bad)).toEqual([SECTION.fence])
    expect(await kindsAt(stores.keys, bad)).toEqual([SECTION.fence])
    expect(await acme.keys.retire(1)).toEqual(expect.any(String))
    expect(await faultsOf(acme)).toEqual([])
  })

  test(`an erasure that cannot begin leaves a key row that is ${name} what it is`, async () => {
    const stores = pair()
    const { acme, id } = await withAnna(stores)
    await acme.close()
    await setRow(stores.keys, keyspace.person(id), row)
    const main = memoryStore({ share: stores.main })
    const full: Store = {
      ...main,
      commit: (batch) =>
        batch.put.some(([key]) => key === keyspace.person(id))
          ? Promise.reject(new PrivityError('store_unavailable', { reason: 'down' }))
          : main.commit(batch),
    }
    const keyStore = memoryStore({ share: stores.keys })
    const again = await openAcme(full, { keyStore, clock: eagerClock() })
    const erasing = again.erasure.erase(id as never, UNREADABLE)
    expect((await refusal(erasing)).details).toMatchObject({
      failing: ['privity:store_unavailable'],
    })
    expect(await rowAt(stores.keys, id)).toEqual(row)
    const { contact } = accessorsOf(again).support
    expect((await refusal(contact.read(id as never))).code).toBe(code)
  })

  test(`an erasure under way comes to its end though the key row is ${name}`, async () => {
    const stores = pair()
    const { acme, id } = await withAnna(stores)
    const plan = await acme.erasure.plan(id as never, REASON)
    const stop = new AbortController()
    const options = { signal: stop.signal, onProgress: () => stop.abort() }
    await acme.erasure.run(plan, options).catch(() => undefined)
    await setRow(stores.keys, keyspace.person(id), row)
    expect(await acme.erasure.resume(plan.erasureId)).toEqual(expect.any(String))
    expect(await kindsAt(stores.keys, id)).toEqual([SECTION.fence])
    expect(await faultsOf(acme)).toEqual([])
  })

  test(`a withdrawal is kept on for somebody whose key row is ${name}, and recorded once it is back`, async () => {
    const stores = pair()
    const place: Place = placeOf(stores)
    const { anchor, id } = await contradict(place)
    const closed = await openAcme(place.store(), { anchor, clock: eagerClock() })
    await closed.consent.withdraw(id as never, { purposes: ['marketing'] })
    await closed.close()
    const good = await rowAt(stores.keys, id)
    await setRow(stores.keys, keyspace.person(id), row)
    await acceptCopy(place, anchor)
    const opened = await openAcme(place.store(), { anchor, clock: eagerClock() })
    await opened.close()
    const kept = async (): Promise<number> =>
      (await rowsOf(stores.main)).filter(([key]) => key.includes(KEPT)).length
    expect(await kept()).toBe(1)
    await setRow(stores.keys, keyspace.person(id), good)
    const again = await openAcme(place.store(), { anchor, clock: eagerClock() })
    expect(await kept()).toBe(0)
    expect(await again.consent.status(id as never, 'marketing')).toMatchObject({
      state: 'withdrawn',
    })
  })
}

function placeOf({ main, keys }: Pair): Place {
  return {
    store: () =>
      Object.assign(memoryStore({ share: main }), { [KEY_STORE]: memoryStore({ share: keys }) }),
    rows: () => rowsOf(main),
  } as unknown as Place
}

test('lost keys of one class hold no epoch back, and cost nothing else of the person', async () => {
  const stores = pair()
  const { acme, id } = await withAnna(stores, { keys: epochKeys().provider() })
  const { entries } = decodeKeyRow(await rowAt(stores.keys, id)) ?? { entries: [] }
  const [core] = entries.filter(({ accessClass }) => accessClass === 0)
  if (core === undefined) throw new TypeError('everybody has a key of the core class')
  const left = encodeKeyRow({ fence: undefined, entries: [core] })
  await setRow(stores.keys, keyspace.person(id), left)
  await acme.keys.rotate()
  expect((await acme.keys.rewrap()).left.unreadable).toBe(entries.length - 1)
  expect(await acme.keys.usage(1)).toMatchObject({ people: 0, lost: entries.length - 1 })
  expect(await acme.keys.retire(1)).toEqual(expect.any(String))
  expect(await acme.consent.status(id as never, 'support')).toMatchObject({ permits: true })
})
