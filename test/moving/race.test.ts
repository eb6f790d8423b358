import { beforeAll, expect, test } from 'vitest'
import { exportStore, importStore, type Row } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { accessorsOf, ANNA, collect, eagerClock, openAcme, refusal } from '../support/acme.ts'
import { busyStore } from '../support/deep-store.ts'
import { hookedStore } from '../support/hooked-store.ts'

const ACME = { tenant: 'acme' } as const

let bytes: Uint8Array
let rows: readonly Row[]

beforeAll(async () => {
  const { data } = await busyStore({ people: 3 })
  rows = sorted([...data.rows])
  bytes = Buffer.concat(await collect(exportStore(memoryStore({ share: data }), ACME)))
})

function sorted(given: readonly Row[]): readonly Row[] {
  return [...given].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** An export that stops before its last bytes until it is told to go on. */
function halting(): { readonly stream: AsyncIterable<Uint8Array>; goOn(): void } {
  let goOn = (): void => undefined
  const told = new Promise<void>((resolve) => {
    goOn = resolve
  })
  async function* stream(): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, bytes.length - 1)
    await told
    yield bytes.subarray(bytes.length - 1)
  }
  return { stream: stream(), goOn }
}

test('an import that begins right before a new store is made is not written over', async () => {
  const share = memoryData()
  const { stream, goOn } = halting()
  let importing: Promise<unknown> | undefined
  const store = hookedStore(memoryStore({ share }), {
    commit: async (_, next, nth) => {
      if (nth > 1) return next()
      importing = importStore(memoryStore({ share }), stream, ACME)
      await expect.poll(() => share.rows.size).toBeGreaterThan(0)
      return next()
    },
  })
  expect(await refusal(openAcme(store, { clock: eagerClock() }))).toEqual({
    code: 'unsupported_format',
    details: { what: 'store', version: 0 },
  })
  goOn()
  await importing
  expect(sorted([...share.rows])).toEqual(rows)
  const acme = await openAcme(memoryStore({ share }))
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await acme.close()
})

test('a store that is made right before an import begins is not written over', async () => {
  const share = memoryData()
  let id = ''
  const target = hookedStore(memoryStore({ share }), {
    commit: async (_, next, nth) => {
      if (nth === 1) {
        const acme = await openAcme(memoryStore({ share }))
        id = (await acme.subjects.register()).id
        await accessorsOf(acme).support.contact.create(id, ANNA)
        await acme.close()
      }
      return next()
    },
  })
  expect((await refusal(importStore(target, chunks(), ACME))).code).toBe('write_conflict')
  const acme = await openAcme(memoryStore({ share }))
  expect(await accessorsOf(acme).support.contact.read(id)).toMatchObject({ name: ANNA.name })
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await acme.close()
})

async function* chunks(): AsyncGenerator<Uint8Array> {
  yield bytes
}
