import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { exportStore, importStore, type Row, type Store } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import type { FaultKind } from '../../src/testkit/faulty-store.ts'
import { faultyStore } from '../../src/testkit/faulty-store.ts'
import { accessorsOf, ANNA, collect, fakeClock, openAcme, refusal } from '../support/acme.ts'
import { busyStore, openOver } from '../support/deep-store.ts'
import { hookedStore } from '../support/hooked-store.ts'
import { seeded } from '../support/seeded.ts'
import { leaveEngines, PLACES, type PlaceName } from '../support/stores.ts'

const ACME = { tenant: 'acme' } as const
const HASH = 32
const SEED = 20_261_122

interface Exported {
  readonly rows: readonly Row[]
  readonly bytes: Uint8Array
  readonly people: readonly string[]
  readonly root: string
}

let exported: Exported

beforeAll(async () => {
  const { data, people } = await busyStore({ people: 6 })
  const acme = await openOver(data)
  const root = rootOf(await acme.ledger.checkpoint())
  await acme.close()
  const bytes = Buffer.concat(await collect(exportStore(memoryStore({ share: data }), ACME)))
  exported = { rows: sorted([...data.rows]), bytes: new Uint8Array(bytes), people, root }
})

function sorted(rows: readonly Row[]): readonly Row[] {
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** The lines of a checkpoint that say which tree it is of. */
function rootOf(note: string): string {
  return note.split('\n').slice(0, 3).join('\n')
}

async function* chunksOf(bytes: Uint8Array, size = 1_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function allRows(store: Store): Promise<readonly Row[]> {
  await store.open()
  return store.scan('', { limit: 10_000 })
}

/** Exports from one kind of store, and imports into another. */
async function move(from: PlaceName, to: PlaceName): Promise<void> {
  const [source, target] = [await PLACES[from](), await PLACES[to]()]
  try {
    await importStore(source.store(), chunksOf(exported.bytes), ACME)
    const told: (readonly [number, number])[] = []
    const onProgress = (rows: number, bytes: number): void => void told.push([rows, bytes])
    const stream = exportStore(source.store(), ACME)
    const totals = await importStore(target.store(), stream, { ...ACME, onProgress })
    expect(told.at(-1)).toEqual([totals.rows, totals.bytes])
    expect(await target.rows()).toEqual(exported.rows)
    const acme = await openAcme(target.store())
    expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    expect(rootOf(await acme.ledger.checkpoint())).toBe(exported.root)
    const { id } = await acme.subjects.register({ externalId: 'new here' })
    await accessorsOf(acme).support.contact.create(id, ANNA)
    await acme.close()
  } finally {
    await source.dispose()
    await target.dispose()
  }
}

leaveEngines()

const SLOW = 60_000
const KINDS = Object.keys(PLACES) as readonly PlaceName[]
const WAYS = KINDS.flatMap((from) => KINDS.map((to) => [from, to] as const))

test.each(WAYS)(
  'from %s to %s every row is byte-equal and every proof holds',
  (from, to) => move(from, to),
  SLOW,
)

test('the same rows give the same bytes, from any store and in chunks of any size', {
  timeout: SLOW,
}, async () => {
  for (const kind of KINDS) {
    const place = await PLACES[kind]()
    await importStore(place.store(), chunksOf(exported.bytes, 7), ACME)
    expect(
      Buffer.concat(await collect(exportStore(place.store(), ACME))).equals(exported.bytes),
    ).toBe(true)
    await place.dispose()
  }
})

test('tenants that share a store move one at a time', async () => {
  const share = memoryData()
  await importStore(memoryStore({ share }), chunksOf(exported.bytes), ACME)
  await (await openAcme(memoryStore({ share }), { tenant: 'other' })).close()
  const stream = exportStore(memoryStore({ share }), ACME)
  expect(Buffer.concat(await collect(stream)).equals(exported.bytes)).toBe(true)
  const target = memoryStore()
  await importStore(target, exportStore(memoryStore({ share }), { tenant: 'other' }), {
    tenant: 'other',
  })
  expect((await allRows(target)).length).toBeLessThan(exported.rows.length)
})

/** Nothing opens what an import left, and the next import makes it whole. */
async function expectUnopenable(share: ReturnType<typeof memoryData>): Promise<void> {
  expect(await refusal(openAcme(memoryStore({ share })))).toEqual({
    code: 'unsupported_format',
    details: { what: 'store', version: 0 },
  })
  await importStore(memoryStore({ share }), chunksOf(exported.bytes), ACME)
  expect(await allRows(memoryStore({ share }))).toEqual(exported.rows)
}

describe('an export that is not what was written', () => {
  test('and was cut off anywhere is refused, and nothing opens what it left', async () => {
    const { length } = exported.bytes
    const random = seeded(SEED)
    const cuts = [0, 5, 9, 11, 25, 26, 30, length - HASH - 20, length - HASH, length - 1]
    for (const cut of [...cuts, ...random.list(60, length)]) {
      const share = memoryData()
      const refused = await refusal(
        importStore(memoryStore({ share }), chunksOf(exported.bytes.subarray(0, cut)), ACME),
      )
      expect([cut, refused.code]).toEqual([cut, cut < 8 ? 'unsupported_format' : 'store_corrupt'])
      if (share.rows.size > 0 && cut % 7 === 0) await expectUnopenable(share)
    }
  }, 60_000)

  test('because one bit changed is refused, wherever it is', async () => {
    const random = seeded(SEED)
    const places = [...Array(26).keys(), ...random.list(150, exported.bytes.length)]
    for (const at of places) {
      const changed = exported.bytes.slice()
      changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8))
      const share = memoryData()
      const { code } = await refusal(importStore(memoryStore({ share }), chunksOf(changed), ACME))
      expect([at, ['unsupported_format', 'store_corrupt', 'invalid_input'].includes(code)]).toEqual(
        [at, true],
      )
      if (share.rows.size > 0)
        expect(share.rows.get(storeKey())?.toString()).toContain('118,34,58,48')
    }
  }, 60_000)

  test('because something follows is refused', async () => {
    const share = memoryData()
    const longer = Buffer.concat([exported.bytes, Buffer.of(0)])
    expect(await refusal(importStore(memoryStore({ share }), chunksOf(longer), ACME))).toEqual({
      code: 'store_corrupt',
      details: { reason: 'export_changed' },
    })
    await expectUnopenable(share)
  })

  test('because its rows are out of order or twice is refused', async () => {
    for (const change of [swapped, doubled]) {
      const bytes = rewritten(change)
      expect(await refusal(importStore(memoryStore(), chunksOf(bytes), ACME))).toEqual({
        code: 'store_corrupt',
        details: { reason: 'export_changed' },
      })
    }
  })

  test('or is of another tenant, foreign or newer, is refused without a trace', async () => {
    const newer = exported.bytes.slice()
    newer[9] = 2
    const cases = [
      [exported.bytes, { tenant: 'other' }, { code: 'invalid_input' }],
      [Buffer.from('not an export'), ACME, { details: { what: 'export', version: 0 } }],
      [newer, ACME, { code: 'unsupported_format', details: { what: 'export', version: 2 } }],
    ] as const
    for (const [bytes, options, expected] of cases) {
      const share = memoryData()
      const refused = await refusal(importStore(memoryStore({ share }), chunksOf(bytes), options))
      expect(refused).toMatchObject(expected)
      expect(share.rows.size).toBe(0)
    }
  })
})

