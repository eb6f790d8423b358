import { setImmediate } from 'node:timers/promises'
import { type App, fill, openApp } from './app.ts'
import type { Bench, Candidate } from './bench.ts'
import { contactOf, emailOf, shuffled } from './people.ts'
import { openRaw } from './raw.ts'

const PEOPLE = 2_000
const READS = 512
/** A run of microseconds each must last long enough to be measured beside other work. */
const FLOOR_READS = 8 * READS
/** A server handles requests one by one; a loop that never yields would put off the deferred audit. */
const TURN = 32
const FLOOR = 'better-sqlite3: get, JSON.parse'
const FIND = 'better-sqlite3: indexed get, JSON.parse'
const LIST = 'better-sqlite3: all, JSON.parse'

export const readBench: Bench = {
  name: 'read',
  title: `Purpose read of a contact with twelve fields in two classes, ${PEOPLE} people, SQLite`,
  notes: [
    'Measured: row, decision, opening, view, access log. The loop yields every 32 operations, so that',
    'the deferred log is written within the measured time. Keys and heads are cached but for "cold".',
    'A deferred list ends before its accesses are written: its share leaves the log out.',
  ],
  setUp: async (folder) => {
    const raw = openRaw(folder)
    const app = await openApp(folder)
    const strict = await openApp(folder, { audit: 'strict', like: app })
    const ids = shuffled(await fill(app, PEOPLE))
    ids.forEach((id, at) => {
      raw.put(id, contactOf(at))
    })
    const some = ids.slice(0, READS)
    const numbers = some.map((_, at) => at)
    const often = Array.from({ length: FLOOR_READS }, (_, at) => some[at % READS] ?? '')
    let cold: App | undefined
    const candidates: readonly Candidate[] = [
      { name: FLOOR, ops: FLOOR_READS, run: () => each(often, async (id) => raw.get(id)) },
      readCandidate('one class opened, audit deferred', READS, () => each(some, app.readOne)),
      readCandidate('both classes opened, audit deferred', READS, () => each(some, app.readBoth)),
      readCandidate('one class, strict, 1 in flight', 48, () =>
        each(some.slice(0, 48), strict.readOne),
      ),
      readCandidate('one class, strict, 64 in flight', READS, async () => {
        for (let at = 0; at < READS; at += 64)
          await Promise.all(some.slice(at, at + 64).map(strict.readOne))
      }),
      {
        ...readCandidate('one class, cold: after a start', READS, () =>
          each(some, (id) => (cold ?? app).readOne(id)),
        ),
        before: async () => {
          await cold?.close()
          cold = await openApp(folder, { like: app })
        },
      },
      {
        name: FIND,
        ops: FLOOR_READS,
        run: () => each(often, async (_, at) => raw.findByEmail(emailOf(at % READS))),
      },
      {
        name: 'find by e-mail, one class opened',
        floor: FIND,
        ops: READS,
        run: () => each(numbers, (n) => app.find(emailOf(n))),
      },
      { name: LIST, ops: 100, run: async () => void raw.list(100) },
      {
        name: 'list, one class opened',
        floor: LIST,
        ops: 100,
        run: async () => void (await app.list(100)),
      },
      {
        name: 'list, one class, strict',
        floor: LIST,
        ops: 100,
        run: async () => void (await strict.list(100)),
      },
    ]
    return {
      candidates,
      close: async () => {
        for (const open of [cold, strict, app]) await open?.close()
        app.database.close()
        raw.close()
      },
    }
  },
}

function readCandidate(name: string, ops: number, run: () => Promise<void>): Candidate {
  return { name, floor: FLOOR, ops, run }
}

async function each<T>(
  items: readonly T[],
  act: (item: T, at: number) => Promise<unknown>,
): Promise<void> {
  for (const [at, item] of items.entries()) {
    await act(item, at)
    if (at % TURN === TURN - 1) await setImmediate()
  }
}
