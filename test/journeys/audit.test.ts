import { parseCanonical } from '../../src/base/parse-canonical.ts'
import { expect, test } from 'vitest'
import { type Batch, localKeys, PrivityError, type Row, type Store } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { toHex, utf8 } from '../../src/base/bytes.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import { openRoot } from '../../src/startup/open-root.ts'
import { createKeyspace, type Keyspace } from '../../src/storage/keyspace.ts'
import {
  accessorsOf,
  type Acme,
  ACTORS,
  ANNA,
  caught,
  collect,
  eagerClock,
  fakeClock,
  giveOnWeb,
  openAcme,
  refusal,
  SECRET,
  until,
} from '../support/acme.ts'
import { journey, type Place, keyStoreOf, storesOf } from '../support/stores.ts'

const KEYS: Keyspace = createKeyspace(toHex(sha256(utf8('acme'))).slice(0, 16))

/** One entry of an access log, as far as tests look at it. */
interface Entry {
  readonly subject: string
  readonly actor: string
  readonly purpose: string
  readonly action: string
  readonly record: string
  readonly head: number
  readonly reasons?: readonly string[]
  readonly salt: string
}

/** Everything that the access logs hold, opened as the controller could. */
async function accessesIn(place: Pick<Place, 'store' | 'rows'>): Promise<readonly Entry[]> {
  const store = place.store()
  await store.open()
  await keyStoreOf(store)?.open()
  const deps = {
    ...storesOf(store),
    keyspace: KEYS,
    provider: localKeys(SECRET),
    clock: eagerClock(),
  }
  const { controller } = await openRoot(deps)
  const segments = (await place.rows()).filter(([key]) => /\/w\/[0-9a-f]{4}\/s\//.test(key))
  await store.close()
  return segments.flatMap(
    ([key, sealed]) => parseCanonical(controller.open(key, sealed)) as unknown as readonly Entry[],
  )
}

function family(rows: readonly Row[], letter: string): readonly Row[] {
  return rows.filter(([key]) => key.startsWith(`${KEYS.prefix}${letter}/`))
}

async function writersIn(place: Place): Promise<number> {
  return (await place.rows()).filter(([key]) => /\/w\/[0-9a-f]{4}\/head$/.test(key)).length
}

async function openWithAnna(
  place: Place,
  options: Parameters<typeof openAcme>[1] = {},
): Promise<{ readonly acme: Acme; readonly id: string }> {
  const acme = await openAcme(place.store(), options)
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  return { acme, id }
}

journey('every access is in the log before its data is returned', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support } = accessorsOf(acme)
  await support.contact.read(id)
  expect(await accessesIn(place)).toMatchObject([
    { actor: 'staff:ida', purpose: 'support', action: 'read', record: 'contact', head: 2 },
  ])
  await support.contact.select(id, ['name'])
  await collect(support.contact.find({ email: ANNA.email }))
  await collect(support.contact.list())
  const { recordId } = await support.ticket.create(id, { text: 'help' })
  await support.ticket.read(id, recordId)
  const accesses = await accessesIn(place)
  expect(accesses.map(({ action }) => action)).toEqual(['read', 'read', 'find', 'list', 'read'])
  expect(accesses.at(-1)).toMatchObject({ record: 'ticket' })
  expect(new Set(accesses.map(({ subject }) => subject)).size).toBe(1)
  expect(new Set(accesses.map(({ salt }) => salt)).size).toBe(5)
  const rows = await place.rows()
  // By the person, by the actor, by the purpose.
  expect(family(rows, 'a')).toHaveLength(3 * 5)
  expect(family(rows, 'a').every(([key]) => !key.includes(id))).toBe(true)
  expect(JSON.stringify(accesses)).not.toContain(id)
  await acme.close()
})

journey('a refused attempt is in the log, with every reason', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { marketing } = accessorsOf(acme)
  await caught(marketing.contact.read(id))
  await caught(marketing.contact.update(id, { name: 'x' }))
  const roleless = acme.accessor({ purpose: 'support', actor: { id: 'mallory', roles: [] } })
  await caught(roleless.contact.read(id))
  await caught(roleless.ticket.create(id, { text: 'x' }))
  expect(await accessesIn(place)).toMatchObject([
    { actor: 'staff:bo', action: 'refused', purpose: 'marketing', reasons: ['not_asked'] },
    { actor: 'staff:bo', action: 'refused', purpose: 'marketing', reasons: ['not_asked'] },
    { actor: 'mallory', action: 'refused', purpose: 'support', reasons: ['role'] },
    { actor: 'mallory', action: 'refused', purpose: 'support', reasons: ['role'] },
  ])
  await acme.close()
})

journey('an attempt at a field of another purpose is in the log', async (place) => {
  const { acme, id } = await openWithAnna(place)
  await giveOnWeb(acme, id, ['marketing'])
  const { marketing } = accessorsOf(acme)
  await caught(marketing.contact.select(id, ['address'] as never))
  await caught(marketing.contact.update(id, { address: 'x' } as never))
  const accesses = await accessesIn(place)
  expect(accesses.map(({ action, reasons }) => [action, reasons])).toEqual([
    ['refused', ['field_not_in_purpose']],
    ['refused', ['field_not_in_purpose']],
  ])
  await acme.close()
})

