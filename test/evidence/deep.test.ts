import { beforeAll, describe, expect, test } from 'vitest'
import { type MemoryData, memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { PrivityError } from '../../src/base/errors.ts'
import { localKeys } from '../../src/keys/local-keys.ts'
import type { KeyProvider } from '../../src/keys/provider.ts'
import type { Fault, Verification } from '../../src/ledger/verify-log.ts'
import { accessorsOf, ANNA, eagerClock, openAcme, refusal, SECRET } from '../support/acme.ts'
import { copyOf, setRows } from '../support/deep-mutations.ts'
import { type BusyStore, busyStore, openOver } from '../support/deep-store.ts'

const SLOW = 60_000
/** Documents, and the rows of persons that are found otherwise. */
const PERSONS = /^[0-9a-f]{16}\/[ptyu]\//
/** Access logs, their index, and how long the main log knows them to be. */
const ACCESSES = /^[0-9a-f]{16}\/(?:[aw]|c\/w)\//

let store: BusyStore

beforeAll(async () => {
  store = await busyStore({ people: 6, torn: true })
}, SLOW)

type Rows = Map<string, Uint8Array | undefined>

function rowsOf({ rows }: MemoryData, pattern: RegExp): Rows {
  return new Map([...rows].filter(([key]) => pattern.test(key)))
}

/** Puts these rows in place of all that match now. */
function restore(data: MemoryData, pattern: RegExp, rows: Rows): void {
  const gone = [...rowsOf(data, pattern).keys()].map((key) => [key, undefined] as const)
  setRows(data, new Map([...gone, ...rows]))
}

async function verified(data: MemoryData): Promise<Verification> {
  const acme = await openOver(data)
  const found = await acme.ledger.verify({ deep: true })
  await acme.close()
  return found
}

function kindsOf(faults: readonly Fault[]): readonly string[] {
  return [...new Set(faults.map(({ kind }) => kind))].toSorted()
}

function row(pattern: RegExp, data = store.data): string {
  const key = [...data.rows.keys()].toSorted().find((name) => pattern.test(name))
  if (key === undefined) throw new TypeError('no such row')
  return key
}

describe('deep verification', () => {
  test('finds a store in order, with erasures that are finished, fenced and half way', async () => {
    const fences = [...store.data.rows].filter(([key]) => /\/p\/[0-9a-f]{32}$/.test(key))
    expect(fences.length).toBe(8)
    expect(await verified(copyOf(store.data))).toMatchObject({ ok: true, faults: [] })
  })

  test('is not what verification does unasked', async () => {
    const data = copyOf(store.data)
    setRows(data, new Map([[row(/\/p\/[0-9a-f]{32}\/r\//), undefined]]))
    const acme = await openOver(data)
    expect(await acme.ledger.verify()).toMatchObject({ ok: true })
    expect(await acme.ledger.verify({ deep: false })).toMatchObject({ ok: true })
    expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: false })
    expect(await refusal(acme.ledger.verify({ deep: 1 } as never))).toMatchObject({
      code: 'invalid_input',
    })
    await acme.close()
  })

  test('finds a log that was set back as a whole under rows that were not', async () => {
    const data = memoryData()
    const acme = await openOver(data)
    const { id } = await acme.subjects.register()
    const { support } = accessorsOf(acme)
    await support.contact.create(id, ANNA)
    const log = rowsOf(data, /\/l\//)
    await support.contact.update(id, { address: 'Elsewhere' })
    await acme.close()
    restore(data, /\/l\//, log)
    const { ok, faults } = await verified(data)
    expect(ok).toBe(false)
    const body = [...data.rows.keys()].filter((key) => key.includes(`${id}/e/`)).toSorted()
    expect(faults).toContainEqual(
      expect.objectContaining({ key: body.at(-1), kind: 'body_mismatch' }),
    )
  })

  test('finds a person who was set back as a whole, and names the entries that are missing', async () => {
    const data = memoryData()
    const acme = await openOver(data)
    const { id } = await acme.subjects.register()
    const { support } = accessorsOf(acme)
    await support.contact.create(id, ANNA)
    const person = rowsOf(data, PERSONS)
    await support.contact.update(id, { address: 'Elsewhere' })
    await support.contact.update(id, { address: 'Nowhere' })
    const size = [...data.rows.keys()].filter((key) => /\/l\/e\//.test(key)).length
    restore(data, PERSONS, person)
    const { ok, faults } = await verified(data)
    expect(ok).toBe(false)
    expect(faults.map(({ kind, index }) => [kind, index])).toEqual([
      ['body_missing', BigInt(size - 2)],
      ['body_missing', BigInt(size - 1)],
    ])
    await acme.close()
  })

  test('finds an access log that was set back, though its register is written anew', async () => {
    const data = memoryData()
    const acme = await openOver(data)
    const { id } = await acme.subjects.register()
    const { support } = accessorsOf(acme)
    await support.contact.create(id, ANNA)
    await support.contact.read(id)
    const accesses = rowsOf(data, ACCESSES)
    await support.contact.read(id)
    await acme.close()
    restore(data, ACCESSES, accesses)
    const { ok, faults } = await verified(data)
    expect(ok).toBe(false)
    expect(kindsOf(faults)).toEqual(['log_set_back', 'row_rewritten'])
  })

  test('finds an erased person who was brought back', async () => {
    const data = memoryData()
    const acme = await openOver(data)
    const { id } = await acme.subjects.register({ externalId: 'back' })
    await accessorsOf(acme).support.contact.create(id, ANNA)
    const person = rowsOf(data, PERSONS)
    await acme.erasure.erase(id, { reason: 'subject_request' })
    await acme.close()
    restore(data, PERSONS, person)
    const { ok, faults } = await verified(data)
    expect(ok).toBe(false)
    const named = new Set(faults.map(({ key }) => key))
    expect([...person.keys()].filter((key) => !named.has(key))).toEqual([])
    expect(kindsOf(faults)).toEqual(['row_changed', 'row_unexpected'])
  })

  test('finds everybody gone, and what they left in the indexes', async () => {
    const data = copyOf(store.data)
    const [id = ''] = store.people
    restore(data, new RegExp(`/p/${id}`), new Map())
    const { ok, faults } = await verified(data)
    expect(ok).toBe(false)
    expect(kindsOf(faults)).toEqual(['body_missing', 'row_unexpected'])
    const left = [...data.rows.keys()].filter((key) => key.includes(id))
    expect(left.filter((key) => !faults.some((fault) => fault.key === key))).toEqual([])
  })

  test('finds the fence of an erased person gone', async () => {
    const data = copyOf(store.data)
    const id = store.people[4] ?? ''
    const key = row(new RegExp(`/p/${id}$`))
    setRows(data, new Map([[key, undefined]]))
    expect((await verified(data)).faults).toEqual([{ key, kind: 'row_missing' }])
  })

  test('finds rows that belong to nothing, wherever they are', async () => {
    const tenant = row(/\/k\/store$/).slice(0, 17)
    const id = '0123456789abcdef0123456789abcdef'
    const strays = [
      '!',
      'a',
      'a/x',
      'a/q83vASNFZ4mrze8BI0VniQ/0000/000000000000',
      'a/q83vASNFZ4mrze8BI0VniQ/0000/0000000000ff',
      'a/q83vASNFZ4mrze8BI0VniQ/00ff/000000000000',
      'b/row',
      'c/nonsense',
      'c/e/0000',
      'c/e/0000ffff',
      'c/x/',
      'k/store/',
      'l/headless',
      'l/n/zz',
      'l/e/~',
      'l/s/0001/head',
      'p/',
      'p/anna',
      `p/${id.slice(1)}/e/00000001`,
      `p/${store.people[0]}/z/row`,
      `p/${store.people[0]}/e/0001`,
      `p/${store.people[4]}/r/0000/row`,
      't/row',
      `t/0000/0001/00/${id}/-`,
      `t/0000/0001/00/${store.people[0]}/-`,
      `u/0001/${id}`,
      'w/0000/rows',
      'w/0000/s/00000000ffff',
      'w/0000/s/x',
      'w/x',
      `y/0000/${id}`,
      `y/0009/${store.people[0]}`,
      `y/0000/${store.people[4]}`,
      'z/row',
      '~'.repeat(239),
    ]
    const data = copyOf(store.data)
    for (const stray of strays) {
      const key = `${tenant}${stray}`
      setRows(data, new Map([[key, new Uint8Array(0)]]))
      expect([stray, (await verified(data)).faults]).toEqual([
        stray,
        [expect.objectContaining({ key })],
      ])
      setRows(data, new Map([[key, undefined]]))
    }
  })

  test('leaves the rows of other tenants and of queues alone', async () => {
    const data = copyOf(store.data)
    const tenant = row(/\/k\/store$/).slice(0, 17)
    setRows(
      data,
      new Map([
        ['other', new Uint8Array(1)],
        [`${tenant}c/q/anything`, new Uint8Array(1)],
      ]),
    )
    expect(await verified(data)).toMatchObject({ ok: true, faults: [] })
  })

  test('says what it could not open, and nothing worse, when a key is withheld', async () => {
    const data = copyOf(store.data)
    const inner = localKeys(SECRET)
    const keys: KeyProvider = {
      ...inner,
      unwrap: async (wrapped, context) => {
        if (context.accessClass === 'core')
          throw new PrivityError('key_unavailable', { what: 'core' })
        return inner.unwrap(wrapped, context)
      },
    }
    const acme = await openAcme(memoryStore({ share: data }), { clock: eagerClock(), keys })
    const { ok, faults } = await acme.ledger.verify({ deep: true })
    expect(ok).toBe(false)
    expect(kindsOf(faults)).toEqual(['key_unavailable'])
    expect(faults.every(({ key }) => /\/p\/[0-9a-f]{32}$/.test(key ?? ''))).toBe(true)
    await acme.close()
  })

  test('tells how far it is, never backwards, and stops when it is told to', async () => {
    const acme = await openOver(copyOf(store.data))
    const seen: (readonly [bigint, bigint])[] = []
    const { size } = await acme.ledger.verify({
      deep: true,
      onProgress: (done, of) => {
        seen.push([done, of])
        throw new TypeError('ignored')
      },
    })
    const done = seen.map(([count]) => count)
    expect(done.toSorted((a, b) => Number(a - b))).toEqual(done)
    expect(seen.at(-1)).toEqual([size, size])
    const signal = AbortSignal.abort('stop')
    await expect(acme.ledger.verify({ deep: true, signal })).rejects.toBe('stop')
    await acme.close()
  })
})

describe('over several logs', () => {
  // One person leaves logs without an entry: their heads are there all the same.
  test.each([1, 12])(
    'deep verification finds everything in order, and what is not in each of them: %i people',
    async (people) => {
      const data = memoryData()
      const open = (): ReturnType<typeof openAcme> =>
        openAcme(memoryStore({ share: data }), { clock: eagerClock(), shards: 3 })
      const acme = await open()
      const { support } = accessorsOf(acme)
      const ids = await Promise.all(
        Array.from({ length: people }, async () => (await acme.subjects.register()).id),
      )
      for (const id of ids) await support.contact.create(id, ANNA)
      for (const id of ids.slice(1, 4)) await acme.erasure.erase(id, { reason: 'subject_request' })
      await acme.close()
      const again = await open()
      expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
      for (const key of [...ids.slice(0, 1), ...ids.slice(4)].flatMap((id) => [
        ...rowsOf(data, new RegExp(id)).keys(),
      ])) {
        const before = data.rows.get(key)
        setRows(data, new Map([[key, undefined]]))
        const { ok, faults } = await again.ledger.verify({ deep: true })
        expect([ok, faults.some((fault) => fault.key === key)]).toEqual([false, true])
        setRows(data, new Map([[key, before]]))
      }
      for (const key of rowsOf(data, /\/l\/s\//).keys()) {
        const before = data.rows.get(key)
        setRows(data, new Map([[key, undefined]]))
        const { ok, faults } = await again.ledger.verify({ deep: true })
        expect([key, ok, faults.some((fault) => fault.key === key)]).toEqual([key, false, true])
        setRows(data, new Map([[key, before]]))
      }
      await again.close()
    },
  )
})