function storeKey(): string {
  return exported.rows.find(([key]) => key.endsWith('k/store'))?.[0] ?? ''
}

interface EncodedRow {
  readonly start: number
  readonly end: number
}

/** The places of the rows in the export. */
function places(): readonly EncodedRow[] {
  const view = new DataView(exported.bytes.buffer, exported.bytes.byteOffset)
  const found: EncodedRow[] = []
  for (let start = 26; view.getUint16(start) > 0; ) {
    const end = start + 6 + view.getUint16(start) + view.getUint32(start + 2)
    found.push({ start, end })
    start = end
  }
  return found
}

function bytesOf({ start, end }: EncodedRow): Uint8Array {
  return exported.bytes.subarray(start, end)
}

type Change = (rows: readonly Uint8Array[]) => readonly Uint8Array[]

const swapped: Change = ([a, b, ...rest]) => [b, a, ...rest].filter((row) => row !== undefined)
const doubled: Change = ([a, ...rest]) => [a, a, ...rest].filter((row) => row !== undefined)

/** As somebody would write it who knows the format. */
function rewritten(change: Change): Uint8Array {
  const rows = change(places().map(bytesOf))
  const bytes = rows.reduce(
    (sum, row) => sum + new DataView(row.buffer, row.byteOffset).getUint32(2),
    0,
  )
  const totals = Buffer.alloc(18)
  totals.writeBigUInt64BE(BigInt(rows.length), 2)
  totals.writeBigUInt64BE(BigInt(bytes), 10)
  const body = Buffer.concat([exported.bytes.subarray(0, 26), ...rows, totals])
  return new Uint8Array(Buffer.concat([body, createHash('sha256').update(body).digest()]))
}

test('a rewriting that changes nothing is the export', () => {
  expect(Buffer.from(rewritten((rows) => rows)).equals(exported.bytes)).toBe(true)
})

test('a store that has rows of the tenant is left as it is', async () => {
  const share = memoryData()
  await (await openAcme(memoryStore({ share }))).close()
  const before = sorted([...share.rows])
  expect(
    await refusal(importStore(memoryStore({ share }), chunksOf(exported.bytes), ACME)),
  ).toEqual({
    code: 'invalid_transition',
    details: { machine: 'import', from: 'not_empty', event: 'begin' },
  })
  expect(sorted([...share.rows])).toEqual(before)
})