journey('accesses that run together share a segment, and each is there', async (place) => {
  const { acme, id } = await openWithAnna(place)
  const { support } = accessorsOf(acme)
  await Promise.all(Array.from({ length: 64 }, () => support.contact.read(id)))
  expect(await accessesIn(place)).toHaveLength(64)
  const segments = (await place.rows()).filter(([key]) => key.includes('/s/'))
  expect(segments.length).toBeLessThan(16)
  await acme.close()
})

journey('a deferred access is in the log within a second', async (place) => {
  const clock = fakeClock()
  const { acme, id } = await openWithAnna(place, { clock, audit: 'deferred' })
  const { support } = accessorsOf(acme)
  await support.contact.read(id)
  await support.contact.read(id)
  expect(await accessesIn(place)).toEqual([])
  clock.advance(1_000)
  await until(async () => (await accessesIn(place)).length === 2)
  await support.contact.read(id)
  expect(await accessesIn(place)).toHaveLength(2)
  clock.advance(1_000)
  await until(async () => (await accessesIn(place)).length === 3)
  await acme.close()
})

journey('256 deferred accesses do not wait for the second', async (place) => {
  const { acme, id } = await openWithAnna(place, { audit: 'deferred' })
  const { support } = accessorsOf(acme)
  await Promise.all(Array.from({ length: 256 }, () => support.contact.read(id)))
  await until(async () => (await accessesIn(place)).length === 256)
  await acme.close()
})

journey('closing makes deferred accesses durable', async (place) => {
  const { acme, id } = await openWithAnna(place, { audit: 'deferred' })
  await accessorsOf(acme).support.contact.read(id)
  await acme.close()
  expect(await accessesIn(place)).toHaveLength(1)
})

journey('an instance that closes leaves its log to the next', async (place) => {
  const { acme, id } = await openWithAnna(place)
  await accessorsOf(acme).support.contact.read(id)
  await acme.close()
  for (const _ of [1, 2, 3]) {
    const next = await openAcme(place.store())
    await accessorsOf(next).support.contact.read(id)
    await next.close()
  }
  expect(await writersIn(place)).toBe(1)
  expect(await accessesIn(place)).toHaveLength(4)
})

journey('instances that run together have logs of their own', async (place) => {
  const { acme, id } = await openWithAnna(place, { clock: eagerClock() })
  const other = await openAcme(place.store(), { clock: eagerClock() })
  await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      accessorsOf(n % 2 === 0 ? acme : other).support.contact.read(id),
    ),
  )
  expect(await writersIn(place)).toBe(2)
  expect(await accessesIn(place)).toHaveLength(40)
  expect(await acme.ledger.verify()).toMatchObject({ ok: true, faults: [] })
  await other.close()
  await acme.close()
})

journey(
  'the log of an instance that died is entered by the next, and taken over when idle',
  async (place) => {
    const clock = fakeClock()
    const { id } = await openWithAnna(place, { clock }).then(async (opened) => {
      // It is never closed: its process is gone.
      await accessorsOf(opened.acme).support.contact.read(opened.id)
      return opened
    })
    const next = await openAcme(place.store(), { clock })
    const entered = family(await place.rows(), 'c').filter(([key]) => key.includes('/c/w/'))
    expect(entered).toHaveLength(1)
    await accessorsOf(next).support.contact.read(id)
    expect(await writersIn(place)).toBe(2)
    clock.advance(601_000)
    const third = await openAcme(place.store(), { clock })
    await accessorsOf(third).support.contact.read(id)
    expect(await writersIn(place)).toBe(2)
    expect(await accessesIn(place)).toHaveLength(3)
    expect(await third.ledger.verify()).toMatchObject({ ok: true, faults: [] })
    await third.close()
    await next.close()
  },
)

journey(
  'an instance whose log was taken over while it was idle goes on in another',
  async (place) => {
    const clock = fakeClock()
    const { acme, id } = await openWithAnna(place, { clock })
    const { support } = accessorsOf(acme)
    await support.contact.read(id)
    clock.advance(601_000)
    const other = await openAcme(place.store(), { clock })
    await accessorsOf(other).support.contact.read(id)
    expect(await writersIn(place)).toBe(1)
    await Promise.all(Array.from({ length: 20 }, () => support.contact.read(id)))
    expect(await accessesIn(place)).toHaveLength(22)
    // Twenty accesses that find themselves displaced together take one log, not twenty.
    expect(await writersIn(place)).toBe(2)
    await accessorsOf(other).support.contact.read(id)
    expect(await writersIn(place)).toBe(2)
    expect(await other.ledger.verify()).toMatchObject({ ok: true, faults: [] })
    await other.close()
    await acme.close()
  },
)

