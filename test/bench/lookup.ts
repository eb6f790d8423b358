import { randomBytes } from 'node:crypto'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import Database from 'better-sqlite3'
import type { Row } from 'privity'
import { sqliteStore } from 'privity/sqlite'
import { type App, type OpenApp, openApp } from './app.ts'
import type { Bench, Candidate } from './bench.ts'
import { contactOf, emailOf, shuffled } from './people.ts'
import { openRaw, type Raw } from './raw.ts'

/** Who are looked for. */
const REAL = 1_000
const FEW = 10_000
/** `PEOPLE=1000000 npm run bench -- lookup` takes minutes and some three gigabytes. */
const MANY = Number(process.env['PEOPLE'] ?? 100_000)
const FINDS = 512
/** A run of microseconds each must last long enough to be measured beside other work. */
const FLOOR_FINDS = 8 * FINDS
const TURN = 32
const BATCH = 2_000
const GROUP = 500
const floorOf = (people: number): string =>
  `better-sqlite3: indexed get, JSON.parse, ${people} people`
const findOf = (people: number): string => `find by e-mail, ${people} people`

export const lookupBench: Bench = {
  name: 'lookup',
  title: `Find by e-mail, one class opened, ${FEW} and ${MANY} people, SQLite`,
  notes: [
    `${REAL} people are real; the others are rows of the same shape that nobody looks for, so that the file and`,
    'its trees are as large. Measured: token, scan, row, decision, opening, comparing, view, deferred log.',
  ],
  setUp: async (folder) => {
    const first = await openApp(folder)
    const ids = await fillInTurns(first, REAL)
    await first.close()
    first.database.close()
    const open = async (people: number): Promise<OpenApp> => {
      const file = join(folder, `${people}.db`)
      copyFileSync(first.database.name, file)
      await grow(file, people - REAL)
      return openApp(folder, { like: { ...first, database: new Database(file) } })
    }
    const [small, large] = [await open(FEW), await open(MANY)]
    const raws = [FEW, MANY].map((people) => rawOf(folder, ids, people))
    const numbers = shuffled(Array.from({ length: REAL }, (_, at) => at)).slice(0, FINDS)
    const often = Array.from({ length: FLOOR_FINDS }, (_, at) => numbers[at % FINDS] ?? 0)
    const floor = (people: number, raw: Raw | undefined): Candidate => ({
      name: floorOf(people),
      ops: FLOOR_FINDS,
      run: () => each(often, async (n) => raw?.findByEmail(emailOf(n))),
    })
    const find = (people: number, app: App, held: string): Candidate => ({
      name: held === floorOf(people) ? findOf(people) : `${findOf(people)}, of the one above`,
      floor: held,
      ops: FINDS,
      run: () => each(numbers, (n) => app.find(emailOf(n))),
    })
    return {
      candidates: [
        floor(FEW, raws[0]),
        find(FEW, small, floorOf(FEW)),
        floor(MANY, raws[1]),
        find(MANY, large, floorOf(MANY)),
        find(MANY, large, findOf(FEW)),
      ],
      close: async () => {
        for (const app of [large, small]) await app.close()
        for (const { database } of [large, small]) database.close()
        for (const raw of raws) raw.close()
      },
    }
  },
}

/** Some at a time: nobody's commit has to wait for all the others. */
async function fillInTurns(app: App, count: number): Promise<readonly string[]> {
  const ids: string[] = []
  while (ids.length < count) {
    const from = ids.length
    const some = await app.register(GROUP)
    await Promise.all(some.map((id, at) => app.create(id, contactOf(from + at))))
    await Promise.all(some.map((id) => app.give(id)))
    ids.push(...some)
    app.takeBatches()
  }
  return ids
}

/** Documents, tokens and holders of people who are not there: of the sizes that those of a real one have. */
async function grow(file: string, count: number): Promise<void> {
  const database = new Database(file)
  const store = sqliteStore(database, { synchronous: 'normal' })
  await store.open()
  const sample = await samplesOf(store)
  for (let done = 0; done < count; done += BATCH) {
    const put = Array.from({ length: Math.min(BATCH, count - done) }, () => rowsLike(sample)).flat()
    await store.commit({ checks: [], put, del: [] })
  }
  await store.close()
  database.close()
}

type Sample = readonly Row[]

/** The rows of one person that a search meets the like of. */
async function samplesOf(store: ReturnType<typeof sqliteStore>): Promise<Sample> {
  const [first] = await store.scan('', { limit: 1 })
  const tenant = first?.[0].slice(0, 17) ?? ''
  const [document] = await store.scan(`${tenant}p/`, { limit: 1 })
  const id = document?.[0].slice(-32) ?? ''
  const tokens = await Promise.all(
    ['t/0000/', 't/0001/', 'y/0000/'].map((family) =>
      store.scan(`${tenant}${family}`, { limit: 1 }),
    ),
  )
  return [...(document === undefined ? [] : [document]), ...tokens.flat()].map(
    ([key, value]): Row => [key.replace(/[0-9a-f]{32}(?=$|\/-)/, id), value],
  )
}

/** The same keys and sizes with other ids and tokens. */
function rowsLike(sample: Sample): readonly Row[] {
  const id = randomBytes(16).toString('hex')
  return sample.map(([key, value]): Row => {
    const renamed = key
      .replace(/\/[0-9a-f]{32}\/(?=[0-9a-f]{32}\/-)/, `/${randomBytes(16).toString('hex')}/`)
      .replace(/[0-9a-f]{32}(?=$|\/-)/, id)
    return [renamed, new Uint8Array(randomBytes(value.length))]
  })
}

function rawOf(folder: string, ids: readonly string[], people: number): Raw {
  const raw = openRaw(folder, 'normal')
  raw.transact(() => {
    for (let at = 0; at < people; at += 1)
      raw.put(ids[at] ?? randomBytes(16).toString('hex'), contactOf(at))
  })
  return raw
}

async function each<T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  for (const [at, item] of items.entries()) {
    await act(item)
    if (at % TURN === TURN - 1) await setImmediate()
  }
}