test('a store without rows of the tenant has nothing to export, and an unfinished one neither', async () => {
  expect(await refusal(collect(exportStore(memoryStore(), ACME)))).toMatchObject({
    code: 'not_found',
  })
  const share = memoryData()
  const part = chunksOf(exported.bytes.subarray(0, -1))
  await refusal(importStore(memoryStore({ share }), part, ACME))
  expect(await refusal(collect(exportStore(memoryStore({ share }), ACME)))).toMatchObject({
    code: 'unsupported_format',
  })
})

test('rows that change while they are exported leave no export', async () => {
  const share = memoryData()
  await importStore(memoryStore({ share }), chunksOf(exported.bytes), ACME)
  const acme = await openAcme(memoryStore({ share }), { clock: fakeClock(Date.now()) })
  const parts: Uint8Array[] = []
  const read = async (): Promise<void> => {
    for await (const part of exportStore(memoryStore({ share }), ACME)) {
      if (parts.length === 0) await acme.subjects.register()
      parts.push(part)
    }
  }
  expect(await refusal(read())).toEqual({ code: 'write_conflict', details: { attempts: 1 } })
  const torn = Buffer.concat(parts)
  expect(await refusal(importStore(memoryStore(), chunksOf(torn), ACME))).toMatchObject({
    details: { reason: 'export_truncated' },
  })
  await acme.close()
})

test('an abort stops an export and an import, and leaves nothing that opens', async () => {
  const stop = new AbortController()
  const share = memoryData()
  await importStore(memoryStore({ share }), chunksOf(exported.bytes), ACME)
  const reason = new RangeError('stop')
  const read = async (): Promise<void> => {
    for await (const _ of exportStore(memoryStore({ share }), { ...ACME, signal: stop.signal }))
      stop.abort(reason)
  }
  await expect(read()).rejects.toBe(reason)
  const again = new AbortController()
  const target = memoryData()
  const signal = again.signal
  const onProgress = (): void => again.abort(reason)
  const options = { ...ACME, signal, onProgress }
  const stream = chunksOf(exported.bytes)
  await expect(importStore(memoryStore({ share: target }), stream, options)).rejects.toBe(reason)
  await expectUnopenable(target)
})

test('of two imports at once into one store, one is whole and the other says so', async () => {
  const share = memoryData()
  const store = hookedStore(memoryStore({ share }), {
    commit: async (_, next) => {
      await new Promise((resolve) => setImmediate(resolve))
      return next()
    },
  })
  const outcomes = await Promise.allSettled([
    importStore(store, chunksOf(exported.bytes), ACME),
    importStore(store, chunksOf(exported.bytes), ACME),
  ])
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(sorted([...share.rows])).toEqual(exported.rows)
})

const PASSING: readonly FaultKind[] = ['before', 'after-applied', 'double-delivery', 'late']

test.each(PASSING)('an import goes on when a commit fails: %s', async (kind) => {
  const counted = faultyStore(memoryStore(), [])
  await importStore(counted, chunksOf(exported.bytes), ACME)
  for (let nth = 1; nth <= counted.calls.commit; nth += 1) {
    const share = memoryData()
    const store = faultyStore(memoryStore({ share }), [{ call: 'commit', nth, kind }])
    await importStore(store, chunksOf(exported.bytes), ACME)
    await store.release()
    expect(sorted([...share.rows])).toEqual(exported.rows)
  }
})

test.each(['crash', 'crash-applied'] as const)(
  'a process that dies at any call of an import leaves all or nothing: %s',
  async (kind) => {
    const counted = faultyStore(memoryStore(), [])
    await importStore(counted, chunksOf(exported.bytes), ACME)
    for (let nth = 1; nth <= counted.calls.commit; nth += 1) {
      const share = memoryData()
      const store = faultyStore(memoryStore({ share }), [{ call: 'commit', nth, kind }])
      const running = importStore(store, chunksOf(exported.bytes), ACME)
      running.catch(() => undefined)
      await store.crashed
      const isDone = nth === counted.calls.commit && kind === 'crash-applied'
      if (isDone) expect(sorted([...share.rows])).toEqual(exported.rows)
      else if (share.rows.size > 0) await expectUnopenable(share)
    }
  },
)

test('arguments that are none are refused', async () => {
  const right = memoryStore()
  const wrong = [
    () => collect(exportStore(right, {} as never)),
    () => collect(exportStore(right, { tenant: '' })),
    () => collect(exportStore({} as never, ACME)),
    () => importStore(right, chunksOf(exported.bytes), { tenant: 'acme', more: 1 } as never),
    () => importStore(right, 'bytes' as never, ACME),
    () => importStore(right, asStream(['text'] as never), ACME),
  ]
  for (const call of wrong) {
    expect(await refusal(async () => call())).toMatchObject({ code: 'invalid_input' })
  }
})

async function* asStream<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}