journey('accesses of an erased person cannot be told to be theirs', async (place) => {
  const { acme, id } = await openWithAnna(place)
  await accessorsOf(acme).support.contact.read(id)
  await acme.erasure.erase(id, { reason: 'subject_request' })
  const rows = await place.rows()
  expect(family(rows, 'a')).toHaveLength(3)
  expect(JSON.stringify(await accessesIn(place))).not.toContain(id)
  await acme.close()
})

/** A store that can be taken down: commits then fail, and are known not to be applied. */
function breakable(share: MemoryData): { readonly store: Store; down: boolean } {
  const inner = memoryStore({ share })
  const state = {
    down: false,
    store: {
      ...inner,
      commit: async (batch: Batch): Promise<void> => {
        if (state.down) throw new PrivityError('store_unavailable', { reason: 'busy' })
        return inner.commit(batch)
      },
    },
  }
  return state
}

function keysWith(share: MemoryData, part: RegExp): number {
  return [...share.rows.keys()].filter((key) => part.test(key)).length
}

test('an access that cannot be logged is not made in strict mode', async () => {
  const broken = breakable(memoryData())
  const acme = await openAcme(broken.store)
  const { id } = await acme.subjects.register()
  const { support } = accessorsOf(acme)
  await support.contact.create(id, ANNA)
  for (const _ of ['before a log was taken', 'after']) {
    broken.down = true
    expect(await refusal(support.contact.read(id))).toEqual({
      code: 'store_unavailable',
      details: { reason: 'busy' },
    })
    broken.down = false
    await support.contact.read(id)
  }
  await acme.close()
})

for (const audit of ['strict', 'deferred'] as const) {
  test(`what an actor calls itself cannot stop the access log (${audit})`, async () => {
    const share = memoryData()
    const acme = await openAcme(memoryStore({ share }), { audit })
    const { id } = await acme.subjects.register()
    await accessorsOf(acme).support.contact.create(id, ANNA)
    const outcomes: unknown[] = []
    // Half a character cannot be written as canonical JSON.
    for (const name of ['\ud800', 'staff:\udfff']) {
      for (const ask of [
        { actor: { ...ACTORS.support, id: name } },
        { actor: ACTORS.support, task: name },
        { actor: { id: 'x', roles: [...ACTORS.support.roles, name] } },
      ]) {
        const attempt = async (): Promise<unknown> =>
          acme.accessor({ purpose: 'support', ...ask }).contact.read(id)
        outcomes.push(
          await attempt().then(
            () => 'returned',
            ({ code }: PrivityError) => code,
          ),
        )
      }
    }
    expect(outcomes).toEqual(Array.from({ length: 6 }, () => 'invalid_input'))
    await accessorsOf(acme).support.contact.read(id)
    await acme.close()
    expect(keysWith(share, /\/a\//)).toBe(3)
    expect(keysWith(share, /\/w\/[0-9a-f]{4}\/head$/)).toBe(1)
  })
}

test('an access that failed does not cost a log', async () => {
  const share = memoryData()
  const broken = breakable(share)
  const acme = await openAcme(broken.store)
  const { id } = await acme.subjects.register()
  const { support } = accessorsOf(acme)
  await support.contact.create(id, ANNA)
  await support.contact.read(id)
  for (let n = 0; n < 12; n += 1) {
    broken.down = true
    expect(await refusal(support.contact.read(id))).toMatchObject({ code: 'store_unavailable' })
    broken.down = false
    await support.contact.read(id)
  }
  await acme.close()
  expect(keysWith(share, /\/w\/[0-9a-f]{4}\/head$/)).toBe(1)
})

test('what could not be logged while the store was down is logged once it is up', async () => {
  const share = memoryData()
  const broken = breakable(share)
  const clock = fakeClock()
  const acme = await openAcme(broken.store, { clock, audit: 'deferred' })
  const { id } = await acme.subjects.register()
  const { support } = accessorsOf(acme)
  await support.contact.create(id, ANNA)
  broken.down = true
  await support.contact.read(id)
  await support.contact.read(id)
  clock.advance(1_000)
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  broken.down = false
  // Nobody reads any more: the two must not stay behind until somebody does.
  clock.advance(60_000)
  await until(() => keysWith(share, /\/a\//) > 0)
  await acme.close()
})

test('closing waits for accesses that are being flushed already', async () => {
  const share = memoryData()
  const inner = memoryStore({ share })
  let open: () => void = () => undefined
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const store: Store = {
    ...inner,
    commit: async (batch) => {
      if (batch.put.some(([key]) => key.includes('/s/'))) await gate
      return inner.commit(batch)
    },
  }
  const acme = await openAcme(store, { audit: 'deferred' })
  const { id } = await acme.subjects.register()
  const { support } = accessorsOf(acme)
  await support.contact.create(id, ANNA)
  const read256 = (): Promise<unknown> =>
    Promise.all(Array.from({ length: 256 }, () => support.contact.read(id)))
  await read256()
  await read256()
  await read256()
  const closing = acme.close()
  await support.contact.read(id).catch(() => undefined)
  open()
  await closing
  const place = { store: () => memoryStore({ share }), rows: async () => [...share.rows] }
  expect((await accessesIn(place)).length).toBeGreaterThanOrEqual(768)
})
