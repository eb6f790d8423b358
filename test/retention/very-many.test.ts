import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  localKeys,
  type Store,
  type SweepReport,
} from 'privity'
import { sqliteStore } from 'privity/sqlite'
import { controller, eagerClock, SECRET } from '../support/acme.ts'
import { scaled } from '../support/scale.ts'
import { createFolder, DRIVERS } from '../support/sqlite-drivers.ts'

const PEOPLE = scaled({ ci: 128, torture: 100_000 })
const SLOW = scaled({ ci: 60_000, torture: 7_200_000 })
const START = Date.UTC(2026, 0, 15)
const ACTOR = { id: 'staff:ida', roles: ['agent'] } as const
const TOGETHER = 32
/** What a group of people read and write at once, each of them some seventeen rows; groups grow up to 256. */
const MOST_ROWS = scaled({ ci: 600, torture: 4_500 })
/** Keys and heads of some thousands of people are kept in memory (46 MB when all are), and nothing of the others. */
const MOST_HEAP = 24 * 2 ** 20

const purposes = definePurposes({ support: { basis: 'contract', description: 'Answer' } })
const ticket = defineRecord(
  purposes,
  ({ field }) => ({ text: field(z.string(), { purposes: ['support'] }) }),
  { retention: { keep: { days: 90 }, from: 'created' } },
)
const policy = definePolicy({
  controller,
  purposes,
  records: { ticket },
  roles: { agent: { purposes: ['support'] } },
})

/** The largest number of rows that one call was about. */
function measured(store: Store): { readonly store: Store; readonly most: () => number } {
  let most = 0
  const seen = (rows: number): void => {
    most = Math.max(most, rows)
  }
  return {
    most: () => most,
    store: {
      ...store,
      read: (keys) => {
        seen(keys.length)
        return store.read(keys)
      },
      scan: async (prefix, options) => {
        const rows = await store.scan(prefix, options)
        seen(rows.length)
        return rows
      },
      commit: (batch) => {
        seen(batch.checks.length + batch.put.length + batch.del.length)
        return store.commit(batch)
      },
    },
  }
}

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

function heap(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

test('a sweep of very many people can be stopped and gone on with, and needs no more memory', {
  timeout: SLOW,
}, async () => {
  // On disk: what is in the heap is not what is stored. To rewrite the file for every 32 people is not looked at here.
  const folder = createFolder()
  const connection = DRIVERS['node:sqlite'].connect(folder.file)
  const { store, most } = measured(sqliteStore(connection, { scrub: 'checkpoint' }))
  const clock = eagerClock(START)
  const privity = await createPrivity({ policy, store, keys: localKeys(SECRET), clock })
  const support = privity.accessor({ purpose: 'support', actor: ACTOR })
  for (let done = 0; done < PEOPLE; done += TOGETHER)
    await Promise.all(
      Array.from({ length: Math.min(TOGETHER, PEOPLE - done) }, async () => {
        const { id } = await privity.subjects.register()
        await support.ticket.create(id, { text: 'hello' })
      }),
    )
  clock.advance({ days: 90 })
  const budget = PEOPLE / 4
  expect(await privity.retention.sweep({ limit: budget })).toMatchObject({
    people: budget,
    records: budget,
    failed: 0,
  })

  const controllerOfSweep = new AbortController()
  const { signal } = controllerOfSweep
  let last: SweepReport | undefined
  const onProgress = (report: SweepReport): void => {
    last = report
    if (report.people >= budget) controllerOfSweep.abort(new RangeError('enough'))
  }
  await expect(privity.retention.sweep({ signal, onProgress })).rejects.toThrow('enough')
  const stopped = last?.records ?? 0
  expect(stopped).toBeGreaterThanOrEqual(budget)
  expect(stopped).toBeLessThan(budget + 64)

  const heaps: number[] = [heap()]
  const rest = await privity.retention.sweep({
    onProgress: ({ people }) => {
      if (people % 3_200 === 0) heaps.push(heap())
    },
  })
  heaps.push(heap())
  expect(rest).toMatchObject({ records: PEOPLE - budget - stopped, failed: 0 })
  expect(await privity.retention.sweep()).toMatchObject({ people: 0 })
  expect(Math.max(...heaps) - (heaps[0] ?? 0)).toBeLessThan(MOST_HEAP)
  expect(most()).toBeLessThanOrEqual(MOST_ROWS)
  await privity.close()
  connection.close()
  folder.remove()
})
